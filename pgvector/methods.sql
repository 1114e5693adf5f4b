-- -----------------------------------------------------------------------
-- pgvector: its names
-- -----------------------------------------------------------------------

CREATE FUNCTION omendb_version() RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION omendb_version() IS 'the release of omendb that this extension is of';

CREATE FUNCTION hnswhandler(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME', 'omen_alias_handler' LANGUAGE C;

COMMENT ON FUNCTION hnswhandler(internal) IS 'handler of the hnsw access method';

CREATE ACCESS METHOD hnsw TYPE INDEX HANDLER hnswhandler;

COMMENT ON ACCESS METHOD hnsw IS 'omen_hnsw by another name';

-- Not an index, but an error that says which one to make.
CREATE FUNCTION ivfflathandler(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME', 'omen_ivfflat_handler' LANGUAGE C;

COMMENT ON FUNCTION ivfflathandler(internal) IS 'refusal of the ivfflat access method';

CREATE ACCESS METHOD ivfflat TYPE INDEX HANDLER ivfflathandler;

COMMENT ON ACCESS METHOD ivfflat IS 'not supported: use hnsw';
