-- What the access method says of operator classes and of its indexes, and the
-- statistics of its scans.
CREATE SCHEMA hnsw_validate;
SET search_path = hnsw_validate, public;

-- Ours are sound.
SELECT opcname, opcdefault, amvalidate(c.oid) FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod
WHERE amname = 'omen_hnsw' ORDER BY opcname COLLATE "C";

-- Each of these is not, for one reason.
CREATE FUNCTION whole_distance(vector, vector) RETURNS int LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT ($1 <-> $2)::int $$;
CREATE OPERATOR <~> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = whole_distance);
CREATE FUNCTION two_support(internal, internal) RETURNS internal LANGUAGE internal AS 'byteain';
CREATE FUNCTION verdict(opclass text) RETURNS boolean LANGUAGE sql AS $$
	SELECT amvalidate(oid) FROM pg_opclass WHERE opcname = opclass
$$;
CREATE OPERATOR CLASS no_operator FOR TYPE vector USING omen_hnsw AS
	FUNCTION 1 omen_vector_l2_support(internal);
SELECT verdict('no_operator');
CREATE OPERATOR CLASS no_function FOR TYPE vector USING omen_hnsw AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops;
SELECT verdict('no_function');
CREATE OPERATOR CLASS for_search FOR TYPE vector USING omen_hnsw AS
	OPERATOR 1 = (vector, vector),
	FUNCTION 1 omen_vector_l2_support(internal);
SELECT verdict('for_search');
CREATE OPERATOR CLASS wrong_strategy FOR TYPE vector USING omen_hnsw AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	OPERATOR 2 <#> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 omen_vector_l2_support(internal);
SELECT verdict('wrong_strategy');
CREATE OPERATOR CLASS wrong_result FOR TYPE vector USING omen_hnsw AS
	OPERATOR 1 <~> (vector, vector) FOR ORDER BY integer_ops,
	FUNCTION 1 omen_vector_l2_support(internal);
SELECT verdict('wrong_result');
CREATE OPERATOR CLASS wrong_order FOR TYPE vector USING omen_hnsw AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY integer_ops,
	FUNCTION 1 omen_vector_l2_support(internal);
SELECT verdict('wrong_order');
CREATE OPERATOR CLASS wrong_signature FOR TYPE vector USING omen_hnsw AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 two_support(internal, internal);
SELECT verdict('wrong_signature');
CREATE OPERATOR CLASS wrong_sphere FOR TYPE vector USING omen_hnsw AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 omen_vector_l2_support(internal),
	FUNCTION 2 vector_lt(vector, vector);
SELECT verdict('wrong_sphere');
CREATE OPERATOR CLASS wrong_distance FOR TYPE vector USING omen_hnsw AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 omen_vector_l2_support(internal),
	FUNCTION 3 vector_cmp(vector, vector);
SELECT verdict('wrong_distance');
CREATE OPERATOR CLASS wrong_for_keys FOR TYPE int4 USING omen_hnsw AS
	OPERATOR 3 =,
	FUNCTION 1 omen_key_support(internal),
	FUNCTION 2 vector_l2_within(vector, vector_sphere);
SELECT verdict('wrong_for_keys');
CREATE OPERATOR CLASS wrong_number FOR TYPE vector USING omen_hnsw AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 4 omen_vector_l2_support(internal);

-- Properties.
CREATE TABLE item (v vector(3));
CREATE INDEX item_index ON item USING omen_hnsw (v);
SELECT property, pg_index_column_has_property('item_index', 1, property) FROM
	unnest('{asc,desc,nulls_first,nulls_last,orderable,distance_orderable,returnable,search_array,search_nulls,bogus}'::text[]) property;
SELECT property, pg_index_has_property('item_index', property) FROM
	unnest('{clusterable,index_scan,bitmap_scan,backward_scan,bogus}'::text[]) property;
SELECT property, pg_indexam_has_property(a.oid, property) FROM pg_am a,
	unnest('{can_order,can_unique,can_multi_col,can_exclude,can_include,bogus}'::text[]) property
WHERE amname = 'omen_hnsw';

-- Scans and the rows that they fetch are counted.
INSERT INTO item SELECT ARRAY[i, 0, 0]::vector FROM generate_series(1, 20) i;
SET enable_seqscan = off;
SELECT v FROM item ORDER BY v <-> '[5.25,0,0]' LIMIT 3;
SELECT x, (SELECT v FROM item ORDER BY v <-> ARRAY[x, 0, 0]::vector LIMIT 1) FROM unnest('{3,4}'::int[]) x;
SELECT pg_stat_force_next_flush();
SELECT idx_scan, idx_tup_read, idx_tup_fetch FROM pg_stat_user_indexes WHERE indexrelname = 'item_index';

-- The last scan of the session: rows are looked at only as the order demands.
SELECT distances >= 20 AS looked_at_codes, reranked BETWEEN 1 AND 20 AS fetched_some, late FROM omen_hnsw_last_scan();

-- So are those of a scan with a filter.
SELECT v FROM item WHERE v <-> '[9,0,0]' > 1 ORDER BY v <-> '[9.25,0,0]' LIMIT 4;
SELECT pg_stat_force_next_flush();
SELECT idx_scan, idx_tup_read, idx_tup_fetch FROM pg_stat_user_indexes WHERE indexrelname = 'item_index';

-- VACUUM and ANALYZE count the rows of the index.
VACUUM ANALYZE item;
SELECT reltuples FROM pg_class WHERE oid = 'item_index'::regclass;

SET client_min_messages = warning;
DROP SCHEMA hnsw_validate CASCADE;
