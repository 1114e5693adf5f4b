\echo Use "CREATE EXTENSION omendb" to load this file. \quit

-- -----------------------------------------------------------------------
-- all types: what else may be in the database
-- -----------------------------------------------------------------------

CREATE FUNCTION omen_require_alone() RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE;

SELECT omen_require_alone();

DROP FUNCTION omen_require_alone();

-- -----------------------------------------------------------------------
-- all types: what distances cost
-- -----------------------------------------------------------------------

CREATE FUNCTION omen_distance_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION omen_distance_support(internal) IS 'planner support of functions of vector: what they cost';

CREATE FUNCTION omen_halfvec_distance_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION omen_halfvec_distance_support(internal) IS 'planner support of functions of halfvec: what they cost';

CREATE FUNCTION omen_bit_distance_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION omen_bit_distance_support(internal) IS 'planner support of distance functions of bit strings: what they cost';

CREATE FUNCTION omen_sparsevec_distance_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION omen_sparsevec_distance_support(internal) IS 'planner support of distance functions of sparse vectors: what they cost';

-- -----------------------------------------------------------------------
-- vector: type
-- -----------------------------------------------------------------------

CREATE TYPE vector;

CREATE FUNCTION vector_in(cstring, oid, integer) RETURNS vector
	AS 'MODULE_PATHNAME', 'omen_vector_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_in(cstring, oid, integer) IS 'I/O';

CREATE FUNCTION vector_out(vector) RETURNS cstring
	AS 'MODULE_PATHNAME', 'omen_vector_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_out(vector) IS 'I/O';

CREATE FUNCTION vector_typmod_in(cstring[]) RETURNS integer
	AS 'MODULE_PATHNAME', 'omen_vector_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_typmod_in(cstring[]) IS 'I/O typmod';

CREATE FUNCTION vector_recv(internal, oid, integer) RETURNS vector
	AS 'MODULE_PATHNAME', 'omen_vector_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_recv(internal, oid, integer) IS 'I/O';

CREATE FUNCTION vector_send(vector) RETURNS bytea
	AS 'MODULE_PATHNAME', 'omen_vector_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_send(vector) IS 'I/O';

-- Uncompressed out-of-line storage: floats hardly compress, and reading them
-- is what a search spends its time on.
CREATE TYPE vector (
	INPUT = vector_in,
	OUTPUT = vector_out,
	TYPMOD_IN = vector_typmod_in,
	RECEIVE = vector_recv,
	SEND = vector_send,
	STORAGE = external
);

COMMENT ON TYPE vector IS 'vector of single-precision floating-point numbers, of a fixed or any number of dimensions';

-- -----------------------------------------------------------------------
-- vector: functions
-- -----------------------------------------------------------------------

CREATE FUNCTION l2_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_vector_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_distance_support;

COMMENT ON FUNCTION l2_distance(vector, vector) IS 'Euclidean (L2) distance';

CREATE FUNCTION inner_product(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_vector_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_distance_support;

COMMENT ON FUNCTION inner_product(vector, vector) IS 'inner product';

CREATE FUNCTION cosine_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_vector_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_distance_support;

COMMENT ON FUNCTION cosine_distance(vector, vector) IS 'cosine distance: one minus the cosine of the angle';

CREATE FUNCTION l1_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_vector_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_distance_support;

COMMENT ON FUNCTION l1_distance(vector, vector) IS 'taxicab (L1) distance';

CREATE FUNCTION vector_dims(vector) RETURNS integer
	AS 'MODULE_PATHNAME', 'omen_vector_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_dims(vector) IS 'number of dimensions';

CREATE FUNCTION vector_norm(vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_vector_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_norm(vector) IS 'Euclidean norm';

CREATE FUNCTION l2_normalize(vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'omen_vector_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_distance_support;

COMMENT ON FUNCTION l2_normalize(vector) IS 'vector of the same direction with Euclidean norm 1';

CREATE FUNCTION binary_quantize(vector) RETURNS bit
	AS 'MODULE_PATHNAME', 'omen_vector_binary_quantize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_distance_support;

COMMENT ON FUNCTION binary_quantize(vector) IS 'one bit per element, set where the element is positive';

CREATE FUNCTION subvector(vector, integer, integer) RETURNS vector
	AS 'MODULE_PATHNAME', 'omen_vector_subvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_distance_support;

COMMENT ON FUNCTION subvector(vector, integer, integer) IS 'part of a vector: first element, counted from 1, and number of elements';

-- -----------------------------------------------------------------------
-- vector: functions behind operators, operator classes and aggregates
-- -----------------------------------------------------------------------

CREATE FUNCTION vector_add(vector, vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'omen_vector_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_add(vector, vector) IS 'implementation of + operator';

CREATE FUNCTION vector_sub(vector, vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'omen_vector_sub' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_sub(vector, vector) IS 'implementation of - operator';

CREATE FUNCTION vector_mul(vector, vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'omen_vector_mul' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_mul(vector, vector) IS 'implementation of * operator';

CREATE FUNCTION vector_concat(vector, vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'omen_vector_concat' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_concat(vector, vector) IS 'implementation of || operator';

CREATE FUNCTION vector_lt(vector, vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_vector_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_lt(vector, vector) IS 'implementation of < operator';

CREATE FUNCTION vector_le(vector, vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_vector_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_le(vector, vector) IS 'implementation of <= operator';

CREATE FUNCTION vector_eq(vector, vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_vector_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_eq(vector, vector) IS 'implementation of = operator';

CREATE FUNCTION vector_ne(vector, vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_vector_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_ne(vector, vector) IS 'implementation of <> operator';

CREATE FUNCTION vector_ge(vector, vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_vector_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_ge(vector, vector) IS 'implementation of >= operator';

CREATE FUNCTION vector_gt(vector, vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_vector_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_gt(vector, vector) IS 'implementation of > operator';

CREATE FUNCTION vector_cmp(vector, vector) RETURNS integer
	AS 'MODULE_PATHNAME', 'omen_vector_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_cmp(vector, vector) IS 'less-equal-greater';

CREATE FUNCTION vector_hash(vector) RETURNS integer
	AS 'MODULE_PATHNAME', 'omen_vector_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_hash(vector) IS 'hash';

CREATE FUNCTION vector_hash_extended(vector, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'omen_vector_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_hash_extended(vector, bigint) IS 'hash with a seed';

CREATE FUNCTION vector_l2_squared_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_vector_l2_squared_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_distance_support;

COMMENT ON FUNCTION vector_l2_squared_distance(vector, vector) IS 'square of the Euclidean (L2) distance';

CREATE FUNCTION vector_negative_inner_product(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_vector_negative_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_distance_support;

COMMENT ON FUNCTION vector_negative_inner_product(vector, vector) IS 'implementation of <#> operator';

CREATE FUNCTION vector_spherical_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_vector_spherical_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_distance_support;

COMMENT ON FUNCTION vector_spherical_distance(vector, vector) IS 'angle between two vectors of norm 1, divided by pi';

CREATE FUNCTION vector_accum(double precision[], vector) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'omen_vector_accum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_accum(double precision[], vector) IS 'aggregate transition function';

CREATE FUNCTION vector_combine(double precision[], double precision[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'omen_vector_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_combine(double precision[], double precision[]) IS 'aggregate combine function';

CREATE FUNCTION vector_avg(double precision[]) RETURNS vector
	AS 'MODULE_PATHNAME', 'omen_vector_avg' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_avg(double precision[]) IS 'aggregate final function';

-- -----------------------------------------------------------------------
-- vector: aggregates
-- -----------------------------------------------------------------------

CREATE AGGREGATE avg(vector) (
	SFUNC = vector_accum,
	STYPE = double precision[],
	FINALFUNC = vector_avg,
	COMBINEFUNC = vector_combine,
	INITCOND = '{0}',
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE avg(vector) IS 'the average (arithmetic mean) of all vectors, element by element';

CREATE AGGREGATE sum(vector) (
	SFUNC = vector_add,
	STYPE = vector,
	COMBINEFUNC = vector_add,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE sum(vector) IS 'the sum of all vectors, element by element';

-- -----------------------------------------------------------------------
-- vector: casts
-- -----------------------------------------------------------------------

-- An array becomes a vector only on assignment or by an explicit cast, while a
-- vector becomes real[] implicitly: were both implicit, expressions such as
-- ARRAY[1,2] = ARRAY[1,2] would be ambiguous.

CREATE FUNCTION vector(vector, integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'omen_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector(vector, integer, boolean) IS 'check the number of dimensions';

CREATE FUNCTION array_to_vector(integer[], integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'omen_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION array_to_vector(integer[], integer, boolean) IS 'convert array to vector';

CREATE FUNCTION array_to_vector(real[], integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'omen_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION array_to_vector(real[], integer, boolean) IS 'convert array to vector';

CREATE FUNCTION array_to_vector(double precision[], integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'omen_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION array_to_vector(double precision[], integer, boolean) IS 'convert array to vector';

CREATE FUNCTION array_to_vector(numeric[], integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'omen_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION array_to_vector(numeric[], integer, boolean) IS 'convert array to vector';

CREATE FUNCTION vector_to_float4(vector, integer, boolean) RETURNS real[]
	AS 'MODULE_PATHNAME', 'omen_vector_to_float4' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_to_float4(vector, integer, boolean) IS 'convert vector to array';

CREATE CAST (vector AS vector)
	WITH FUNCTION vector(vector, integer, boolean) AS IMPLICIT;

COMMENT ON CAST (vector AS vector) IS 'check the number of dimensions';

CREATE CAST (vector AS real[])
	WITH FUNCTION vector_to_float4(vector, integer, boolean) AS IMPLICIT;

COMMENT ON CAST (vector AS real[]) IS 'convert vector to array';

CREATE CAST (integer[] AS vector)
	WITH FUNCTION array_to_vector(integer[], integer, boolean) AS ASSIGNMENT;

COMMENT ON CAST (integer[] AS vector) IS 'convert array to vector';

CREATE CAST (real[] AS vector)
	WITH FUNCTION array_to_vector(real[], integer, boolean) AS ASSIGNMENT;

COMMENT ON CAST (real[] AS vector) IS 'convert array to vector';

CREATE CAST (double precision[] AS vector)
	WITH FUNCTION array_to_vector(double precision[], integer, boolean) AS ASSIGNMENT;

COMMENT ON CAST (double precision[] AS vector) IS 'convert array to vector';

CREATE CAST (numeric[] AS vector)
	WITH FUNCTION array_to_vector(numeric[], integer, boolean) AS ASSIGNMENT;

COMMENT ON CAST (numeric[] AS vector) IS 'convert array to vector';

-- -----------------------------------------------------------------------
-- vector: operators
-- -----------------------------------------------------------------------

CREATE OPERATOR <-> (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = l2_distance,
	COMMUTATOR = <->
);

COMMENT ON OPERATOR <-> (vector, vector) IS 'Euclidean (L2) distance';

CREATE OPERATOR <#> (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_negative_inner_product,
	COMMUTATOR = <#>
);

COMMENT ON OPERATOR <#> (vector, vector) IS 'negative inner product';

CREATE OPERATOR <=> (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = cosine_distance,
	COMMUTATOR = <=>
);

COMMENT ON OPERATOR <=> (vector, vector) IS 'cosine distance';

CREATE OPERATOR <+> (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = l1_distance,
	COMMUTATOR = <+>
);

COMMENT ON OPERATOR <+> (vector, vector) IS 'taxicab (L1) distance';

CREATE OPERATOR + (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_add,
	COMMUTATOR = +
);

COMMENT ON OPERATOR + (vector, vector) IS 'add element by element';

CREATE OPERATOR - (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_sub
);

COMMENT ON OPERATOR - (vector, vector) IS 'subtract element by element';

CREATE OPERATOR * (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_mul,
	COMMUTATOR = *
);

COMMENT ON OPERATOR * (vector, vector) IS 'multiply element by element';

CREATE OPERATOR || (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_concat
);

COMMENT ON OPERATOR || (vector, vector) IS 'concatenate';

CREATE OPERATOR < (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_lt,
	COMMUTATOR = >, NEGATOR = >=,
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);

COMMENT ON OPERATOR < (vector, vector) IS 'less than';

CREATE OPERATOR <= (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_le,
	COMMUTATOR = >=, NEGATOR = >,
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);

COMMENT ON OPERATOR <= (vector, vector) IS 'less than or equal';

CREATE OPERATOR = (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_eq,
	COMMUTATOR = =, NEGATOR = <>,
	RESTRICT = eqsel, JOIN = eqjoinsel,
	HASHES, MERGES
);

COMMENT ON OPERATOR = (vector, vector) IS 'equal';

CREATE OPERATOR <> (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_ne,
	COMMUTATOR = <>, NEGATOR = =,
	RESTRICT = neqsel, JOIN = neqjoinsel
);

COMMENT ON OPERATOR <> (vector, vector) IS 'not equal';

CREATE OPERATOR >= (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_ge,
	COMMUTATOR = <=, NEGATOR = <,
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);

COMMENT ON OPERATOR >= (vector, vector) IS 'greater than or equal';

CREATE OPERATOR > (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_gt,
	COMMUTATOR = <, NEGATOR = <=,
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);

COMMENT ON OPERATOR > (vector, vector) IS 'greater than';

-- -----------------------------------------------------------------------
-- vector: spheres, and whether a value lies within one
-- -----------------------------------------------------------------------

CREATE TYPE vector_sphere AS (center vector, radius double precision);

COMMENT ON TYPE vector_sphere IS 'all vectors that are nearer to a center than a radius';

-- In C and not in SQL, since ROW() in its place would be for no foreign data
-- wrapper to send.  Not strict: a sphere may lack a part.
CREATE FUNCTION sphere(center vector, radius double precision) RETURNS vector_sphere
	AS 'MODULE_PATHNAME', 'omen_vector_sphere' LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION sphere(vector, double precision) IS 'make a sphere';

CREATE FUNCTION vector_l2_within(vector, vector_sphere) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_vector_l2_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_distance_support;

COMMENT ON FUNCTION vector_l2_within(vector, vector_sphere) IS 'implementation of <<->> operator';

CREATE OPERATOR <<->> (
	LEFTARG = vector, RIGHTARG = vector_sphere, FUNCTION = vector_l2_within,
	RESTRICT = contsel, JOIN = contjoinsel
);

COMMENT ON OPERATOR <<->> (vector, vector_sphere) IS 'within a sphere, by Euclidean (L2) distance';

CREATE FUNCTION vector_ip_within(vector, vector_sphere) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_vector_ip_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_distance_support;

COMMENT ON FUNCTION vector_ip_within(vector, vector_sphere) IS 'implementation of <<#>> operator';

CREATE OPERATOR <<#>> (
	LEFTARG = vector, RIGHTARG = vector_sphere, FUNCTION = vector_ip_within,
	RESTRICT = contsel, JOIN = contjoinsel
);

COMMENT ON OPERATOR <<#>> (vector, vector_sphere) IS 'within a sphere, by negative inner product';

CREATE FUNCTION vector_cosine_within(vector, vector_sphere) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_vector_cosine_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_distance_support;

COMMENT ON FUNCTION vector_cosine_within(vector, vector_sphere) IS 'implementation of <<=>> operator';

CREATE OPERATOR <<=>> (
	LEFTARG = vector, RIGHTARG = vector_sphere, FUNCTION = vector_cosine_within,
	RESTRICT = contsel, JOIN = contjoinsel
);

COMMENT ON OPERATOR <<=>> (vector, vector_sphere) IS 'within a sphere, by cosine distance';

CREATE FUNCTION vector_l1_within(vector, vector_sphere) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_vector_l1_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_distance_support;

COMMENT ON FUNCTION vector_l1_within(vector, vector_sphere) IS 'implementation of <<+>> operator';

CREATE OPERATOR <<+>> (
	LEFTARG = vector, RIGHTARG = vector_sphere, FUNCTION = vector_l1_within,
	RESTRICT = contsel, JOIN = contjoinsel
);

COMMENT ON OPERATOR <<+>> (vector, vector_sphere) IS 'within a sphere, by taxicab (L1) distance';

-- -----------------------------------------------------------------------
-- vector: operator classes of PostgreSQL's own access methods
-- -----------------------------------------------------------------------

CREATE OPERATOR FAMILY vector_ops USING btree;

COMMENT ON OPERATOR FAMILY vector_ops USING btree IS 'vectors ordered by their elements';

CREATE OPERATOR CLASS vector_ops
	DEFAULT FOR TYPE vector USING btree FAMILY vector_ops AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 vector_cmp(vector, vector);

COMMENT ON OPERATOR CLASS vector_ops USING btree IS 'vectors ordered by their elements';

CREATE OPERATOR FAMILY vector_hash_ops USING hash;

COMMENT ON OPERATOR FAMILY vector_hash_ops USING hash IS 'equality of vectors';

CREATE OPERATOR CLASS vector_hash_ops
	DEFAULT FOR TYPE vector USING hash FAMILY vector_hash_ops AS
	OPERATOR 1 =,
	FUNCTION 1 vector_hash(vector),
	FUNCTION 2 vector_hash_extended(vector, bigint);

COMMENT ON OPERATOR CLASS vector_hash_ops USING hash IS 'equality of vectors';

-- -----------------------------------------------------------------------
-- halfvec: type
-- -----------------------------------------------------------------------

CREATE TYPE halfvec;

CREATE FUNCTION halfvec_in(cstring, oid, integer) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'omen_halfvec_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_in(cstring, oid, integer) IS 'I/O';

CREATE FUNCTION halfvec_out(halfvec) RETURNS cstring
	AS 'MODULE_PATHNAME', 'omen_halfvec_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_out(halfvec) IS 'I/O';

CREATE FUNCTION halfvec_typmod_in(cstring[]) RETURNS integer
	AS 'MODULE_PATHNAME', 'omen_halfvec_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_typmod_in(cstring[]) IS 'I/O typmod';

CREATE FUNCTION halfvec_recv(internal, oid, integer) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'omen_halfvec_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_recv(internal, oid, integer) IS 'I/O';

CREATE FUNCTION halfvec_send(halfvec) RETURNS bytea
	AS 'MODULE_PATHNAME', 'omen_halfvec_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_send(halfvec) IS 'I/O';

CREATE TYPE halfvec (
	INPUT = halfvec_in,
	OUTPUT = halfvec_out,
	TYPMOD_IN = halfvec_typmod_in,
	RECEIVE = halfvec_recv,
	SEND = halfvec_send,
	STORAGE = external
);

COMMENT ON TYPE halfvec IS 'vector of half-precision floating-point numbers, of a fixed or any number of dimensions';

-- -----------------------------------------------------------------------
-- halfvec: functions
-- -----------------------------------------------------------------------

CREATE FUNCTION l2_distance(halfvec, halfvec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_halfvec_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_halfvec_distance_support;

COMMENT ON FUNCTION l2_distance(halfvec, halfvec) IS 'Euclidean (L2) distance';

CREATE FUNCTION inner_product(halfvec, halfvec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_halfvec_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_halfvec_distance_support;

COMMENT ON FUNCTION inner_product(halfvec, halfvec) IS 'inner product';

CREATE FUNCTION cosine_distance(halfvec, halfvec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_halfvec_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_halfvec_distance_support;

COMMENT ON FUNCTION cosine_distance(halfvec, halfvec) IS 'cosine distance: one minus the cosine of the angle';

CREATE FUNCTION l1_distance(halfvec, halfvec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_halfvec_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_halfvec_distance_support;

COMMENT ON FUNCTION l1_distance(halfvec, halfvec) IS 'taxicab (L1) distance';

CREATE FUNCTION vector_dims(halfvec) RETURNS integer
	AS 'MODULE_PATHNAME', 'omen_halfvec_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_dims(halfvec) IS 'number of dimensions';

CREATE FUNCTION l2_norm(halfvec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_halfvec_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION l2_norm(halfvec) IS 'Euclidean norm';

CREATE FUNCTION l2_normalize(halfvec) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'omen_halfvec_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_halfvec_distance_support;

COMMENT ON FUNCTION l2_normalize(halfvec) IS 'vector of the same direction with Euclidean norm 1';

CREATE FUNCTION binary_quantize(halfvec) RETURNS bit
	AS 'MODULE_PATHNAME', 'omen_halfvec_binary_quantize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_halfvec_distance_support;

COMMENT ON FUNCTION binary_quantize(halfvec) IS 'one bit per element, set where the element is positive';

CREATE FUNCTION subvector(halfvec, integer, integer) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'omen_halfvec_subvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_halfvec_distance_support;

COMMENT ON FUNCTION subvector(halfvec, integer, integer) IS 'part of a vector: first element, counted from 1, and number of elements';

-- -----------------------------------------------------------------------
-- halfvec: functions behind operators, operator classes and aggregates
-- -----------------------------------------------------------------------

CREATE FUNCTION halfvec_add(halfvec, halfvec) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'omen_halfvec_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_add(halfvec, halfvec) IS 'implementation of + operator';

CREATE FUNCTION halfvec_sub(halfvec, halfvec) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'omen_halfvec_sub' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_sub(halfvec, halfvec) IS 'implementation of - operator';

CREATE FUNCTION halfvec_mul(halfvec, halfvec) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'omen_halfvec_mul' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_mul(halfvec, halfvec) IS 'implementation of * operator';

CREATE FUNCTION halfvec_concat(halfvec, halfvec) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'omen_halfvec_concat' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_concat(halfvec, halfvec) IS 'implementation of || operator';

CREATE FUNCTION halfvec_lt(halfvec, halfvec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_halfvec_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_lt(halfvec, halfvec) IS 'implementation of < operator';

CREATE FUNCTION halfvec_le(halfvec, halfvec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_halfvec_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_le(halfvec, halfvec) IS 'implementation of <= operator';

CREATE FUNCTION halfvec_eq(halfvec, halfvec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_halfvec_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_eq(halfvec, halfvec) IS 'implementation of = operator';

CREATE FUNCTION halfvec_ne(halfvec, halfvec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_halfvec_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_ne(halfvec, halfvec) IS 'implementation of <> operator';

CREATE FUNCTION halfvec_ge(halfvec, halfvec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_halfvec_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_ge(halfvec, halfvec) IS 'implementation of >= operator';

CREATE FUNCTION halfvec_gt(halfvec, halfvec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_halfvec_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_gt(halfvec, halfvec) IS 'implementation of > operator';

CREATE FUNCTION halfvec_cmp(halfvec, halfvec) RETURNS integer
	AS 'MODULE_PATHNAME', 'omen_halfvec_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_cmp(halfvec, halfvec) IS 'less-equal-greater';

CREATE FUNCTION halfvec_hash(halfvec) RETURNS integer
	AS 'MODULE_PATHNAME', 'omen_halfvec_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_hash(halfvec) IS 'hash';

CREATE FUNCTION halfvec_hash_extended(halfvec, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'omen_halfvec_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_hash_extended(halfvec, bigint) IS 'hash with a seed';

CREATE FUNCTION halfvec_l2_squared_distance(halfvec, halfvec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_halfvec_l2_squared_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_halfvec_distance_support;

COMMENT ON FUNCTION halfvec_l2_squared_distance(halfvec, halfvec) IS 'square of the Euclidean (L2) distance';

CREATE FUNCTION halfvec_negative_inner_product(halfvec, halfvec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_halfvec_negative_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_halfvec_distance_support;

COMMENT ON FUNCTION halfvec_negative_inner_product(halfvec, halfvec) IS 'implementation of <#> operator';

CREATE FUNCTION halfvec_spherical_distance(halfvec, halfvec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_halfvec_spherical_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_halfvec_distance_support;

COMMENT ON FUNCTION halfvec_spherical_distance(halfvec, halfvec) IS 'angle between two vectors of norm 1, divided by pi';

CREATE FUNCTION halfvec_accum(double precision[], halfvec) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'omen_halfvec_accum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_accum(double precision[], halfvec) IS 'aggregate transition function';

CREATE FUNCTION halfvec_combine(double precision[], double precision[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'omen_vector_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_combine(double precision[], double precision[]) IS 'aggregate combine function';

CREATE FUNCTION halfvec_avg(double precision[]) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'omen_halfvec_avg' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_avg(double precision[]) IS 'aggregate final function';

-- -----------------------------------------------------------------------
-- halfvec: aggregates
-- -----------------------------------------------------------------------

CREATE AGGREGATE avg(halfvec) (
	SFUNC = halfvec_accum,
	STYPE = double precision[],
	FINALFUNC = halfvec_avg,
	COMBINEFUNC = halfvec_combine,
	INITCOND = '{0}',
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE avg(halfvec) IS 'the average (arithmetic mean) of all vectors, element by element';

CREATE AGGREGATE sum(halfvec) (
	SFUNC = halfvec_add,
	STYPE = halfvec,
	COMBINEFUNC = halfvec_add,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE sum(halfvec) IS 'the sum of all vectors, element by element';

-- -----------------------------------------------------------------------
-- halfvec: casts
-- -----------------------------------------------------------------------

-- Between vector and halfvec only one way is implicit, the one that an index on
-- halfvec needs; were both, an operator of the two would be ambiguous.

CREATE FUNCTION halfvec(halfvec, integer, boolean) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'omen_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec(halfvec, integer, boolean) IS 'check the number of dimensions';

CREATE FUNCTION halfvec_to_vector(halfvec, integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'omen_halfvec_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_halfvec_distance_support;

COMMENT ON FUNCTION halfvec_to_vector(halfvec, integer, boolean) IS 'convert halfvec to vector';

CREATE FUNCTION vector_to_halfvec(vector, integer, boolean) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'omen_vector_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_distance_support;

COMMENT ON FUNCTION vector_to_halfvec(vector, integer, boolean) IS 'convert vector to halfvec, each number to the nearest';

CREATE FUNCTION array_to_halfvec(integer[], integer, boolean) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'omen_array_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION array_to_halfvec(integer[], integer, boolean) IS 'convert array to halfvec';

CREATE FUNCTION array_to_halfvec(real[], integer, boolean) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'omen_array_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION array_to_halfvec(real[], integer, boolean) IS 'convert array to halfvec';

CREATE FUNCTION array_to_halfvec(double precision[], integer, boolean) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'omen_array_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION array_to_halfvec(double precision[], integer, boolean) IS 'convert array to halfvec';

CREATE FUNCTION array_to_halfvec(numeric[], integer, boolean) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'omen_array_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION array_to_halfvec(numeric[], integer, boolean) IS 'convert array to halfvec';

CREATE FUNCTION halfvec_to_float4(halfvec, integer, boolean) RETURNS real[]
	AS 'MODULE_PATHNAME', 'omen_halfvec_to_float4' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_to_float4(halfvec, integer, boolean) IS 'convert halfvec to array';

CREATE CAST (halfvec AS halfvec)
	WITH FUNCTION halfvec(halfvec, integer, boolean) AS IMPLICIT;

COMMENT ON CAST (halfvec AS halfvec) IS 'check the number of dimensions';

CREATE CAST (halfvec AS vector)
	WITH FUNCTION halfvec_to_vector(halfvec, integer, boolean) AS ASSIGNMENT;

COMMENT ON CAST (halfvec AS vector) IS 'convert halfvec to vector';

CREATE CAST (vector AS halfvec)
	WITH FUNCTION vector_to_halfvec(vector, integer, boolean) AS IMPLICIT;

COMMENT ON CAST (vector AS halfvec) IS 'convert vector to halfvec, each number to the nearest';

CREATE CAST (halfvec AS real[])
	WITH FUNCTION halfvec_to_float4(halfvec, integer, boolean) AS ASSIGNMENT;

COMMENT ON CAST (halfvec AS real[]) IS 'convert halfvec to array';

CREATE CAST (integer[] AS halfvec)
	WITH FUNCTION array_to_halfvec(integer[], integer, boolean) AS ASSIGNMENT;

COMMENT ON CAST (integer[] AS halfvec) IS 'convert array to halfvec';

CREATE CAST (real[] AS halfvec)
	WITH FUNCTION array_to_halfvec(real[], integer, boolean) AS ASSIGNMENT;

COMMENT ON CAST (real[] AS halfvec) IS 'convert array to halfvec';

CREATE CAST (double precision[] AS halfvec)
	WITH FUNCTION array_to_halfvec(double precision[], integer, boolean) AS ASSIGNMENT;

COMMENT ON CAST (double precision[] AS halfvec) IS 'convert array to halfvec';

CREATE CAST (numeric[] AS halfvec)
	WITH FUNCTION array_to_halfvec(numeric[], integer, boolean) AS ASSIGNMENT;

COMMENT ON CAST (numeric[] AS halfvec) IS 'convert array to halfvec';

-- -----------------------------------------------------------------------
-- halfvec: operators
-- -----------------------------------------------------------------------

CREATE OPERATOR <-> (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = l2_distance,
	COMMUTATOR = <->
);

COMMENT ON OPERATOR <-> (halfvec, halfvec) IS 'Euclidean (L2) distance';

CREATE OPERATOR <#> (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_negative_inner_product,
	COMMUTATOR = <#>
);

COMMENT ON OPERATOR <#> (halfvec, halfvec) IS 'negative inner product';

CREATE OPERATOR <=> (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = cosine_distance,
	COMMUTATOR = <=>
);

COMMENT ON OPERATOR <=> (halfvec, halfvec) IS 'cosine distance';

CREATE OPERATOR <+> (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = l1_distance,
	COMMUTATOR = <+>
);

COMMENT ON OPERATOR <+> (halfvec, halfvec) IS 'taxicab (L1) distance';

CREATE OPERATOR + (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_add,
	COMMUTATOR = +
);

COMMENT ON OPERATOR + (halfvec, halfvec) IS 'add element by element';

CREATE OPERATOR - (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_sub
);

COMMENT ON OPERATOR - (halfvec, halfvec) IS 'subtract element by element';

CREATE OPERATOR * (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_mul,
	COMMUTATOR = *
);

COMMENT ON OPERATOR * (halfvec, halfvec) IS 'multiply element by element';

CREATE OPERATOR || (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_concat
);

COMMENT ON OPERATOR || (halfvec, halfvec) IS 'concatenate';

CREATE OPERATOR < (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_lt,
	COMMUTATOR = >, NEGATOR = >=,
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);

COMMENT ON OPERATOR < (halfvec, halfvec) IS 'less than';

CREATE OPERATOR <= (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_le,
	COMMUTATOR = >=, NEGATOR = >,
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);

COMMENT ON OPERATOR <= (halfvec, halfvec) IS 'less than or equal';

CREATE OPERATOR = (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_eq,
	COMMUTATOR = =, NEGATOR = <>,
	RESTRICT = eqsel, JOIN = eqjoinsel,
	HASHES, MERGES
);

COMMENT ON OPERATOR = (halfvec, halfvec) IS 'equal';

CREATE OPERATOR <> (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_ne,
	COMMUTATOR = <>, NEGATOR = =,
	RESTRICT = neqsel, JOIN = neqjoinsel
);

COMMENT ON OPERATOR <> (halfvec, halfvec) IS 'not equal';

CREATE OPERATOR >= (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_ge,
	COMMUTATOR = <=, NEGATOR = <,
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);

COMMENT ON OPERATOR >= (halfvec, halfvec) IS 'greater than or equal';

CREATE OPERATOR > (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_gt,
	COMMUTATOR = <, NEGATOR = <=,
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);

COMMENT ON OPERATOR > (halfvec, halfvec) IS 'greater than';

-- -----------------------------------------------------------------------
-- halfvec: spheres, and whether a value lies within one
-- -----------------------------------------------------------------------

CREATE TYPE halfvec_sphere AS (center halfvec, radius double precision);

COMMENT ON TYPE halfvec_sphere IS 'all vectors that are nearer to a center than a radius';

-- No function named sphere: beside the other one a sphere of a literal or of an
-- untyped parameter would be of nobody knows which type.
CREATE FUNCTION halfvec_sphere(center halfvec, radius double precision) RETURNS halfvec_sphere
	AS 'MODULE_PATHNAME', 'omen_halfvec_sphere' LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_sphere(halfvec, double precision) IS 'make a sphere';

CREATE FUNCTION halfvec_l2_within(halfvec, halfvec_sphere) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_halfvec_l2_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_halfvec_distance_support;

COMMENT ON FUNCTION halfvec_l2_within(halfvec, halfvec_sphere) IS 'implementation of <<->> operator';

CREATE OPERATOR <<->> (
	LEFTARG = halfvec, RIGHTARG = halfvec_sphere, FUNCTION = halfvec_l2_within,
	RESTRICT = contsel, JOIN = contjoinsel
);

COMMENT ON OPERATOR <<->> (halfvec, halfvec_sphere) IS 'within a sphere, by Euclidean (L2) distance';

CREATE FUNCTION halfvec_ip_within(halfvec, halfvec_sphere) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_halfvec_ip_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_halfvec_distance_support;

COMMENT ON FUNCTION halfvec_ip_within(halfvec, halfvec_sphere) IS 'implementation of <<#>> operator';

CREATE OPERATOR <<#>> (
	LEFTARG = halfvec, RIGHTARG = halfvec_sphere, FUNCTION = halfvec_ip_within,
	RESTRICT = contsel, JOIN = contjoinsel
);

COMMENT ON OPERATOR <<#>> (halfvec, halfvec_sphere) IS 'within a sphere, by negative inner product';

CREATE FUNCTION halfvec_cosine_within(halfvec, halfvec_sphere) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_halfvec_cosine_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_halfvec_distance_support;

COMMENT ON FUNCTION halfvec_cosine_within(halfvec, halfvec_sphere) IS 'implementation of <<=>> operator';

CREATE OPERATOR <<=>> (
	LEFTARG = halfvec, RIGHTARG = halfvec_sphere, FUNCTION = halfvec_cosine_within,
	RESTRICT = contsel, JOIN = contjoinsel
);

COMMENT ON OPERATOR <<=>> (halfvec, halfvec_sphere) IS 'within a sphere, by cosine distance';

CREATE FUNCTION halfvec_l1_within(halfvec, halfvec_sphere) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_halfvec_l1_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_halfvec_distance_support;

COMMENT ON FUNCTION halfvec_l1_within(halfvec, halfvec_sphere) IS 'implementation of <<+>> operator';

CREATE OPERATOR <<+>> (
	LEFTARG = halfvec, RIGHTARG = halfvec_sphere, FUNCTION = halfvec_l1_within,
	RESTRICT = contsel, JOIN = contjoinsel
);

COMMENT ON OPERATOR <<+>> (halfvec, halfvec_sphere) IS 'within a sphere, by taxicab (L1) distance';

-- -----------------------------------------------------------------------
-- halfvec: operator classes of PostgreSQL's own access methods
-- -----------------------------------------------------------------------

CREATE OPERATOR FAMILY halfvec_ops USING btree;

COMMENT ON OPERATOR FAMILY halfvec_ops USING btree IS 'vectors ordered by their elements';

CREATE OPERATOR CLASS halfvec_ops
	DEFAULT FOR TYPE halfvec USING btree FAMILY halfvec_ops AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 halfvec_cmp(halfvec, halfvec);

COMMENT ON OPERATOR CLASS halfvec_ops USING btree IS 'vectors ordered by their elements';

CREATE OPERATOR FAMILY halfvec_hash_ops USING hash;

COMMENT ON OPERATOR FAMILY halfvec_hash_ops USING hash IS 'equality of vectors';

CREATE OPERATOR CLASS halfvec_hash_ops
	DEFAULT FOR TYPE halfvec USING hash FAMILY halfvec_hash_ops AS
	OPERATOR 1 =,
	FUNCTION 1 halfvec_hash(halfvec),
	FUNCTION 2 halfvec_hash_extended(halfvec, bigint);

COMMENT ON OPERATOR CLASS halfvec_hash_ops USING hash IS 'equality of vectors';

-- -----------------------------------------------------------------------
-- bit: functions
-- -----------------------------------------------------------------------

CREATE FUNCTION hamming_distance(bit, bit) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_hamming_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_bit_distance_support;

COMMENT ON FUNCTION hamming_distance(bit, bit) IS 'Hamming distance: number of bits that differ';

CREATE FUNCTION jaccard_distance(bit, bit) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_jaccard_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_bit_distance_support;

COMMENT ON FUNCTION jaccard_distance(bit, bit) IS 'Jaccard distance: one minus the bits set in both, as a part of those set in either';

-- -----------------------------------------------------------------------
-- bit: operators
-- -----------------------------------------------------------------------

CREATE OPERATOR <~> (
	LEFTARG = bit, RIGHTARG = bit, FUNCTION = hamming_distance,
	COMMUTATOR = <~>
);

COMMENT ON OPERATOR <~> (bit, bit) IS 'Hamming distance';

CREATE OPERATOR <%> (
	LEFTARG = bit, RIGHTARG = bit, FUNCTION = jaccard_distance,
	COMMUTATOR = <%>
);

COMMENT ON OPERATOR <%> (bit, bit) IS 'Jaccard distance';

-- -----------------------------------------------------------------------
-- bit: spheres, and whether a value lies within one
-- -----------------------------------------------------------------------

-- "bit" in quotes is of any length, bit would be bit(1).
CREATE TYPE bit_sphere AS (center "bit", radius double precision);

COMMENT ON TYPE bit_sphere IS 'all bit strings that are nearer to a center than a radius';

CREATE FUNCTION bit_sphere(center bit, radius double precision) RETURNS bit_sphere
	AS 'MODULE_PATHNAME', 'omen_bit_sphere' LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION bit_sphere(bit, double precision) IS 'make a sphere';

CREATE FUNCTION bit_hamming_within(bit, bit_sphere) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_bit_hamming_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_bit_distance_support;

COMMENT ON FUNCTION bit_hamming_within(bit, bit_sphere) IS 'implementation of <<~>> operator';

CREATE OPERATOR <<~>> (
	LEFTARG = bit, RIGHTARG = bit_sphere, FUNCTION = bit_hamming_within,
	RESTRICT = contsel, JOIN = contjoinsel
);

COMMENT ON OPERATOR <<~>> (bit, bit_sphere) IS 'within a sphere, by Hamming distance';

CREATE FUNCTION bit_jaccard_within(bit, bit_sphere) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_bit_jaccard_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_bit_distance_support;

COMMENT ON FUNCTION bit_jaccard_within(bit, bit_sphere) IS 'implementation of <<%>> operator';

CREATE OPERATOR <<%>> (
	LEFTARG = bit, RIGHTARG = bit_sphere, FUNCTION = bit_jaccard_within,
	RESTRICT = contsel, JOIN = contjoinsel
);

COMMENT ON OPERATOR <<%>> (bit, bit_sphere) IS 'within a sphere, by Jaccard distance';

-- -----------------------------------------------------------------------
-- sparsevec: type
-- -----------------------------------------------------------------------

CREATE TYPE sparsevec;

CREATE FUNCTION sparsevec_in(cstring, oid, integer) RETURNS sparsevec
	AS 'MODULE_PATHNAME', 'omen_sparsevec_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sparsevec_in(cstring, oid, integer) IS 'I/O';

CREATE FUNCTION sparsevec_out(sparsevec) RETURNS cstring
	AS 'MODULE_PATHNAME', 'omen_sparsevec_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sparsevec_out(sparsevec) IS 'I/O';

CREATE FUNCTION sparsevec_typmod_in(cstring[]) RETURNS integer
	AS 'MODULE_PATHNAME', 'omen_sparsevec_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sparsevec_typmod_in(cstring[]) IS 'I/O typmod';

CREATE FUNCTION sparsevec_recv(internal, oid, integer) RETURNS sparsevec
	AS 'MODULE_PATHNAME', 'omen_sparsevec_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sparsevec_recv(internal, oid, integer) IS 'I/O';

CREATE FUNCTION sparsevec_send(sparsevec) RETURNS bytea
	AS 'MODULE_PATHNAME', 'omen_sparsevec_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sparsevec_send(sparsevec) IS 'I/O';

CREATE TYPE sparsevec (
	INPUT = sparsevec_in,
	OUTPUT = sparsevec_out,
	TYPMOD_IN = sparsevec_typmod_in,
	RECEIVE = sparsevec_recv,
	SEND = sparsevec_send,
	STORAGE = external
);

COMMENT ON TYPE sparsevec IS 'vector of single-precision floating-point numbers of which most are zero, of a fixed or any number of dimensions';

-- -----------------------------------------------------------------------
-- sparsevec: functions
-- -----------------------------------------------------------------------

CREATE FUNCTION l2_distance(sparsevec, sparsevec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_sparsevec_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_sparsevec_distance_support;

COMMENT ON FUNCTION l2_distance(sparsevec, sparsevec) IS 'Euclidean (L2) distance';

CREATE FUNCTION inner_product(sparsevec, sparsevec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_sparsevec_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_sparsevec_distance_support;

COMMENT ON FUNCTION inner_product(sparsevec, sparsevec) IS 'inner product';

CREATE FUNCTION cosine_distance(sparsevec, sparsevec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_sparsevec_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_sparsevec_distance_support;

COMMENT ON FUNCTION cosine_distance(sparsevec, sparsevec) IS 'cosine distance: one minus the cosine of the angle';

CREATE FUNCTION l1_distance(sparsevec, sparsevec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_sparsevec_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_sparsevec_distance_support;

COMMENT ON FUNCTION l1_distance(sparsevec, sparsevec) IS 'taxicab (L1) distance';

CREATE FUNCTION l2_norm(sparsevec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_sparsevec_l2_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION l2_norm(sparsevec) IS 'Euclidean norm';

CREATE FUNCTION l2_normalize(sparsevec) RETURNS sparsevec
	AS 'MODULE_PATHNAME', 'omen_sparsevec_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION l2_normalize(sparsevec) IS 'sparse vector of the same direction with Euclidean norm 1';

-- -----------------------------------------------------------------------
-- sparsevec: functions behind operators and operator classes
-- -----------------------------------------------------------------------

CREATE FUNCTION sparsevec_lt(sparsevec, sparsevec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_sparsevec_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sparsevec_lt(sparsevec, sparsevec) IS 'implementation of < operator';

CREATE FUNCTION sparsevec_le(sparsevec, sparsevec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_sparsevec_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sparsevec_le(sparsevec, sparsevec) IS 'implementation of <= operator';

CREATE FUNCTION sparsevec_eq(sparsevec, sparsevec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_sparsevec_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sparsevec_eq(sparsevec, sparsevec) IS 'implementation of = operator';

CREATE FUNCTION sparsevec_ne(sparsevec, sparsevec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_sparsevec_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sparsevec_ne(sparsevec, sparsevec) IS 'implementation of <> operator';

CREATE FUNCTION sparsevec_ge(sparsevec, sparsevec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_sparsevec_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sparsevec_ge(sparsevec, sparsevec) IS 'implementation of >= operator';

CREATE FUNCTION sparsevec_gt(sparsevec, sparsevec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_sparsevec_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sparsevec_gt(sparsevec, sparsevec) IS 'implementation of > operator';

CREATE FUNCTION sparsevec_cmp(sparsevec, sparsevec) RETURNS integer
	AS 'MODULE_PATHNAME', 'omen_sparsevec_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sparsevec_cmp(sparsevec, sparsevec) IS 'less-equal-greater';

CREATE FUNCTION sparsevec_hash(sparsevec) RETURNS integer
	AS 'MODULE_PATHNAME', 'omen_sparsevec_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sparsevec_hash(sparsevec) IS 'hash';

CREATE FUNCTION sparsevec_hash_extended(sparsevec, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'omen_sparsevec_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sparsevec_hash_extended(sparsevec, bigint) IS 'hash with a seed';

CREATE FUNCTION sparsevec_l2_squared_distance(sparsevec, sparsevec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_sparsevec_l2_squared_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_sparsevec_distance_support;

COMMENT ON FUNCTION sparsevec_l2_squared_distance(sparsevec, sparsevec) IS 'square of the Euclidean (L2) distance';

CREATE FUNCTION sparsevec_negative_inner_product(sparsevec, sparsevec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'omen_sparsevec_negative_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_sparsevec_distance_support;

COMMENT ON FUNCTION sparsevec_negative_inner_product(sparsevec, sparsevec) IS 'implementation of <#> operator';

-- -----------------------------------------------------------------------
-- sparsevec: casts
-- -----------------------------------------------------------------------

CREATE FUNCTION sparsevec(sparsevec, integer, boolean) RETURNS sparsevec
	AS 'MODULE_PATHNAME', 'omen_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sparsevec(sparsevec, integer, boolean) IS 'check the number of dimensions';

CREATE FUNCTION vector_to_sparsevec(vector, integer, boolean) RETURNS sparsevec
	AS 'MODULE_PATHNAME', 'omen_vector_to_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION vector_to_sparsevec(vector, integer, boolean) IS 'convert vector to sparse vector';

CREATE FUNCTION sparsevec_to_vector(sparsevec, integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'omen_sparsevec_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sparsevec_to_vector(sparsevec, integer, boolean) IS 'convert sparse vector to vector';

CREATE FUNCTION halfvec_to_sparsevec(halfvec, integer, boolean) RETURNS sparsevec
	AS 'MODULE_PATHNAME', 'omen_halfvec_to_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION halfvec_to_sparsevec(halfvec, integer, boolean) IS 'convert halfvec to sparse vector';

CREATE FUNCTION sparsevec_to_halfvec(sparsevec, integer, boolean) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'omen_sparsevec_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sparsevec_to_halfvec(sparsevec, integer, boolean) IS 'convert sparse vector to halfvec, each number to the nearest';

CREATE FUNCTION array_to_sparsevec(integer[], integer, boolean) RETURNS sparsevec
	AS 'MODULE_PATHNAME', 'omen_array_to_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION array_to_sparsevec(integer[], integer, boolean) IS 'convert array to sparse vector';

CREATE FUNCTION array_to_sparsevec(real[], integer, boolean) RETURNS sparsevec
	AS 'MODULE_PATHNAME', 'omen_array_to_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION array_to_sparsevec(real[], integer, boolean) IS 'convert array to sparse vector';

CREATE FUNCTION array_to_sparsevec(double precision[], integer, boolean) RETURNS sparsevec
	AS 'MODULE_PATHNAME', 'omen_array_to_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION array_to_sparsevec(double precision[], integer, boolean) IS 'convert array to sparse vector';

CREATE FUNCTION array_to_sparsevec(numeric[], integer, boolean) RETURNS sparsevec
	AS 'MODULE_PATHNAME', 'omen_array_to_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION array_to_sparsevec(numeric[], integer, boolean) IS 'convert array to sparse vector';

CREATE CAST (sparsevec AS sparsevec)
	WITH FUNCTION sparsevec(sparsevec, integer, boolean) AS IMPLICIT;

COMMENT ON CAST (sparsevec AS sparsevec) IS 'check the number of dimensions';

CREATE CAST (vector AS sparsevec)
	WITH FUNCTION vector_to_sparsevec(vector, integer, boolean) AS IMPLICIT;

COMMENT ON CAST (vector AS sparsevec) IS 'convert vector to sparse vector';

CREATE CAST (sparsevec AS vector)
	WITH FUNCTION sparsevec_to_vector(sparsevec, integer, boolean) AS ASSIGNMENT;

COMMENT ON CAST (sparsevec AS vector) IS 'convert sparse vector to vector';

CREATE CAST (halfvec AS sparsevec)
	WITH FUNCTION halfvec_to_sparsevec(halfvec, integer, boolean) AS IMPLICIT;

COMMENT ON CAST (halfvec AS sparsevec) IS 'convert halfvec to sparse vector';

CREATE CAST (sparsevec AS halfvec)
	WITH FUNCTION sparsevec_to_halfvec(sparsevec, integer, boolean) AS ASSIGNMENT;

COMMENT ON CAST (sparsevec AS halfvec) IS 'convert sparse vector to halfvec, each number to the nearest';

CREATE CAST (integer[] AS sparsevec)
	WITH FUNCTION array_to_sparsevec(integer[], integer, boolean) AS ASSIGNMENT;

COMMENT ON CAST (integer[] AS sparsevec) IS 'convert array to sparse vector';

CREATE CAST (real[] AS sparsevec)
	WITH FUNCTION array_to_sparsevec(real[], integer, boolean) AS ASSIGNMENT;

COMMENT ON CAST (real[] AS sparsevec) IS 'convert array to sparse vector';

CREATE CAST (double precision[] AS sparsevec)
	WITH FUNCTION array_to_sparsevec(double precision[], integer, boolean) AS ASSIGNMENT;

COMMENT ON CAST (double precision[] AS sparsevec) IS 'convert array to sparse vector';

CREATE CAST (numeric[] AS sparsevec)
	WITH FUNCTION array_to_sparsevec(numeric[], integer, boolean) AS ASSIGNMENT;

COMMENT ON CAST (numeric[] AS sparsevec) IS 'convert array to sparse vector';

-- -----------------------------------------------------------------------
-- sparsevec: operators
-- -----------------------------------------------------------------------

CREATE OPERATOR <-> (
	LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = l2_distance,
	COMMUTATOR = <->
);

COMMENT ON OPERATOR <-> (sparsevec, sparsevec) IS 'Euclidean (L2) distance';

CREATE OPERATOR <#> (
	LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_negative_inner_product,
	COMMUTATOR = <#>
);

COMMENT ON OPERATOR <#> (sparsevec, sparsevec) IS 'negative inner product';

CREATE OPERATOR <=> (
	LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = cosine_distance,
	COMMUTATOR = <=>
);

COMMENT ON OPERATOR <=> (sparsevec, sparsevec) IS 'cosine distance';

CREATE OPERATOR <+> (
	LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = l1_distance,
	COMMUTATOR = <+>
);

COMMENT ON OPERATOR <+> (sparsevec, sparsevec) IS 'taxicab (L1) distance';

CREATE OPERATOR < (
	LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_lt,
	COMMUTATOR = >, NEGATOR = >=,
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);

COMMENT ON OPERATOR < (sparsevec, sparsevec) IS 'less than';

CREATE OPERATOR <= (
	LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_le,
	COMMUTATOR = >=, NEGATOR = >,
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);

COMMENT ON OPERATOR <= (sparsevec, sparsevec) IS 'less than or equal';

CREATE OPERATOR = (
	LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_eq,
	COMMUTATOR = =, NEGATOR = <>,
	RESTRICT = eqsel, JOIN = eqjoinsel,
	HASHES, MERGES
);

COMMENT ON OPERATOR = (sparsevec, sparsevec) IS 'equal';

CREATE OPERATOR <> (
	LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_ne,
	COMMUTATOR = <>, NEGATOR = =,
	RESTRICT = neqsel, JOIN = neqjoinsel
);

COMMENT ON OPERATOR <> (sparsevec, sparsevec) IS 'not equal';

CREATE OPERATOR >= (
	LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_ge,
	COMMUTATOR = <=, NEGATOR = <,
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);

COMMENT ON OPERATOR >= (sparsevec, sparsevec) IS 'greater than or equal';

CREATE OPERATOR > (
	LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_gt,
	COMMUTATOR = <, NEGATOR = <=,
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);

COMMENT ON OPERATOR > (sparsevec, sparsevec) IS 'greater than';

-- -----------------------------------------------------------------------
-- sparsevec: spheres, and whether a value lies within one
-- -----------------------------------------------------------------------

CREATE TYPE sparsevec_sphere AS (center sparsevec, radius double precision);

COMMENT ON TYPE sparsevec_sphere IS 'all sparse vectors that are nearer to a center than a radius';

CREATE FUNCTION sparsevec_sphere(center sparsevec, radius double precision) RETURNS sparsevec_sphere
	AS 'MODULE_PATHNAME', 'omen_sparsevec_sphere' LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION sparsevec_sphere(sparsevec, double precision) IS 'make a sphere';

CREATE FUNCTION sparsevec_l2_within(sparsevec, sparsevec_sphere) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_sparsevec_l2_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_sparsevec_distance_support;

COMMENT ON FUNCTION sparsevec_l2_within(sparsevec, sparsevec_sphere) IS 'implementation of <<->> operator';

CREATE OPERATOR <<->> (
	LEFTARG = sparsevec, RIGHTARG = sparsevec_sphere, FUNCTION = sparsevec_l2_within,
	RESTRICT = contsel, JOIN = contjoinsel
);

COMMENT ON OPERATOR <<->> (sparsevec, sparsevec_sphere) IS 'within a sphere, by Euclidean (L2) distance';

CREATE FUNCTION sparsevec_ip_within(sparsevec, sparsevec_sphere) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_sparsevec_ip_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_sparsevec_distance_support;

COMMENT ON FUNCTION sparsevec_ip_within(sparsevec, sparsevec_sphere) IS 'implementation of <<#>> operator';

CREATE OPERATOR <<#>> (
	LEFTARG = sparsevec, RIGHTARG = sparsevec_sphere, FUNCTION = sparsevec_ip_within,
	RESTRICT = contsel, JOIN = contjoinsel
);

COMMENT ON OPERATOR <<#>> (sparsevec, sparsevec_sphere) IS 'within a sphere, by negative inner product';

CREATE FUNCTION sparsevec_cosine_within(sparsevec, sparsevec_sphere) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_sparsevec_cosine_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_sparsevec_distance_support;

COMMENT ON FUNCTION sparsevec_cosine_within(sparsevec, sparsevec_sphere) IS 'implementation of <<=>> operator';

CREATE OPERATOR <<=>> (
	LEFTARG = sparsevec, RIGHTARG = sparsevec_sphere, FUNCTION = sparsevec_cosine_within,
	RESTRICT = contsel, JOIN = contjoinsel
);

COMMENT ON OPERATOR <<=>> (sparsevec, sparsevec_sphere) IS 'within a sphere, by cosine distance';

CREATE FUNCTION sparsevec_l1_within(sparsevec, sparsevec_sphere) RETURNS boolean
	AS 'MODULE_PATHNAME', 'omen_sparsevec_l1_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT omen_sparsevec_distance_support;

COMMENT ON FUNCTION sparsevec_l1_within(sparsevec, sparsevec_sphere) IS 'implementation of <<+>> operator';

CREATE OPERATOR <<+>> (
	LEFTARG = sparsevec, RIGHTARG = sparsevec_sphere, FUNCTION = sparsevec_l1_within,
	RESTRICT = contsel, JOIN = contjoinsel
);

COMMENT ON OPERATOR <<+>> (sparsevec, sparsevec_sphere) IS 'within a sphere, by taxicab (L1) distance';

-- -----------------------------------------------------------------------
-- sparsevec: operator classes of PostgreSQL's own access methods
-- -----------------------------------------------------------------------

CREATE OPERATOR FAMILY sparsevec_ops USING btree;

COMMENT ON OPERATOR FAMILY sparsevec_ops USING btree IS 'sparse vectors ordered by their elements';

CREATE OPERATOR CLASS sparsevec_ops
	DEFAULT FOR TYPE sparsevec USING btree FAMILY sparsevec_ops AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 sparsevec_cmp(sparsevec, sparsevec);

COMMENT ON OPERATOR CLASS sparsevec_ops USING btree IS 'sparse vectors ordered by their elements';

CREATE OPERATOR FAMILY sparsevec_hash_ops USING hash;

COMMENT ON OPERATOR FAMILY sparsevec_hash_ops USING hash IS 'equality of sparse vectors';

CREATE OPERATOR CLASS sparsevec_hash_ops
	DEFAULT FOR TYPE sparsevec USING hash FAMILY sparsevec_hash_ops AS
	OPERATOR 1 =,
	FUNCTION 1 sparsevec_hash(sparsevec),
	FUNCTION 2 sparsevec_hash_extended(sparsevec, bigint);

COMMENT ON OPERATOR CLASS sparsevec_hash_ops USING hash IS 'equality of sparse vectors';

-- -----------------------------------------------------------------------
-- omen_hnsw: the access method
-- -----------------------------------------------------------------------

CREATE FUNCTION omen_simd() RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION omen_simd() IS 'instruction set that distances are computed with';

CREATE FUNCTION omen_hnsw_handler(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME' LANGUAGE C;

COMMENT ON FUNCTION omen_hnsw_handler(internal) IS 'handler of the omen_hnsw access method';

CREATE ACCESS METHOD omen_hnsw TYPE INDEX HANDLER omen_hnsw_handler;

COMMENT ON ACCESS METHOD omen_hnsw IS 'approximate nearest neighbors by a hierarchical navigable small world graph';

CREATE FUNCTION omen_vector_l2_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION omen_vector_l2_support(internal) IS 'omen_hnsw support for L2 distance of vectors';

CREATE FUNCTION omen_vector_ip_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION omen_vector_ip_support(internal) IS 'omen_hnsw support for inner product of vectors';

CREATE FUNCTION omen_vector_cosine_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION omen_vector_cosine_support(internal) IS 'omen_hnsw support for cosine distance of vectors';

CREATE FUNCTION omen_vector_l1_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION omen_vector_l1_support(internal) IS 'omen_hnsw support for L1 distance of vectors';

CREATE OPERATOR FAMILY vector_l2_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY vector_l2_ops USING omen_hnsw IS 'L2 distance';

CREATE OPERATOR CLASS vector_l2_ops
	DEFAULT FOR TYPE vector USING omen_hnsw FAMILY vector_l2_ops AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 omen_vector_l2_support(internal),
	FUNCTION 2 vector_l2_within(vector, vector_sphere);

COMMENT ON OPERATOR CLASS vector_l2_ops USING omen_hnsw IS 'L2 distance';

CREATE OPERATOR FAMILY vector_ip_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY vector_ip_ops USING omen_hnsw IS 'negative inner product';

CREATE OPERATOR CLASS vector_ip_ops
	FOR TYPE vector USING omen_hnsw FAMILY vector_ip_ops AS
	OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 omen_vector_ip_support(internal),
	FUNCTION 2 vector_ip_within(vector, vector_sphere);

COMMENT ON OPERATOR CLASS vector_ip_ops USING omen_hnsw IS 'negative inner product';

CREATE OPERATOR FAMILY vector_cosine_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY vector_cosine_ops USING omen_hnsw IS 'cosine distance';

CREATE OPERATOR CLASS vector_cosine_ops
	FOR TYPE vector USING omen_hnsw FAMILY vector_cosine_ops AS
	OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 omen_vector_cosine_support(internal),
	FUNCTION 2 vector_cosine_within(vector, vector_sphere);

COMMENT ON OPERATOR CLASS vector_cosine_ops USING omen_hnsw IS 'cosine distance';

CREATE OPERATOR FAMILY vector_l1_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY vector_l1_ops USING omen_hnsw IS 'L1 distance';

CREATE OPERATOR CLASS vector_l1_ops
	FOR TYPE vector USING omen_hnsw FAMILY vector_l1_ops AS
	OPERATOR 1 <+> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 omen_vector_l1_support(internal),
	FUNCTION 2 vector_l1_within(vector, vector_sphere);

COMMENT ON OPERATOR CLASS vector_l1_ops USING omen_hnsw IS 'L1 distance';

CREATE FUNCTION omen_halfvec_l2_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION omen_halfvec_l2_support(internal) IS 'omen_hnsw support for L2 distance of halfvec';

CREATE FUNCTION omen_halfvec_ip_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION omen_halfvec_ip_support(internal) IS 'omen_hnsw support for inner product of halfvec';

CREATE FUNCTION omen_halfvec_cosine_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION omen_halfvec_cosine_support(internal) IS 'omen_hnsw support for cosine distance of halfvec';

CREATE FUNCTION omen_halfvec_l1_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION omen_halfvec_l1_support(internal) IS 'omen_hnsw support for L1 distance of halfvec';

CREATE OPERATOR FAMILY halfvec_l2_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY halfvec_l2_ops USING omen_hnsw IS 'L2 distance';

CREATE OPERATOR CLASS halfvec_l2_ops
	DEFAULT FOR TYPE halfvec USING omen_hnsw FAMILY halfvec_l2_ops AS
	OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 omen_halfvec_l2_support(internal),
	FUNCTION 2 halfvec_l2_within(halfvec, halfvec_sphere);

COMMENT ON OPERATOR CLASS halfvec_l2_ops USING omen_hnsw IS 'L2 distance';

CREATE OPERATOR FAMILY halfvec_ip_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY halfvec_ip_ops USING omen_hnsw IS 'negative inner product';

CREATE OPERATOR CLASS halfvec_ip_ops
	FOR TYPE halfvec USING omen_hnsw FAMILY halfvec_ip_ops AS
	OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 omen_halfvec_ip_support(internal),
	FUNCTION 2 halfvec_ip_within(halfvec, halfvec_sphere);

COMMENT ON OPERATOR CLASS halfvec_ip_ops USING omen_hnsw IS 'negative inner product';

CREATE OPERATOR FAMILY halfvec_cosine_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY halfvec_cosine_ops USING omen_hnsw IS 'cosine distance';

CREATE OPERATOR CLASS halfvec_cosine_ops
	FOR TYPE halfvec USING omen_hnsw FAMILY halfvec_cosine_ops AS
	OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 omen_halfvec_cosine_support(internal),
	FUNCTION 2 halfvec_cosine_within(halfvec, halfvec_sphere);

COMMENT ON OPERATOR CLASS halfvec_cosine_ops USING omen_hnsw IS 'cosine distance';

CREATE OPERATOR FAMILY halfvec_l1_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY halfvec_l1_ops USING omen_hnsw IS 'L1 distance';

CREATE OPERATOR CLASS halfvec_l1_ops
	FOR TYPE halfvec USING omen_hnsw FAMILY halfvec_l1_ops AS
	OPERATOR 1 <+> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 omen_halfvec_l1_support(internal),
	FUNCTION 2 halfvec_l1_within(halfvec, halfvec_sphere);

COMMENT ON OPERATOR CLASS halfvec_l1_ops USING omen_hnsw IS 'L1 distance';

CREATE FUNCTION omen_bit_hamming_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION omen_bit_hamming_support(internal) IS 'omen_hnsw support for Hamming distance of bit strings';

CREATE FUNCTION omen_bit_jaccard_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION omen_bit_jaccard_support(internal) IS 'omen_hnsw support for Jaccard distance of bit strings';

CREATE OPERATOR FAMILY bit_hamming_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY bit_hamming_ops USING omen_hnsw IS 'Hamming distance';

CREATE OPERATOR CLASS bit_hamming_ops
	DEFAULT FOR TYPE bit USING omen_hnsw FAMILY bit_hamming_ops AS
	OPERATOR 1 <~> (bit, bit) FOR ORDER BY float_ops,
	FUNCTION 1 omen_bit_hamming_support(internal),
	FUNCTION 2 bit_hamming_within(bit, bit_sphere);

COMMENT ON OPERATOR CLASS bit_hamming_ops USING omen_hnsw IS 'Hamming distance';

CREATE OPERATOR FAMILY bit_jaccard_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY bit_jaccard_ops USING omen_hnsw IS 'Jaccard distance';

CREATE OPERATOR CLASS bit_jaccard_ops
	FOR TYPE bit USING omen_hnsw FAMILY bit_jaccard_ops AS
	OPERATOR 1 <%> (bit, bit) FOR ORDER BY float_ops,
	FUNCTION 1 omen_bit_jaccard_support(internal),
	FUNCTION 2 bit_jaccard_within(bit, bit_sphere);

COMMENT ON OPERATOR CLASS bit_jaccard_ops USING omen_hnsw IS 'Jaccard distance';

CREATE FUNCTION omen_sparsevec_l2_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION omen_sparsevec_l2_support(internal) IS 'omen_hnsw support for L2 distance of sparse vectors';

CREATE FUNCTION omen_sparsevec_ip_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION omen_sparsevec_ip_support(internal) IS 'omen_hnsw support for inner product of sparse vectors';

CREATE FUNCTION omen_sparsevec_cosine_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION omen_sparsevec_cosine_support(internal) IS 'omen_hnsw support for cosine distance of sparse vectors';

CREATE FUNCTION omen_sparsevec_l1_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION omen_sparsevec_l1_support(internal) IS 'omen_hnsw support for L1 distance of sparse vectors';

CREATE OPERATOR FAMILY sparsevec_l2_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY sparsevec_l2_ops USING omen_hnsw IS 'L2 distance';

CREATE OPERATOR CLASS sparsevec_l2_ops
	DEFAULT FOR TYPE sparsevec USING omen_hnsw FAMILY sparsevec_l2_ops AS
	OPERATOR 1 <-> (sparsevec, sparsevec) FOR ORDER BY float_ops,
	FUNCTION 1 omen_sparsevec_l2_support(internal),
	FUNCTION 2 sparsevec_l2_within(sparsevec, sparsevec_sphere);

COMMENT ON OPERATOR CLASS sparsevec_l2_ops USING omen_hnsw IS 'L2 distance';

CREATE OPERATOR FAMILY sparsevec_ip_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY sparsevec_ip_ops USING omen_hnsw IS 'negative inner product';

CREATE OPERATOR CLASS sparsevec_ip_ops
	FOR TYPE sparsevec USING omen_hnsw FAMILY sparsevec_ip_ops AS
	OPERATOR 1 <#> (sparsevec, sparsevec) FOR ORDER BY float_ops,
	FUNCTION 1 omen_sparsevec_ip_support(internal),
	FUNCTION 2 sparsevec_ip_within(sparsevec, sparsevec_sphere);

COMMENT ON OPERATOR CLASS sparsevec_ip_ops USING omen_hnsw IS 'negative inner product';

CREATE OPERATOR FAMILY sparsevec_cosine_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY sparsevec_cosine_ops USING omen_hnsw IS 'cosine distance';

CREATE OPERATOR CLASS sparsevec_cosine_ops
	FOR TYPE sparsevec USING omen_hnsw FAMILY sparsevec_cosine_ops AS
	OPERATOR 1 <=> (sparsevec, sparsevec) FOR ORDER BY float_ops,
	FUNCTION 1 omen_sparsevec_cosine_support(internal),
	FUNCTION 2 sparsevec_cosine_within(sparsevec, sparsevec_sphere);

COMMENT ON OPERATOR CLASS sparsevec_cosine_ops USING omen_hnsw IS 'cosine distance';

CREATE OPERATOR FAMILY sparsevec_l1_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY sparsevec_l1_ops USING omen_hnsw IS 'L1 distance';

CREATE OPERATOR CLASS sparsevec_l1_ops
	FOR TYPE sparsevec USING omen_hnsw FAMILY sparsevec_l1_ops AS
	OPERATOR 1 <+> (sparsevec, sparsevec) FOR ORDER BY float_ops,
	FUNCTION 1 omen_sparsevec_l1_support(internal),
	FUNCTION 2 sparsevec_l1_within(sparsevec, sparsevec_sphere);

COMMENT ON OPERATOR CLASS sparsevec_l1_ops USING omen_hnsw IS 'L1 distance';

-- Columns to filter by, after the vector.

CREATE FUNCTION omen_key_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION omen_key_support(internal) IS 'omen_hnsw support for filter keys';

CREATE OPERATOR FAMILY boolean_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY boolean_ops USING omen_hnsw IS 'filter keys of type boolean';

CREATE OPERATOR CLASS bool_ops
	DEFAULT FOR TYPE boolean USING omen_hnsw FAMILY boolean_ops AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 omen_key_support(internal);

COMMENT ON OPERATOR CLASS bool_ops USING omen_hnsw IS 'filter keys of type boolean';

CREATE OPERATOR FAMILY integer_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY integer_ops USING omen_hnsw IS 'filter keys of integer types';

CREATE OPERATOR CLASS int2_ops
	DEFAULT FOR TYPE int2 USING omen_hnsw FAMILY integer_ops AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 omen_key_support(internal);

COMMENT ON OPERATOR CLASS int2_ops USING omen_hnsw IS 'filter keys of type int2';

CREATE OPERATOR CLASS int4_ops
	DEFAULT FOR TYPE int4 USING omen_hnsw FAMILY integer_ops AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 omen_key_support(internal);

COMMENT ON OPERATOR CLASS int4_ops USING omen_hnsw IS 'filter keys of type int4';

CREATE OPERATOR CLASS int8_ops
	DEFAULT FOR TYPE int8 USING omen_hnsw FAMILY integer_ops AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 omen_key_support(internal);

COMMENT ON OPERATOR CLASS int8_ops USING omen_hnsw IS 'filter keys of type int8';

ALTER OPERATOR FAMILY integer_ops USING omen_hnsw ADD
	OPERATOR 1 < (int2, int4),
	OPERATOR 2 <= (int2, int4),
	OPERATOR 3 = (int2, int4),
	OPERATOR 4 >= (int2, int4),
	OPERATOR 5 > (int2, int4),
	OPERATOR 1 < (int2, int8),
	OPERATOR 2 <= (int2, int8),
	OPERATOR 3 = (int2, int8),
	OPERATOR 4 >= (int2, int8),
	OPERATOR 5 > (int2, int8),
	OPERATOR 1 < (int4, int2),
	OPERATOR 2 <= (int4, int2),
	OPERATOR 3 = (int4, int2),
	OPERATOR 4 >= (int4, int2),
	OPERATOR 5 > (int4, int2),
	OPERATOR 1 < (int4, int8),
	OPERATOR 2 <= (int4, int8),
	OPERATOR 3 = (int4, int8),
	OPERATOR 4 >= (int4, int8),
	OPERATOR 5 > (int4, int8),
	OPERATOR 1 < (int8, int2),
	OPERATOR 2 <= (int8, int2),
	OPERATOR 3 = (int8, int2),
	OPERATOR 4 >= (int8, int2),
	OPERATOR 5 > (int8, int2),
	OPERATOR 1 < (int8, int4),
	OPERATOR 2 <= (int8, int4),
	OPERATOR 3 = (int8, int4),
	OPERATOR 4 >= (int8, int4),
	OPERATOR 5 > (int8, int4);

CREATE OPERATOR FAMILY oid_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY oid_ops USING omen_hnsw IS 'filter keys of type oid';

CREATE OPERATOR CLASS oid_ops
	DEFAULT FOR TYPE oid USING omen_hnsw FAMILY oid_ops AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 omen_key_support(internal);

COMMENT ON OPERATOR CLASS oid_ops USING omen_hnsw IS 'filter keys of type oid';

CREATE OPERATOR FAMILY float_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY float_ops USING omen_hnsw IS 'filter keys of floating-point types';

CREATE OPERATOR CLASS float4_ops
	DEFAULT FOR TYPE float4 USING omen_hnsw FAMILY float_ops AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 omen_key_support(internal);

COMMENT ON OPERATOR CLASS float4_ops USING omen_hnsw IS 'filter keys of type float4';

CREATE OPERATOR CLASS float8_ops
	DEFAULT FOR TYPE float8 USING omen_hnsw FAMILY float_ops AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 omen_key_support(internal);

COMMENT ON OPERATOR CLASS float8_ops USING omen_hnsw IS 'filter keys of type float8';

ALTER OPERATOR FAMILY float_ops USING omen_hnsw ADD
	OPERATOR 1 < (float4, float8),
	OPERATOR 2 <= (float4, float8),
	OPERATOR 3 = (float4, float8),
	OPERATOR 4 >= (float4, float8),
	OPERATOR 5 > (float4, float8),
	OPERATOR 1 < (float8, float4),
	OPERATOR 2 <= (float8, float4),
	OPERATOR 3 = (float8, float4),
	OPERATOR 4 >= (float8, float4),
	OPERATOR 5 > (float8, float4);

CREATE OPERATOR FAMILY numeric_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY numeric_ops USING omen_hnsw IS 'filter keys of type numeric';

CREATE OPERATOR CLASS numeric_ops
	DEFAULT FOR TYPE numeric USING omen_hnsw FAMILY numeric_ops AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 omen_key_support(internal);

COMMENT ON OPERATOR CLASS numeric_ops USING omen_hnsw IS 'filter keys of type numeric';

CREATE OPERATOR FAMILY text_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY text_ops USING omen_hnsw IS 'filter keys of type text';

CREATE OPERATOR CLASS text_ops
	DEFAULT FOR TYPE text USING omen_hnsw FAMILY text_ops AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 omen_key_support(internal);

COMMENT ON OPERATOR CLASS text_ops USING omen_hnsw IS 'filter keys of type text';

CREATE OPERATOR FAMILY bpchar_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY bpchar_ops USING omen_hnsw IS 'filter keys of type character';

CREATE OPERATOR CLASS bpchar_ops
	DEFAULT FOR TYPE bpchar USING omen_hnsw FAMILY bpchar_ops AS
	OPERATOR 3 =,
	FUNCTION 1 omen_key_support(internal);

COMMENT ON OPERATOR CLASS bpchar_ops USING omen_hnsw IS 'filter keys of type bpchar';

CREATE OPERATOR FAMILY uuid_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY uuid_ops USING omen_hnsw IS 'filter keys of type uuid';

CREATE OPERATOR CLASS uuid_ops
	DEFAULT FOR TYPE uuid USING omen_hnsw FAMILY uuid_ops AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 omen_key_support(internal);

COMMENT ON OPERATOR CLASS uuid_ops USING omen_hnsw IS 'filter keys of type uuid';

CREATE OPERATOR FAMILY datetime_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY datetime_ops USING omen_hnsw IS 'filter keys of date and timestamp types';

CREATE OPERATOR CLASS date_ops
	DEFAULT FOR TYPE date USING omen_hnsw FAMILY datetime_ops AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 omen_key_support(internal);

COMMENT ON OPERATOR CLASS date_ops USING omen_hnsw IS 'filter keys of type date';

CREATE OPERATOR CLASS timestamp_ops
	DEFAULT FOR TYPE timestamp USING omen_hnsw FAMILY datetime_ops AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 omen_key_support(internal);

COMMENT ON OPERATOR CLASS timestamp_ops USING omen_hnsw IS 'filter keys of type timestamp';

CREATE OPERATOR CLASS timestamptz_ops
	DEFAULT FOR TYPE timestamptz USING omen_hnsw FAMILY datetime_ops AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 omen_key_support(internal);

COMMENT ON OPERATOR CLASS timestamptz_ops USING omen_hnsw IS 'filter keys of type timestamptz';

ALTER OPERATOR FAMILY datetime_ops USING omen_hnsw ADD
	OPERATOR 1 < (date, timestamp),
	OPERATOR 2 <= (date, timestamp),
	OPERATOR 3 = (date, timestamp),
	OPERATOR 4 >= (date, timestamp),
	OPERATOR 5 > (date, timestamp),
	OPERATOR 1 < (timestamp, date),
	OPERATOR 2 <= (timestamp, date),
	OPERATOR 3 = (timestamp, date),
	OPERATOR 4 >= (timestamp, date),
	OPERATOR 5 > (timestamp, date),
	OPERATOR 1 < (timestamptz, date),
	OPERATOR 2 <= (timestamptz, date),
	OPERATOR 3 = (timestamptz, date),
	OPERATOR 4 >= (timestamptz, date),
	OPERATOR 5 > (timestamptz, date),
	OPERATOR 1 < (timestamptz, timestamp),
	OPERATOR 2 <= (timestamptz, timestamp),
	OPERATOR 3 = (timestamptz, timestamp),
	OPERATOR 4 >= (timestamptz, timestamp),
	OPERATOR 5 > (timestamptz, timestamp);

CREATE OPERATOR FAMILY network_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY network_ops USING omen_hnsw IS 'filter keys of type inet';

CREATE OPERATOR CLASS inet_ops
	DEFAULT FOR TYPE inet USING omen_hnsw FAMILY network_ops AS
	OPERATOR 3 =,
	FUNCTION 1 omen_key_support(internal);

COMMENT ON OPERATOR CLASS inet_ops USING omen_hnsw IS 'filter keys of type inet';

CREATE OPERATOR FAMILY enum_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY enum_ops USING omen_hnsw IS 'filter keys of enum types';

CREATE OPERATOR CLASS enum_ops
	DEFAULT FOR TYPE anyenum USING omen_hnsw FAMILY enum_ops AS
	OPERATOR 3 =,
	FUNCTION 1 omen_key_support(internal);

COMMENT ON OPERATOR CLASS enum_ops USING omen_hnsw IS 'filter keys of type anyenum';

CREATE OPERATOR FAMILY array_ops USING omen_hnsw;

COMMENT ON OPERATOR FAMILY array_ops USING omen_hnsw IS 'filter keys of array types';

CREATE OPERATOR CLASS array_ops
	DEFAULT FOR TYPE anyarray USING omen_hnsw FAMILY array_ops AS
	OPERATOR 3 =,
	OPERATOR 6 &&,
	OPERATOR 7 @>,
	OPERATOR 8 <@,
	FUNCTION 1 omen_key_support(internal);

COMMENT ON OPERATOR CLASS array_ops USING omen_hnsw IS 'filter keys of type anyarray';

-- -----------------------------------------------------------------------
-- omen_hnsw: knowing what an index holds
-- -----------------------------------------------------------------------

CREATE FUNCTION omen_hnsw_check(
	index regclass,
	heapallindexed boolean DEFAULT false,
	OUT severity text,
	OUT kind text,
	OUT block bigint,
	OUT slot integer,
	OUT detail text
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION omen_hnsw_check(regclass, boolean) IS
	'what is damaged in an omen_hnsw index (severity error), and what a crash or a failed insert left in it, which does no harm (severity leftover)';

-- It locks out writers, and reads the whole index and, if asked, the table.
REVOKE ALL ON FUNCTION omen_hnsw_check(regclass, boolean) FROM PUBLIC;

CREATE FUNCTION omen_hnsw_info(
	index regclass,
	OUT mode text,
	OUT metric text,
	OUT storage text,
	OUT dims integer,
	OUT m integer,
	OUT ef_construction integer,
	OUT epoch integer,
	OUT format_version integer,
	OUT leading_columns integer,
	OUT groups bigint,
	OUT graph_groups bigint,
	OUT nodes bigint,
	OUT dead_nodes bigint,
	OUT rows bigint,
	OUT levels integer,
	OUT mean_degree double precision,
	OUT pages bigint,
	OUT node_pages bigint,
	OUT upper_pages bigint,
	OUT posting_pages bigint,
	OUT payload_pages bigint,
	OUT group_pages bigint,
	OUT directory_pages bigint,
	OUT free_pages bigint,
	OUT bytes_per_node double precision
)
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

COMMENT ON FUNCTION omen_hnsw_info(regclass) IS 'what an omen_hnsw index consists of';

CREATE FUNCTION omen_hnsw_groups(
	index regclass,
	OUT id bigint,
	OUT key text[],
	OUT mode text,
	OUT levels integer,
	OUT max_nodes bigint,
	OUT dead_nodes bigint,
	OUT shared_pages integer,
	OUT has_own_pages boolean
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

COMMENT ON FUNCTION omen_hnsw_groups(regclass) IS 'the groups that the columns before the vector make in an omen_hnsw index';

-- It shows values of a table's columns, whichever rows have them.
REVOKE ALL ON FUNCTION omen_hnsw_groups(regclass) FROM PUBLIC;

CREATE FUNCTION omen_hnsw_last_scan(
	OUT hops bigint,
	OUT visits bigint,
	OUT distances bigint,
	OUT reranked bigint,
	OUT late bigint,
	OUT index regclass,
	OUT ef_search integer,
	OUT ef_search_from text
)
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

COMMENT ON FUNCTION omen_hnsw_last_scan() IS 'what the last scan of an omen_hnsw index in this session took, and of which';

CREATE FUNCTION omen_hnsw_build_estimate(
	rows bigint,
	dims integer,
	m integer DEFAULT 16,
	ef_construction integer DEFAULT 64,
	storage text DEFAULT 'auto',
	metric text DEFAULT 'l2',
	workers integer DEFAULT 0,
	OUT index_bytes bigint,
	OUT memory_bytes bigint,
	OUT temporary_bytes bigint
)
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION omen_hnsw_build_estimate(bigint, integer, integer, integer, text, text, integer) IS 'what building an omen_hnsw index will take';
