-- The role: no attribute, no membership and no ownership. Each row is (object, problem, fix).
WITH me AS (
    SELECT * FROM pg_roles WHERE rolname = current_user
), memberships AS (
    -- INHERIT does not matter, because a member can run SET ROLE.
    WITH RECURSIVE groups(oid) AS (
        SELECT m.roleid FROM pg_auth_members m JOIN me ON m.member = me.oid
        UNION
        SELECT m.roleid FROM pg_auth_members m JOIN groups ON m.member = groups.oid
    )
    SELECT g.rolname AS name, EXISTS (
            SELECT FROM pg_auth_members m JOIN me ON m.member = me.oid WHERE m.roleid = g.oid
        ) AS is_direct
    FROM groups JOIN pg_roles g USING (oid)
)
SELECT 'role ' || quote_ident(session_user), 'is not the current role: RESET ROLE returns to it',
    format('ALTER ROLE %I RESET role', session_user)
WHERE session_user <> current_user
UNION ALL
SELECT 'role ' || quote_ident(rolname), 'has ' || attribute, format('ALTER ROLE %I NO%s', rolname, attribute)
FROM me, LATERAL (VALUES
    ('SUPERUSER', rolsuper), ('BYPASSRLS', rolbypassrls), ('CREATEROLE', rolcreaterole),
    ('CREATEDB', rolcreatedb), ('REPLICATION', rolreplication)
) AS attributes(attribute, is_set)
WHERE is_set
UNION ALL
SELECT 'role ' || quote_ident(me.rolname), 'can use the rights of the role ' || quote_ident(name),
    CASE WHEN is_direct THEN format('REVOKE %I FROM %I', name, me.rolname)
        ELSE format('REVOKE the roles of %I that are members of %I', me.rolname, name) END
FROM memberships, me
UNION ALL
-- An owner can switch row-level security off and grant itself everything.
SELECT CASE WHEN d.oid IS NULL THEN pg_describe_object(classid, objid, 0)
        ELSE 'an object of the database ' || quote_ident(datname) END,
    'is owned by the role ' || quote_ident(me.rolname),
    format('REASSIGN OWNED BY %I TO CURRENT_USER', me.rolname)
FROM me JOIN pg_shdepend s ON refclassid = 'pg_authid'::regclass AND refobjid = me.oid AND deptype = 'o'
LEFT JOIN pg_database d ON d.oid = s.dbid AND d.datname <> current_database()
