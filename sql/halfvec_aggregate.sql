-- Sums and averages of halfvecs.

CREATE TABLE item (id int, kind int, v halfvec);
INSERT INTO item VALUES (1, 1, '[1,2,3]'), (2, 1, '[3,4,6]'), (3, 2, '[-1,0.5,0]'), (4, 2, NULL), (5, 3, NULL);
SELECT sum(v), avg(v) FROM item;
SELECT kind, sum(v), avg(v), count(v) FROM item GROUP BY kind ORDER BY kind;
SELECT sum(v), avg(v) FROM item WHERE id > 5;
SELECT avg(v) FILTER (WHERE kind = 1), sum(DISTINCT v), avg(DISTINCT v) FROM (SELECT * FROM item UNION ALL SELECT * FROM item) AS t;
SELECT pg_typeof(sum(v)), pg_typeof(avg(v)) FROM item;

-- The state is changed in place; rows that have gone out must not change.
SELECT id, sum(v) OVER w, avg(v) OVER w FROM item WINDOW w AS (ORDER BY id) ORDER BY id;

-- One number of dimensions for all, and sums within the range of a half; avg
-- adds up in double precision.
SELECT sum(v) FROM (VALUES ('[1,2]'::halfvec), ('[1]')) AS t (v);
SELECT avg(v) FROM (VALUES ('[1,2]'::halfvec), ('[1]')) AS t (v);
SELECT sum(v) FROM (VALUES ('[65504]'::halfvec), ('[16]')) AS t (v);
SELECT avg(v) FROM (VALUES ('[65504]'::halfvec), ('[60000]')) AS t (v);
SELECT avg(v) FROM (SELECT '[0.1]'::halfvec AS v FROM generate_series(1, 100000)) AS t;
SELECT avg(v) = array_fill(2, ARRAY[16000])::halfvec AS avg, sum(v) = array_fill(6, ARRAY[16000])::halfvec AS sum
FROM (SELECT array_fill(i, ARRAY[16000])::halfvec AS v FROM generate_series(1, 3) i) AS t;

-- In parallel.  Sums of halves that are whole and below 2048 are exact, whoever adds
-- which of them.
CREATE TABLE many (id int, v halfvec(3)) WITH (parallel_workers = 2);
INSERT INTO many SELECT i, ARRAY[i, -i, 1]::halfvec FROM generate_series(1, 2000) i;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT avg(v), sum(v) FROM many WHERE id < 60;
SELECT avg(v), sum(v) FROM many WHERE id < 60;
SELECT avg(v) FROM many;
SELECT avg(v), sum(v) FROM many WHERE id > 2000;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- The functions of the aggregate, called by themselves, leave their argument
-- alone; any array can be handed to them.
CREATE TABLE state AS SELECT '{2,10,20}'::double precision[] AS s;
SELECT halfvec_accum(s, '[1,2]') AS accum, halfvec_combine(s, '{1,5,5}') AS combine, halfvec_avg(s) AS avg, s FROM state;
SELECT s FROM state;
SELECT halfvec_accum('{0}', '[1,2]'), halfvec_accum('{0,0,0}', '[1,2]'), halfvec_combine('{0}', '{0}'), halfvec_avg('{0}');
SELECT halfvec_accum('{}', '[1]');
SELECT halfvec_accum('{NULL,1}', '[1]');
SELECT halfvec_accum('{{1,1}}', '[1]');
SELECT halfvec_accum('{1,1,1}', '[1]');
SELECT halfvec_accum('{1,Infinity}', '[1]');
SELECT halfvec_combine('{}', '{0}');
SELECT halfvec_combine('{1,1}', '{1,1,1}');
SELECT halfvec_combine('{1,1.7e308}', '{1,1.7e308}');
SELECT halfvec_avg('{}');
SELECT halfvec_avg('{1}');
SELECT halfvec_avg('{1,NULL}');
SELECT halfvec_avg('{1,65519.9}') AS largest;
SELECT halfvec_avg('{1,65520}');
SELECT halfvec_avg('{1,1e39}');
SELECT halfvec_avg('{1,NaN}');
SELECT halfvec_avg(array_fill(1::double precision, ARRAY[16002]));

DROP TABLE item, many, state;
