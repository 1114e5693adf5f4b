-- Indexes on bit strings, by Hamming and by Jaccard distance.
SET enable_seqscan = off;
SET enable_sort = off;

-- A few rows, some without a value: by distance, rows without one last; the same for each query.
CREATE TABLE few (id int, b bit(5));
INSERT INTO few VALUES (1, B'00000'), (2, B'10000'), (3, NULL), (4, B'11111'), (5, B'11000'), (6, B'11111');
CREATE INDEX few_hamming ON few USING omen_hnsw (b bit_hamming_ops);
CREATE INDEX few_jaccard ON few USING omen_hnsw (b bit_jaccard_ops);
INSERT INTO few VALUES (7, B'11100'), (8, NULL);
EXPLAIN (COSTS OFF) SELECT * FROM few ORDER BY b <~> B'11110' LIMIT 3;
SELECT *, b <~> B'11110' AS distance FROM few ORDER BY b <~> B'11110' LIMIT 9;
SELECT *, b <%> B'11100' AS distance FROM few ORDER BY b <%> B'11100' LIMIT 9;
-- nothing in common with anything: all at distance 1, in the order of the table
SELECT *, b <%> B'00000' AS distance FROM few ORDER BY b <%> B'00000' LIMIT 9;
SELECT count(*) FROM (SELECT * FROM few ORDER BY b <~> NULL LIMIT 20) s;
SELECT count(*) FROM (SELECT * FROM few ORDER BY b <%> (SELECT NULL::bit(5)) LIMIT 20) s;
SELECT * FROM few ORDER BY b <~> B'111' LIMIT 1;
SELECT * FROM few ORDER BY b <%> B'' LIMIT 1;
INSERT INTO few VALUES (9, B'1');
SELECT metric, storage, dims, mode, nodes, rows FROM omen_hnsw_info('few_hamming');
SELECT metric, storage, dims, mode, nodes, rows FROM omen_hnsw_info('few_jaccard');
SELECT * FROM omen_hnsw_check('few_hamming', true);
SELECT * FROM omen_hnsw_check('few_jaccard', true);
-- bit varying in a query is the same
SELECT id FROM few ORDER BY b <~> '11110'::varbit LIMIT 2;
UPDATE few SET b = ~b WHERE id IN (1, 4);
DELETE FROM few WHERE id = 6;
VACUUM few;
SELECT *, b <~> B'11110' AS distance FROM few ORDER BY b <~> B'11110' LIMIT 9;
SELECT * FROM omen_hnsw_check('few_hamming', true);
TRUNCATE few;
SELECT * FROM few ORDER BY b <~> B'11110' LIMIT 9;
DROP TABLE few;

-- What cannot be indexed.
CREATE TABLE refused (v varbit(8), u varbit, b bit(8), one bit, w vector(8));
CREATE INDEX ON refused USING omen_hnsw (v bit_hamming_ops);
CREATE INDEX ON refused USING omen_hnsw (u bit_jaccard_ops);
CREATE DOMAIN varying AS varbit(8);
\set VERBOSITY terse
CREATE INDEX ON refused USING omen_hnsw ((v::varying) bit_hamming_ops);
\set VERBOSITY default
CREATE INDEX ON refused USING omen_hnsw (v);
CREATE INDEX ON refused USING omen_hnsw (w bit_hamming_ops);
CREATE INDEX ON refused USING omen_hnsw (b vector_l2_ops);
CREATE INDEX ON refused USING omen_hnsw (b, one);
CREATE INDEX ON refused USING omen_hnsw ((binary_quantize(w)) bit_hamming_ops);
CREATE INDEX ON refused USING omen_hnsw ((v::bit(64001)) bit_hamming_ops);
CREATE INDEX ON refused USING omen_hnsw (b bit_hamming_ops) WITH (storage = sq8);
CREATE INDEX ON refused USING omen_hnsw (b bit_jaccard_ops) WITH (storage = full);
CREATE INDEX ON refused USING omen_hnsw (b bit_hamming_ops) WITH (storage = bits);
CREATE INDEX ON refused USING omen_hnsw (w) WITH (storage = bits);
CREATE INDEX ON refused USING omen_hnsw (b bit_hamming_ops) WITH (storage = auto);
-- bit without a length is bit(1)
CREATE INDEX refused_one ON refused USING omen_hnsw (one);
CREATE INDEX refused_cast ON refused USING omen_hnsw ((v::bit(8)) bit_hamming_ops);
INSERT INTO refused SELECT i::bit(8)::varbit, i::bit(8)::varbit, i::bit(8), i::bit(1), NULL FROM generate_series(1, 5) i;
SELECT dims, nodes, rows FROM omen_hnsw_info('refused_one');
SELECT v FROM refused ORDER BY v::bit(8) <~> B'00000111' LIMIT 2;
DROP TABLE refused;
DROP DOMAIN varying;
SELECT omen_hnsw_build_estimate(1000, 64000, metric => 'hamming') IS NOT NULL AS known;
SELECT omen_hnsw_build_estimate(1000, 64001, metric => 'hamming');
SELECT omen_hnsw_build_estimate(1000, 1024, metric => 'jaccard', storage => 'sq8');
SELECT omen_hnsw_build_estimate(1000, 1024, storage => 'bits');

-- The longest, whose slots do not fit a page with their codes, and one past.
CREATE TABLE long (id int, b bit(64000));
INSERT INTO long SELECT i, repeat(i::bit(16)::text, 4000)::bit(64000) FROM generate_series(1, 40) i;
CREATE INDEX long_b ON long USING omen_hnsw (b bit_hamming_ops) WITH (m = 32);
INSERT INTO long SELECT i, repeat(i::bit(16)::text, 4000)::bit(64000) FROM generate_series(41, 60) i;
SELECT id, b <~> repeat(7::bit(16)::text, 4000)::bit(64000) AS distance FROM long ORDER BY 2, id LIMIT 4;
SELECT id FROM long ORDER BY b <~> repeat(7::bit(16)::text, 4000)::bit(64000) LIMIT 4;
SELECT dims, nodes, payload_pages > 0 AS out_of_line FROM omen_hnsw_info('long_b');
SELECT * FROM omen_hnsw_check('long_b', true);
DELETE FROM long WHERE id % 2 = 0;
VACUUM long;
INSERT INTO long SELECT i, ~repeat(i::bit(16)::text, 4000)::bit(64000) FROM generate_series(1, 20) i;
SELECT * FROM omen_hnsw_check('long_b', true);
DROP TABLE long;
-- A row finds the node of its value without a look at each other value.
CREATE TABLE long (id int, b bit(64000));
CREATE INDEX long_b ON long USING omen_hnsw (b bit_hamming_ops) WITH (m = 32);
INSERT INTO long SELECT i, repeat(i::bit(16)::text, 4000)::bit(64000) FROM generate_series(1, 400) i;
CREATE FUNCTION blocks_of(statement text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT json) ' || statement INTO plan;
	RETURN (plan->0->'Plan'->>'Shared Hit Blocks')::int + (plan->0->'Plan'->>'Shared Read Blocks')::int;
END
$$;
SELECT blocks_of('INSERT INTO long VALUES (401, repeat(''0000000000000111'', 4000)::bit(64000))') < 600 AS few_of_an_equal_one,
	blocks_of('INSERT INTO long VALUES (402, repeat(''1000000000000111'', 4000)::bit(64000))') < 600 AS few_of_another;
SELECT mode, nodes, rows FROM omen_hnsw_info('long_b');
SELECT * FROM omen_hnsw_check('long_b', true);
DROP FUNCTION blocks_of(text);
DROP TABLE long;
CREATE TABLE long (b bit(64001));
CREATE INDEX ON long USING omen_hnsw (b bit_hamming_ops);
DROP TABLE long;

-- What an index gives is what a sequential scan gives: ids and distances, ties in the order of the table.
CREATE FUNCTION differing(statement text) RETURNS TABLE (by_index text, by_sort text) LANGUAGE plpgsql AS $$
DECLARE
	line text;
	is_ours boolean := false;
BEGIN
	PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true), set_config('enable_indexscan', 'on', true);
	FOR line IN EXECUTE 'EXPLAIN ' || statement LOOP
		is_ours := is_ours OR line ~ 'Index Scan using tied_|Omen Scan';
	END LOOP;
	IF NOT is_ours THEN
		RAISE 'no index was used for %', statement;
	END IF;
	EXECUTE format('SELECT string_agg(concat_ws('':'', s.id, s.distance), '' '') FROM (%s) s', statement) INTO by_index;
	PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true), set_config('enable_indexscan', 'off', true);
	EXECUTE format('SELECT string_agg(concat_ws('':'', s.id, s.distance), '' '') FROM (%s) s',
		regexp_replace(statement, '(ORDER BY b <.> [^ ]+)', '\1, ctid')) INTO by_sort;
	IF by_index IS NOT DISTINCT FROM by_sort THEN
		RETURN;
	END IF;
	RETURN NEXT;
END $$;

-- All values of nine bits, and copies: a row is at the same distance as dozens of others. Few enough nodes that all are looked at.
CREATE TABLE tied (id int, k int, b bit(9));
INSERT INTO tied SELECT i, i % 7, ((i * 211) % 512)::bit(9) FROM generate_series(1, 1200) i;
CREATE INDEX tied_hamming ON tied USING omen_hnsw (b bit_hamming_ops, k);
CREATE INDEX tied_jaccard ON tied USING omen_hnsw (b bit_jaccard_ops, k);
ANALYZE tied;
SELECT mode, nodes, rows FROM omen_hnsw_info('tied_hamming');
SELECT * FROM omen_hnsw_check('tied_hamming', true);
SELECT * FROM omen_hnsw_check('tied_jaccard', true);
SELECT d.* FROM unnest(ARRAY['<~>', '<%>']) operator, unnest(ARRAY['000000000', '101010101', '111111111']) query, unnest(ARRAY[1, 10, 100]) wanted,
	differing(format('SELECT id, b %s B%L AS distance FROM tied ORDER BY b %1$s B%2$L LIMIT %s', operator, query, wanted)) d;
-- pages fit together
SELECT d.* FROM unnest(ARRAY['<~>', '<%>']) operator, generate_series(0, 200, 20) passed,
	differing(format('SELECT id, b %s B%L AS distance FROM tied ORDER BY b %1$s B%2$L LIMIT 20 OFFSET %s', operator, '110011001', passed)) d;
-- with filters, by a column of the index, by none, within a radius
SELECT d.* FROM unnest(ARRAY['<~>', '<%>']) operator, unnest(ARRAY['k = 3', 'k < 2', 'id % 5 = 0', 'k = 3 AND id > 600', 'k = 9']) condition,
	differing(format('SELECT id, b %s B%L AS distance FROM tied WHERE %s ORDER BY b %1$s B%2$L LIMIT 15', operator, '110011001', condition)) d;
SELECT d.* FROM unnest(ARRAY[0, 1, 2, 3.5]) radius,
	differing(format('SELECT id, b <~> B%L AS distance FROM tied WHERE b <<~>> bit_sphere(B%1$L, %s) ORDER BY b <~> B%1$L LIMIT 300', '110011001', radius)) d;
SELECT d.* FROM unnest(ARRAY[0, 0.2, 0.5]) radius,
	differing(format('SELECT id, b <%%> B%L AS distance FROM tied WHERE b <<%%>> bit_sphere(B%1$L, %s) AND k <> 1 ORDER BY b <%%> B%1$L LIMIT 300', '110011001', radius)) d;
EXPLAIN (COSTS OFF) SELECT id FROM tied WHERE b <<~>> bit_sphere(B'110011001', 2) AND k = 3 ORDER BY b <~> B'110011001' LIMIT 5;
-- more order, and all that tie with the last
SELECT id, b <~> B'110011001' AS distance FROM tied ORDER BY b <~> B'110011001', id DESC LIMIT 4;
SELECT count(*), max(distance) FROM (SELECT b <~> B'110011001' AS distance FROM tied ORDER BY b <~> B'110011001' FETCH FIRST 5 ROWS WITH TIES) s;
-- no row is fetched that does not go out, but for those of its block
SELECT id FROM tied WHERE k >= 0 ORDER BY b <~> B'110011001' LIMIT 1;
BEGIN;
DECLARE all_rows CURSOR FOR SELECT id, b <~> B'110011001' AS distance FROM tied ORDER BY b <~> B'110011001';
FETCH 5 FROM all_rows;
MOVE FORWARD ALL FROM all_rows;
COMMIT;
SELECT late FROM omen_hnsw_last_scan();
DROP TABLE tied;

-- Many nodes: a graph. A value without a bit set that is in every fourth row, and values of few bits.
CREATE TABLE item (id int, k int, b bit(64));
INSERT INTO item SELECT i, i % 10, CASE WHEN i % 4 = 0 THEN 0::bit(64) ELSE
	((hashint8(i % 40) & hashint8(i % 1000))::bit(32) || (hashint8(i) & hashint8(-i))::bit(32))::bit(64) END FROM generate_series(1, 6000) i;
CREATE INDEX item_hamming ON item USING omen_hnsw (b bit_hamming_ops);
CREATE INDEX item_jaccard ON item USING omen_hnsw (b bit_jaccard_ops, k);
VACUUM ANALYZE item;
SELECT mode, nodes = 4501 AS shared, rows FROM omen_hnsw_info('item_hamming');
SELECT mode, nodes = 4501 AS shared, rows FROM omen_hnsw_info('item_jaccard');
SELECT * FROM omen_hnsw_check('item_hamming', true);
SELECT * FROM omen_hnsw_check('item_jaccard', true);
-- what is found, and how many rows are fetched for it
CREATE FUNCTION near(operator text, query bit, wanted int, OUT in_order boolean, OUT right_ones bigint, OUT fetched bigint) LANGUAGE plpgsql AS $$
DECLARE
	found float8[];
	true_ones float8[];
BEGIN
	PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'on', true);
	EXECUTE format('SELECT array_agg(d) FROM (SELECT b %s $1 FROM item ORDER BY b %1$s $1 LIMIT $2) s (d)', operator) INTO found USING query, wanted;
	SELECT reranked INTO fetched FROM omen_hnsw_last_scan();
	PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_indexscan', 'off', true);
	EXECUTE format('SELECT array_agg(d) FROM (SELECT b %s $1 FROM item ORDER BY b %1$s $1 LIMIT $2) s (d)', operator) INTO true_ones USING query, wanted;
	in_order := found = ARRAY(SELECT d FROM unnest(found) d ORDER BY d);
	right_ones := count(*) FROM unnest(found) d WHERE d <= true_ones[wanted];
END $$;
SELECT operator, bool_and(in_order) AS in_order, avg(right_ones) >= 9.8 AS right, min(fetched) AS fetched
	FROM unnest(ARRAY['<~>', '<%>']) operator, (SELECT b FROM item WHERE id % 4 <> 0 ORDER BY id LIMIT 60) q, near(operator, q.b, 10) GROUP BY operator ORDER BY operator;
-- what ties with everything is found, and leads nowhere else
SELECT * FROM near('<~>', 0::bit(64), 10);
SELECT count(DISTINCT b) FROM (SELECT b FROM item ORDER BY b <~> 0::bit(64) LIMIT 1500) s;
SELECT count(*), count(DISTINCT b <%> 0::bit(64)) FROM (SELECT b FROM item ORDER BY b <%> 0::bit(64) LIMIT 300) s;
-- the whole table, one row after the other
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM item ORDER BY b <~> B'1111'::bit(64)) s;
-- rows come and go
INSERT INTO item SELECT i, i % 10, (hashint8(i)::bit(32) || hashint8(-i)::bit(32))::bit(64) FROM generate_series(6001, 7000) i;
DELETE FROM item WHERE id % 3 = 0;
VACUUM item;
UPDATE item SET k = k + 1 WHERE id % 7 = 0;
SELECT * FROM omen_hnsw_check('item_hamming', true);
SELECT * FROM omen_hnsw_check('item_jaccard', true);
SELECT operator, bool_and(in_order) AS in_order, avg(right_ones) >= 9.5 AS right
	FROM unnest(ARRAY['<~>', '<%>']) operator, (SELECT b FROM item WHERE id % 4 <> 0 ORDER BY id DESC LIMIT 60) q, near(operator, q.b, 10) GROUP BY operator ORDER BY operator;
ALTER TABLE item ALTER b TYPE bit(32) USING b::bit(32);
SELECT dims, rows FROM omen_hnsw_info('item_hamming');
SELECT * FROM omen_hnsw_check('item_hamming', true);
DROP TABLE item;

-- A flat list that becomes a graph, without a mean.
CREATE TABLE growing (id int, b bit(40));
CREATE INDEX growing_b ON growing USING omen_hnsw (b bit_hamming_ops);
INSERT INTO growing SELECT i, (hashint8(i)::bit(32) || i::bit(8))::bit(40) FROM generate_series(1, 500) i;
SELECT mode, epoch FROM omen_hnsw_info('growing_b');
INSERT INTO growing SELECT i, (hashint8(i % 1900)::bit(32) || (i % 1900)::bit(8))::bit(40) FROM generate_series(501, 2500) i;
SELECT mode, nodes, rows FROM omen_hnsw_info('growing_b');
SELECT * FROM omen_hnsw_check('growing_b', true);
SELECT id, b <~> (hashint8(1234)::bit(32) || 1234::bit(8))::bit(40) AS distance FROM growing ORDER BY 2 LIMIT 1;
DROP TABLE growing;

-- Of eleven rows at one distance, all over the table, the first is wanted: those of other blocks are not fetched.
CREATE TABLE dense AS SELECT i AS id, i::bit(16) AS b FROM generate_series(0, 2047) i;
CREATE INDEX dense_b ON dense USING omen_hnsw (b);
SELECT id, b <~> 1365::bit(16) AS distance FROM dense ORDER BY b <~> 1365::bit(16) LIMIT 2;
SELECT reranked < 8 AS few FROM omen_hnsw_last_scan();
SELECT id, b <~> 1365::bit(16) AS distance FROM dense ORDER BY b <~> 1365::bit(16) LIMIT 12;
DROP TABLE dense;

-- All rows alike: one node.
CREATE TABLE alike (id int, b bit(100));
INSERT INTO alike SELECT i, B'1'::bit(100) FROM generate_series(1, 3000) i;
CREATE INDEX alike_b ON alike USING omen_hnsw (b bit_jaccard_ops);
SELECT mode, nodes, rows FROM omen_hnsw_info('alike_b');
SELECT array_agg(id) FROM (SELECT id FROM alike ORDER BY b <%> B'11'::bit(100) LIMIT 5) s;
SELECT * FROM omen_hnsw_check('alike_b', true);
DROP TABLE alike;

-- As people write it: an expression that keeps a bit of each element, and the vectors themselves to order what it finds.
CREATE TABLE doc (id int PRIMARY KEY, tenant int, embedding vector(96));
INSERT INTO doc SELECT i, i % 20, (SELECT array_agg(sin(i % 60 * d) + hashint8extended(i, d) % 1000 / 1500.0) FROM generate_series(1, 96) d)
	FROM generate_series(1, 4000) i;
CREATE INDEX doc_bits ON doc USING omen_hnsw ((binary_quantize(embedding)::bit(96)) bit_hamming_ops);
ANALYZE doc;
SELECT metric, storage, dims FROM omen_hnsw_info('doc_bits');
SELECT * FROM omen_hnsw_check('doc_bits', true);
RESET enable_seqscan;
RESET enable_sort;
SELECT embedding AS question FROM doc WHERE id = 1234 \gset
PREPARE reranked(vector) AS SELECT array_agg(id) FROM (SELECT id FROM
	(SELECT * FROM doc ORDER BY binary_quantize(embedding)::bit(96) <~> binary_quantize($1) LIMIT 200) found ORDER BY embedding <-> $1 LIMIT 10) s;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE reranked(NULL);
EXECUTE reranked(:'question');
SELECT index FROM omen_hnsw_last_scan();
SELECT array_agg(id) FROM (SELECT id FROM doc ORDER BY embedding <-> :'question' LIMIT 10) s;
PREPARE filtered(vector) AS SELECT array_agg(id) FROM (SELECT id FROM
	(SELECT * FROM doc WHERE tenant = 14 ORDER BY binary_quantize(embedding)::bit(96) <~> binary_quantize($1) LIMIT 40) found ORDER BY embedding <-> $1 LIMIT 10) s;
EXPLAIN (COSTS OFF) EXECUTE filtered(NULL);
EXECUTE filtered(:'question');
RESET plan_cache_mode;
SELECT array_agg(id) FROM (SELECT id FROM doc WHERE tenant = 14 ORDER BY embedding <-> :'question' LIMIT 10) s;
-- of rows that have changed the index knows
UPDATE doc SET embedding = :'question' WHERE id = 77;
SELECT array_agg(id ORDER BY id) FROM (SELECT id FROM doc ORDER BY binary_quantize(embedding)::bit(96) <~> binary_quantize(:'question'::vector) LIMIT 2) s;
SELECT * FROM omen_hnsw_check('doc_bits', true);
DROP TABLE doc;

-- The distance of a row is known from its code: the expression is computed once for a row that goes out, by the executor.
CREATE SEQUENCE calls;
CREATE FUNCTION counted(b bit) RETURNS bit LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	PERFORM nextval('public.calls');
	RETURN b;
END $$;
CREATE TABLE costly AS SELECT i AS id, (hashint8(i)::bit(32) || i::bit(16))::bit(48) AS b FROM generate_series(1, 3000) i;
CREATE INDEX costly_b ON costly USING omen_hnsw ((counted(b)::bit(48)) bit_hamming_ops);
SET enable_seqscan = off;
SELECT setval('calls', 1);
SELECT count(*) FROM (SELECT id, counted(b)::bit(48) <~> B'1'::bit(48) FROM costly ORDER BY counted(b)::bit(48) <~> B'1'::bit(48) LIMIT 7) s;
SELECT last_value - 1 AS calls FROM calls;
DROP TABLE costly;
DROP FUNCTION counted;
DROP SEQUENCE calls;
DROP FUNCTION near, differing;
