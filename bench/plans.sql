-- Plans of one filtered query as the filter grows, for README.md: with an index on
-- the column that is filtered by, then with that as a column of the vector's index.
-- In the database that "KEEP=1 make demo" leaves:
--
--	psql -h .../socket -U postgres -f bench/plans.sql demo
--
-- Each is run four times; the last counts, when its pages are cached.
\set ON_ERROR_STOP on
\pset tuples_only on
\pset format unaligned
CREATE TABLE items AS
	SELECT id, ((hashint8extended(id, 5) % 1000)::int + 1000) % 1000 AS tenant, embedding FROM images ORDER BY id;
CREATE INDEX items_embedding_idx ON items USING omen_hnsw (embedding);
CREATE INDEX items_tenant_idx ON items (tenant);
VACUUM ANALYZE items;
PREPARE statements AS
	SELECT format('EXPLAIN (ANALYZE, COSTS OFF) SELECT id FROM items WHERE tenant < %s ORDER BY embedding <-> '
		'(SELECT embedding FROM queries WHERE id = 5) LIMIT 10', n)
	FROM (VALUES (1), (10), (30), (100), (500)) v (n), generate_series(1, 4);
EXECUTE statements \gexec
DROP INDEX items_embedding_idx, items_tenant_idx;
CREATE INDEX items_embedding_idx ON items USING omen_hnsw (embedding, tenant);
EXECUTE statements \gexec
DROP TABLE items;
