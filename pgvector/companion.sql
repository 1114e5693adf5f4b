-- -----------------------------------------------------------------------
-- pgvector: it is its operators that are ordered by
-- -----------------------------------------------------------------------

CREATE FUNCTION omen_require_peer() RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE;

SELECT omen_require_peer();

DROP FUNCTION omen_require_peer();
