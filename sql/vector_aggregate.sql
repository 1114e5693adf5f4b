-- Sums and averages of vectors.

CREATE TABLE item (id int, kind int, v vector);
INSERT INTO item VALUES (1, 1, '[1,2,3]'), (2, 1, '[3,4,6]'), (3, 2, '[-1,0.5,0]'), (4, 2, NULL), (5, 3, NULL);
SELECT sum(v), avg(v) FROM item;
SELECT kind, sum(v), avg(v), count(v) FROM item GROUP BY kind ORDER BY kind;
SELECT sum(v), avg(v) FROM item WHERE id > 5;
SELECT avg(v) FILTER (WHERE kind = 1), sum(DISTINCT v), avg(DISTINCT v) FROM (SELECT * FROM item UNION ALL SELECT * FROM item) AS t;

-- The state is changed in place; rows that have gone out must not change.
SELECT id, sum(v) OVER w, avg(v) OVER w FROM item WINDOW w AS (ORDER BY id) ORDER BY id;
SELECT id, avg(v) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM item ORDER BY id;
SELECT array_agg(s) FROM (SELECT sum(v) OVER (ORDER BY id) AS s FROM item) AS t;

-- One number of dimensions for all, and sums within the range of a float;
-- avg adds up in double precision.
SELECT sum(v) FROM (VALUES ('[1,2]'::vector), ('[1]')) AS t (v);
SELECT avg(v) FROM (VALUES ('[1,2]'::vector), ('[1]')) AS t (v);
SELECT sum(v) FROM (VALUES ('[3e38]'::vector), ('[2e38]')) AS t (v);
SELECT avg(v) FROM (VALUES ('[3e38]'::vector), ('[2e38]')) AS t (v);
SELECT avg(v) FROM (SELECT '[0.1]'::vector AS v FROM generate_series(1, 100000)) AS t;

-- Values out of line
SELECT avg(v) = array_fill(2, ARRAY[16000])::vector AS avg, sum(v) = array_fill(6, ARRAY[16000])::vector AS sum
FROM (SELECT array_fill(i, ARRAY[16000])::vector AS v FROM generate_series(1, 3) i) AS t;

-- In parallel, with workers that see no rows at all
CREATE TABLE many (id int, v vector(3)) WITH (parallel_workers = 2);
INSERT INTO many SELECT i, ARRAY[i, -i, 1]::vector FROM generate_series(1, 2000) i;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT avg(v), sum(v) FROM many;
SELECT avg(v), sum(v) FROM many;
SELECT avg(v), sum(v) FROM many WHERE id = 7;
SELECT avg(v), sum(v) FROM many WHERE id > 2000;
SELECT id % 2 AS odd, avg(v) FROM many GROUP BY 1 ORDER BY 1;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- The functions of the aggregate, called by themselves, leave their argument
-- alone.
CREATE TABLE state AS SELECT '{2,10,20}'::double precision[] AS s;
SELECT vector_accum(s, '[1,2]') AS accum, vector_combine(s, '{1,5,5}') AS combine, vector_avg(s) AS avg, s FROM state;
SELECT s FROM state;
SELECT vector_accum('{0}', '[1,2]'), vector_accum('{0,0,0}', '[1,2]'), vector_combine('{0}', '{0}'), vector_avg('{0}');
SELECT vector_combine('{0}', '{2,4,6}'), vector_combine('{2,4,6}', '{0}'), vector_combine('[0:1]={1,2}', '{1,2}');

-- Any array can be handed to them.
SELECT vector_accum('{}', '[1]');
SELECT vector_accum('{NULL,1}', '[1]');
SELECT vector_accum('{{1,1}}', '[1]');
SELECT vector_accum('{1,1,1}', '[1]');
SELECT vector_accum('{1,1.7e308}', '[1]') AS in_range;
SELECT vector_accum('{1,Infinity}', '[1]');
SELECT vector_combine('{}', '{0}');
SELECT vector_combine('{0}', '{}');
SELECT vector_combine('{1,NULL}', '{0}');
SELECT vector_combine('{{0}}', '{0}');
SELECT vector_combine('{1,1}', '{1,1,1}');
SELECT vector_combine('{1,1.7e308}', '{1,1.7e308}');
SELECT vector_combine('{0}', array_fill(0::double precision, ARRAY[16002]));
SELECT vector_combine(array_fill(0::double precision, ARRAY[16002]), '{0}');
SELECT vector_avg('{}');
SELECT vector_avg('{1}');
SELECT vector_avg('{1,NULL}');
SELECT vector_avg('{{1,1}}');
SELECT vector_avg('{1,1e39}');
SELECT vector_avg('{1,NaN}');
SELECT vector_avg(array_fill(1::double precision, ARRAY[16002]));

DROP TABLE item, many, state;
