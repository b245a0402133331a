-- The role: no attribute, no membership and no ownership. Each row is (object, problem, fix).
WITH me AS (
    SELECT * FROM pg_roles WHERE rolname = current_user
), memberships AS (
    -- INHERIT does not matter, because a member can run SET ROLE.
    WITH RECURSIVE groups(oid, direct) AS (
        SELECT m.roleid, m.roleid FROM pg_auth_members m JOIN me ON m.member = me.oid
        UNION
        SELECT m.roleid, direct FROM pg_auth_members m JOIN groups ON m.member = groups.oid
    )
    SELECT g.rolname AS name, pg_get_userbyid(direct) AS direct FROM groups JOIN pg_roles g USING (oid)
)
SELECT 'role ' || quote_ident(session_user), 'is not the current role: RESET ROLE returns to it',
    format('ALTER ROLE %I RESET role;', session_user)
WHERE session_user <> current_user
UNION ALL
SELECT 'role ' || quote_ident(rolname), 'has ' || attribute, format('ALTER ROLE %I NO%s;', rolname, attribute)
FROM me, LATERAL (VALUES
    ('SUPERUSER', rolsuper), ('BYPASSRLS', rolbypassrls), ('CREATEROLE', rolcreaterole),
    ('CREATEDB', rolcreatedb), ('REPLICATION', rolreplication)
) AS attributes(attribute, is_set)
WHERE is_set
UNION ALL
SELECT 'role ' || quote_ident(me.rolname), 'can use the rights of the role ' || quote_ident(name),
    format('REVOKE %I FROM %I;', direct, me.rolname)
FROM memberships, me
UNION ALL
-- An owner can switch row-level security off and grant itself everything.
SELECT CASE WHEN d.oid IS NULL THEN pg_describe_object(classid, objid, 0)
        ELSE 'an object of the database ' || quote_ident(datname) END,
    'is owned by the role ' || quote_ident(me.rolname),
    format('REASSIGN OWNED BY %I TO CURRENT_USER;', me.rolname)
    -- The role loses what it could do as the owner.
    || CASE WHEN classid = 'pg_class'::regclass AND d.oid IS NULL AND 2 = (
            SELECT count(*) FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
            WHERE attrelid = objid AND relkind = 'r' AND attname IN ('issuer', 'org_code') AND NOT attisdropped)
        THEN format(' SELECT tenancy.protect(%L);', objid::regclass) ELSE '' END
FROM me JOIN pg_shdepend s ON refclassid = 'pg_authid'::regclass AND refobjid = me.oid AND deptype = 'o'
LEFT JOIN pg_database d ON d.oid = s.dbid AND d.datname <> current_database()
