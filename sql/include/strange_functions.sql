-- All that operators, operator classes, casts, aggregates and types of the
-- extension call, if it is neither the extension's own nor the system's.
CREATE FUNCTION strange_functions() RETURNS TABLE (user_of text, function regprocedure) LANGUAGE sql AS $$
	WITH extension AS (
		SELECT classid, objid FROM pg_depend
		WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
			AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'omendb')
	), used AS (
		SELECT 'operator ' || o.oid::regoperator, unnest(ARRAY[oprcode, oprrest, oprjoin]::oid[]) AS function
		FROM pg_operator o JOIN extension ON classid = 'pg_operator'::regclass AND objid = o.oid
		UNION ALL
		SELECT 'operator family ' || opfname, unnest(ARRAY[oprcode, oprrest, oprjoin]::oid[])
		FROM pg_opfamily f JOIN extension ON classid = 'pg_opfamily'::regclass AND objid = f.oid
			JOIN pg_amop ON amopfamily = f.oid JOIN pg_operator o ON o.oid = amopopr
		UNION ALL
		SELECT 'operator family ' || opfname, amproc::oid
		FROM pg_opfamily f JOIN extension ON classid = 'pg_opfamily'::regclass AND objid = f.oid
			JOIN pg_amproc ON amprocfamily = f.oid
		UNION ALL
		SELECT 'cast', castfunc FROM pg_cast c JOIN extension ON classid = 'pg_cast'::regclass AND objid = c.oid
		UNION ALL
		SELECT 'aggregate', unnest(ARRAY[aggtransfn, aggfinalfn, aggcombinefn]::oid[])
		FROM pg_aggregate a JOIN extension ON classid = 'pg_proc'::regclass AND objid = aggfnoid
		UNION ALL
		SELECT 'type ' || typname, unnest(ARRAY[typinput, typoutput, typreceive, typsend, typmodin]::oid[])
		FROM pg_type t JOIN extension ON classid = 'pg_type'::regclass AND objid = t.oid
		UNION ALL
		SELECT 'support function', prosupport FROM pg_proc p JOIN extension ON classid = 'pg_proc'::regclass AND objid = p.oid
	)
	SELECT u.*::text, p.oid::regprocedure FROM used u (user_of, function) JOIN pg_proc p ON p.oid = function
	WHERE pronamespace <> 'pg_catalog'::regnamespace
		AND NOT EXISTS (SELECT FROM extension WHERE classid = 'pg_proc'::regclass AND objid = p.oid)
$$;
