-- Indexes of groups, built from whole tables: lists, graphs, and what is beside
-- them.
SET client_min_messages = warning;
SET max_parallel_maintenance_workers = 0;

CREATE FUNCTION make_vector(i int, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	$$ SELECT array_agg(((hashint8extended(i % 40, d) % 1000) / 250.0 + (hashint8extended(i, d) % 1000) / 2000.0)::real ORDER BY d)::vector FROM generate_series(1, dims) d $$;

-- Groups of 1 to 4 rows, of some hundred, of 1,200 to 1,800, and one of 3,000.
-- Of each some rows have equal vectors, no vector, or one without a direction.
CREATE TABLE item (id int, tenant int, size numeric, name text, v vector(12), note int);
INSERT INTO item
	SELECT i, CASE WHEN i <= 3000 THEN 1 WHEN i <= 4800 THEN 2 WHEN i <= 6000 THEN NULL WHEN i <= 7500 THEN i % 4 + 10
		WHEN i <= 8500 THEN 20 ELSE 100 + i / 4 END,
		CASE i % 3 WHEN 0 THEN 1 WHEN 1 THEN 1.0 ELSE 1.000 END + (i % 7) / 2, repeat('name', i % 5 * 60) || i % 11,
		CASE WHEN i % 97 = 0 THEN NULL WHEN i % 101 = 0 THEN array_fill(0, ARRAY[12])::vector
			ELSE make_vector(i - i % 8 / 7, 12) END, i % 3
	FROM generate_series(1, 9500) i;

-- What is wrong with an index of these, and which groups do not have the rows
-- that the table has, the nearest first.
CREATE FUNCTION try(columns text, by text, op text, query text, with_options text DEFAULT '')
RETURNS TABLE (violations text, groups bigint, wrong text) LANGUAGE plpgsql AS $$
DECLARE
	key text;
	given int[];
	wanted int[];
	bad text[] := '{}';
BEGIN
	EXECUTE format('CREATE INDEX item_index ON item USING omen_hnsw (%s) %s', columns, with_options);
	violations := (SELECT string_agg(concat_ws(' ', severity, kind, block, slot, detail), ', ') FROM (SELECT * FROM omen_hnsw_check('item_index', true) LIMIT 5) c);
	groups := 0;
	FOR key IN EXECUTE format('SELECT DISTINCT coalesce((%s)::text, ''NULL'') FROM item ORDER BY 1', by) LOOP
		groups := groups + 1;
		CONTINUE WHEN groups > 30;
		SET LOCAL enable_seqscan = off;
		EXECUTE format('SELECT array_agg(id ORDER BY id) FROM (SELECT id FROM item WHERE %s %s ORDER BY v %s %s LIMIT 5000) s',
			by, CASE key WHEN 'NULL' THEN 'IS NULL' ELSE format('= %L', key) END, op, query) INTO given;
		SET LOCAL enable_seqscan = on;
		SET LOCAL enable_indexscan = off;
		EXECUTE format('SELECT array_agg(id ORDER BY id) FROM item WHERE %s %s', by, CASE key WHEN 'NULL' THEN 'IS NULL' ELSE format('= %L', key) END) INTO wanted;
		SET LOCAL enable_indexscan = on;
		IF given IS DISTINCT FROM wanted THEN
			bad := bad || key;
		END IF;
	END LOOP;
	wrong := array_to_string(bad, ', ');
	DROP INDEX item_index;
	RETURN NEXT;
END $$;

-- With little memory the group of 3,000 is one that all participants make.
SET maintenance_work_mem = '64MB';
SELECT * FROM try('tenant, v', 'tenant', '<->', 'make_vector(7, 12)');
SET maintenance_work_mem = '1MB';
SELECT * FROM try('tenant, v', 'tenant', '<->', 'make_vector(7, 12)');
SELECT * FROM try('tenant, v vector_cosine_ops, note', 'tenant', '<=>', 'make_vector(7, 12)', 'WITH (storage = full)');
SELECT * FROM try('tenant, v vector_ip_ops', 'tenant', '<#>', 'make_vector(7, 12)', 'WITH (storage = sq4, m = 4, ef_construction = 12)');
SELECT * FROM try('tenant, v vector_l1_ops', 'tenant', '<+>', 'make_vector(7, 12)');
-- values that are equal, but not in their bytes, and keys of several slots
SELECT * FROM try('size, v', 'size', '<->', 'make_vector(7, 12)');
SELECT * FROM try('name, v', 'name', '<->', 'make_vector(7, 12)');
SELECT * FROM try('size, name, v', 'size', '<->', 'make_vector(7, 12)');
-- part of the rows, and expressions
SELECT * FROM try('(tenant + 1), ((v + v)::vector(12))', '(tenant + 1)', '<->', 'make_vector(7, 12)');
-- of other types
ALTER TABLE item ADD h halfvec(12), ADD b bit(12), ADD s sparsevec(3000);
UPDATE item SET h = v::halfvec(12), b = binary_quantize(v), s = ('{' || (id % 50 + 1) || ':1,' || (id % 2000 + 900) || ':2}/3000')::sparsevec;
VACUUM (FULL) item;
SELECT * FROM try('tenant, h halfvec_l2_ops', 'tenant', '<->', '$$[1,2,3,4,5,6,1,2,3,4,5,6]$$', '');
SELECT violations, groups FROM try('tenant, b bit_hamming_ops', 'tenant', '<->', '$$[1,2,3,4,5,6,1,2,3,4,5,6]$$', '');
SELECT violations, groups FROM try('tenant, s sparsevec_l2_ops', 'tenant', '<->', '$$[1,2,3,4,5,6,1,2,3,4,5,6]$$', '');
SELECT violations, groups FROM try('tenant, s sparsevec_cosine_ops', 'tenant', '<->', '$$[1,2,3,4,5,6,1,2,3,4,5,6]$$', '');

-- What is too long is told, as an insert tells it.
SET max_parallel_maintenance_workers = 0;
CREATE INDEX ON item USING omen_hnsw ((repeat(name, 1 + id % 2 * 20)), v);

-- A small table is inserted row by row; one without vectors has groups, too.
CREATE TABLE small AS SELECT id, tenant, v FROM item WHERE id BETWEEN 2950 AND 3050;
CREATE INDEX small_index ON small USING omen_hnsw (tenant, v);
SELECT * FROM omen_hnsw_check('small_index', true);
DROP TABLE small;

-- A group's graph is as good as that of an index over its rows alone.
CREATE FUNCTION recall(condition text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	query vector;
	given int[];
	wanted int[];
	found int := 0;
BEGIN
	FOR i IN 1 .. 60 LOOP
		query := make_vector(i * 37, 12);
		SET LOCAL enable_seqscan = off;
		EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM item WHERE %s ORDER BY v <-> $1 LIMIT 10) s', condition) INTO given USING query;
		SET LOCAL enable_seqscan = on;
		SET LOCAL enable_indexscan = off;
		EXECUTE format('SELECT array_agg(id) FROM (SELECT id, v <-> $1 AS d FROM item WHERE %s ORDER BY 2 LIMIT 10) s WHERE true', condition) INTO wanted USING query;
		SET LOCAL enable_indexscan = on;
		found := found + (SELECT count(*) FROM unnest(given) g WHERE g = ANY (wanted));
	END LOOP;
	RETURN found / 600.0;
END $$;
CREATE TEMP TABLE recalls (tenant int, grouped numeric, alone numeric);
SET omendb.ef_search = 20;
CREATE INDEX item_index ON item USING omen_hnsw (tenant, v);
INSERT INTO recalls SELECT t, recall('tenant = ' || t) FROM unnest(ARRAY[1, 2]) t;
DROP INDEX item_index;
CREATE INDEX item_index ON item USING omen_hnsw (v) WHERE tenant = 1;
UPDATE recalls SET alone = recall('tenant = 1') WHERE tenant = 1;
DROP INDEX item_index;
CREATE INDEX item_index ON item USING omen_hnsw (v) WHERE tenant = 2;
UPDATE recalls SET alone = recall('tenant = 2') WHERE tenant = 2;
DROP INDEX item_index;
SELECT tenant, CASE WHEN grouped < 0.9 OR abs(grouped - alone) > 0.03 THEN format('%s, alone %s', grouped, alone) END AS other FROM recalls ORDER BY tenant;
RESET omendb.ef_search;

-- Rows that come and go afterwards.
CREATE INDEX item_index ON item USING omen_hnsw (tenant, v, note);
INSERT INTO item (id, tenant, v, note) SELECT 10000 + i, CASE WHEN i % 5 < 3 THEN i % 5 WHEN i % 5 = 3 THEN 100 + i / 4 ELSE 5000 + i / 50 END, make_vector(i, 12), 1 FROM generate_series(1, 600) i;
SELECT * FROM omen_hnsw_check('item_index', true);
DELETE FROM item WHERE id % 3 = 0 OR tenant = 12;
VACUUM item;
SELECT * FROM omen_hnsw_check('item_index', true);
REINDEX INDEX item_index;
SELECT * FROM omen_hnsw_check('item_index', true);

-- Unlogged and temporary tables.
CREATE UNLOGGED TABLE unlogged AS SELECT id, tenant, v FROM item;
CREATE INDEX unlogged_index ON unlogged USING omen_hnsw (tenant, v);
SELECT * FROM omen_hnsw_check('unlogged_index', true);
CREATE TEMP TABLE temporary AS SELECT id, tenant, v FROM item;
CREATE INDEX temporary_index ON temporary USING omen_hnsw (tenant, v);
SELECT * FROM omen_hnsw_check('temporary_index', true);
DROP TABLE item, unlogged, temporary;
DROP FUNCTION try, recall, make_vector;
