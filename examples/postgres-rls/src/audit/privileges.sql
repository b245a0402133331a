-- Privileges on everything that is not a relation: only CONNECT on the database, USAGE on schemas,
-- types and the two built-in languages, and EXECUTE on `tenancy.current_tenant()`. For objects that
-- initdb made (OID below 16384), the privileges that initdb granted. Each row is (object, problem, fix).
-- $1 is the body of `tenancy.current_tenant()`.
WITH me AS (
    SELECT oid, rolname FROM pg_roles WHERE rolname = current_user
), acls(classid, objid, kind, name, acl) AS (
    SELECT 'pg_proc'::regclass, oid, 'ROUTINE', oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc
    WHERE oid >= 16384 OR proacl IS NOT NULL OR oid IN (SELECT objoid FROM pg_init_privs WHERE classoid = 'pg_proc'::regclass)
    UNION ALL
    SELECT 'pg_namespace'::regclass, oid, 'SCHEMA', quote_ident(nspname), coalesce(nspacl, acldefault('n', nspowner)) FROM pg_namespace
    UNION ALL
    SELECT 'pg_database'::regclass, oid, 'DATABASE', quote_ident(datname), coalesce(datacl, acldefault('d', datdba))
    FROM pg_database WHERE datname = current_database()
    UNION ALL
    SELECT 'pg_tablespace'::regclass, oid, 'TABLESPACE', quote_ident(spcname), coalesce(spcacl, acldefault('t', spcowner)) FROM pg_tablespace
    UNION ALL
    SELECT 'pg_language'::regclass, oid, 'LANGUAGE', quote_ident(lanname), coalesce(lanacl, acldefault('l', lanowner)) FROM pg_language
    WHERE lanpltrusted AND lanname NOT IN ('sql', 'plpgsql')
    UNION ALL
    SELECT 'pg_foreign_data_wrapper'::regclass, oid, 'FOREIGN DATA WRAPPER', quote_ident(fdwname), coalesce(fdwacl, acldefault('F', fdwowner))
    FROM pg_foreign_data_wrapper
    UNION ALL
    SELECT 'pg_foreign_server'::regclass, oid, 'FOREIGN SERVER', quote_ident(srvname), coalesce(srvacl, acldefault('S', srvowner))
    FROM pg_foreign_server
    UNION ALL
    SELECT 'pg_largeobject'::regclass, oid, 'LARGE OBJECT', oid::text, coalesce(lomacl, acldefault('L', lomowner)) FROM pg_largeobject_metadata
    UNION ALL
    SELECT 'pg_parameter_acl'::regclass, oid, 'PARAMETER', parname, paracl FROM pg_parameter_acl
), grants AS (
    SELECT acls.*, grantee, privilege_type AS privilege, is_grantable,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(me.rolname) END AS grantee_name
    FROM acls, me, LATERAL aclexplode(acl) WHERE grantee IN (0, me.oid)
), initial AS (
    SELECT classoid, objoid, i.grantee, privilege_type
    FROM pg_init_privs, LATERAL aclexplode(initprivs) i WHERE privtype = 'i' AND objsubid = 0
)
SELECT lower(kind) || ' ' || name, format('%s has the privilege %s', grantee_name, privilege),
    format('REVOKE %s ON %s %s FROM %s;', privilege, kind, name, grantee_name)
FROM grants g LEFT JOIN initial i
    ON classoid = classid AND objoid = objid AND i.grantee = g.grantee AND privilege_type = privilege
WHERE is_grantable OR NOT (
    (kind = 'DATABASE' AND privilege = 'CONNECT')
    OR (kind = 'SCHEMA' AND privilege = 'USAGE')
    OR (kind = 'ROUTINE' AND name = 'tenancy.current_tenant()')
    OR (objid < 16384 AND i.objoid IS NOT NULL)
    -- initdb left the other functions with their default, EXECUTE for PUBLIC.
    OR (objid < 16384 AND kind = 'ROUTINE' AND g.grantee = 0
        AND NOT EXISTS (SELECT FROM pg_init_privs p WHERE p.classoid = classid AND p.objoid = objid)))
UNION ALL
SELECT 'function tenancy.current_tenant()', 'is not the function of tenancy.sql',
    'create it again as in tenancy.sql'
WHERE NOT EXISTS (
    SELECT FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
    WHERE p.oid = to_regprocedure('tenancy.current_tenant()') AND prosrc = $1 AND lanname = 'plpgsql'
        AND prosecdef AND provolatile = 's' AND proconfig = ARRAY['search_path=pg_catalog, pg_temp'])
UNION ALL
-- Operator classes and others call functions without a check of EXECUTE.
SELECT DISTINCT 'function ' || p.oid::regprocedure,
    'runs with the rights of its owner' || coalesce(', in ' || pg_describe_object(d.classid, d.objid, d.objsubid), ''),
    format('ALTER ROUTINE %s SECURITY INVOKER;', p.oid::regprocedure)
FROM pg_proc p LEFT JOIN pg_depend d ON d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid
    AND d.classid NOT IN ('pg_trigger'::regclass, 'pg_event_trigger'::regclass)
WHERE p.prosecdef AND p.oid IS DISTINCT FROM to_regprocedure('tenancy.current_tenant()')
    AND (d.objid IS NOT NULL OR p.oid < 16384)
UNION ALL
SELECT 'event trigger ' || quote_ident(evtname), 'runs a function in statements of every role', format('DROP EVENT TRIGGER %I;', evtname)
FROM pg_event_trigger WHERE evtenabled <> 'D'
UNION ALL
SELECT 'user mapping on the foreign server ' || quote_ident(srvname), 'gives the role ' || usename || ' the rights of another role',
    format('DROP USER MAPPING FOR %s SERVER %I;', CASE umuser WHEN 0 THEN 'PUBLIC' ELSE quote_ident(usename) END, srvname)
FROM pg_user_mappings, me WHERE umuser IN (0, me.oid)
UNION ALL
SELECT 'default privileges of ' || quote_ident(o.rolname),
    format('a new object (type %s) is granted to %s before it is protected', defaclobjtype,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(me.rolname) END),
    format('ALTER DEFAULT PRIVILEGES FOR ROLE %I %sREVOKE ALL ON %s FROM %s;', o.rolname,
        coalesce('IN SCHEMA ' || quote_ident(nspname) || ' ', ''),
        CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS'
            WHEN 'T' THEN 'TYPES' ELSE 'SCHEMAS' END,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(me.rolname) END)
FROM pg_default_acl a JOIN pg_roles o ON o.oid = a.defaclrole
LEFT JOIN pg_namespace n ON n.oid = a.defaclnamespace, me, LATERAL aclexplode(defaclacl)
WHERE grantee = me.oid OR (grantee = 0 AND defaclobjtype NOT IN ('f', 'T'))
UNION ALL
SELECT 'setting lo_compat_privileges', 'is on: every role reads every large object',
    CASE source
        WHEN 'user' THEN format('ALTER ROLE %I RESET lo_compat_privileges;', session_user)
        WHEN 'database' THEN format('ALTER DATABASE %I RESET lo_compat_privileges;', current_database())
        WHEN 'database user' THEN format('ALTER ROLE %I IN DATABASE %I RESET lo_compat_privileges;', session_user, current_database())
        WHEN 'global' THEN 'ALTER ROLE ALL RESET lo_compat_privileges;'
        ELSE 'set it to off in the configuration of the server' END
FROM pg_settings WHERE name = 'lo_compat_privileges' AND setting <> 'off'
