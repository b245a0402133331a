-- Every relation on which the role or PUBLIC has a privilege, on the relation or on a column, is a
-- plain table with the expected policy. Each row is (object, problem, fix). $1 is the policy.
WITH me AS (
    SELECT oid, rolname FROM pg_roles WHERE rolname = current_user
), grants AS (
    SELECT relation, column_number, grantee, privilege_type AS privilege, is_grantable,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(me.rolname) END AS grantee_name
    FROM me, (
        SELECT oid AS relation, 0 AS column_number, relacl AS acl FROM pg_class
        UNION ALL
        SELECT attrelid, attnum, attacl FROM pg_attribute WHERE NOT attisdropped
    ) AS acls, LATERAL aclexplode(acl)
    WHERE grantee IN (0, me.oid)
), reachable AS (
    SELECT c.*, c.oid::regclass::text AS name, 'table ' || c.oid::regclass AS object
    FROM pg_class c WHERE c.oid >= 16384 AND c.oid IN (SELECT relation FROM grants)
), tables AS (
    SELECT * FROM reachable WHERE relkind = 'r'
), tenant_columns AS (
    SELECT attrelid, attname, attnum, atttypid = 'text'::regtype AND attnotnull AND attgenerated = '' AND collisdeterministic AS is_valid
    FROM pg_attribute JOIN pg_collation c ON c.oid = attcollation
    WHERE attname IN ('issuer', 'org_code') AND attnum > 0 AND NOT attisdropped
), policies AS (
    SELECT polrelid, polname, polcmd = '*' AND polpermissive AND polroles = '{0}'
        AND regexp_replace(pg_get_expr(polqual, polrelid), '\s+', ' ', 'g') IS NOT DISTINCT FROM $1
        AND regexp_replace(pg_get_expr(polwithcheck, polrelid), '\s+', ' ', 'g') IS NOT DISTINCT FROM $1 AS is_expected
    FROM pg_policy
), foreign_keys AS (
    SELECT k.*, (
        SELECT count(*) FROM unnest(conkey, confkey) AS pair(here, there)
        JOIN tenant_columns h ON h.attrelid = conrelid AND h.attnum = here
        JOIN tenant_columns t ON t.attrelid = confrelid AND t.attnum = there AND t.attname = h.attname
    ) = 2 AND 'd' NOT IN (confdeltype, confupdtype) AS is_of_tenant
    FROM pg_constraint k WHERE contype = 'f'
)
-- System relations: the privileges that initdb granted. It does not record those on
-- information_schema.
SELECT 'system relation ' || relation::regclass, format('%s has the privilege %s', grantee_name, privilege),
    format('REVOKE %s%s ON %s FROM %s', privilege, (
        SELECT format(' (%I)', attname) FROM pg_attribute WHERE attrelid = relation AND attnum = column_number AND attnum > 0
    ), relation::regclass, grantee_name)
FROM grants JOIN pg_class c ON c.oid = relation
WHERE relation < 16384 AND (is_grantable OR NOT (
    (grantee = 0 AND privilege = 'SELECT' AND relnamespace = 'information_schema'::regnamespace)
    OR EXISTS (
        SELECT FROM pg_init_privs i, LATERAL aclexplode(initprivs) a
        WHERE i.classoid = 'pg_class'::regclass AND i.objoid = relation AND i.objsubid = column_number
            AND i.privtype = 'i' AND a.grantee = grants.grantee AND a.privilege_type = privilege)))
UNION ALL
SELECT 'system view ' || ev_class::regclass, 'was replaced and reads ' || pg_describe_object(refclassid, refobjid, 0),
    format('create %s again as initdb does', ev_class::regclass)
FROM pg_rewrite r JOIN pg_depend ON classid = 'pg_rewrite'::regclass AND objid = r.oid
WHERE ev_class < 16384 AND refobjid >= 16384 AND refobjid <> ev_class
UNION ALL
SELECT CASE relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' WHEN 'f' THEN 'foreign table '
        WHEN 'p' THEN 'partitioned table ' WHEN 'S' THEN 'sequence ' ELSE 'relation ' END || name,
    'is not a plain table, so its rows are not kept apart',
    format('REVOKE ALL ON %s%s FROM PUBLIC, %I', CASE relkind WHEN 'S' THEN 'SEQUENCE ' END, name, me.rolname)
FROM reachable, me WHERE relkind <> 'r'
UNION ALL
SELECT object, format('has no column %s of type text, NOT NULL, with a deterministic collation', column_name),
    CASE WHEN EXISTS (SELECT FROM pg_attribute WHERE attrelid = oid AND attname = column_name)
        THEN format('change the column %s of %s to text NOT NULL', column_name, name)
        ELSE format('ALTER TABLE %s ADD COLUMN %s text NOT NULL DEFAULT current_setting(%L, true)', name, column_name, 'app.' || column_name)
    END
FROM tables, unnest(ARRAY['issuer', 'org_code']) AS column_name
WHERE NOT EXISTS (SELECT FROM tenant_columns WHERE attrelid = oid AND attname = column_name AND is_valid)
UNION ALL
SELECT object, format('%s has the privilege %s%s', grantee_name, privilege, CASE WHEN is_grantable THEN ' with grant option' END),
    format('SELECT tenancy.protect(%L)', name)
FROM grants JOIN tables ON tables.oid = relation
WHERE is_grantable OR grantee = 0 OR privilege NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
UNION ALL
SELECT object, problem, format('SELECT tenancy.protect(%L)', name)
FROM tables, LATERAL (VALUES
    ('row-level security is not enabled', relrowsecurity),
    ('row-level security is not forced', relforcerowsecurity),
    ('has no policy that compares issuer and org_code with the tenant', EXISTS (SELECT FROM policies WHERE polrelid = oid AND is_expected))
) AS checks(problem, is_met)
WHERE NOT is_met
UNION ALL
SELECT object, format('has the policy %I, which is not the expected one', polname), format('SELECT tenancy.protect(%L)', name)
FROM tables JOIN policies ON polrelid = oid WHERE NOT is_expected
UNION ALL
SELECT object, 'is not an ordinary table: ' || kind, format('create %s as an ordinary table', name)
FROM tables, LATERAL (VALUES
    ('it is temporary or unlogged', relpersistence <> 'p'),
    ('it is of a composite type', reloftype <> 0),
    ('its access method is not heap', relam <> (SELECT oid FROM pg_am WHERE amname = 'heap'))
) AS checks(kind, is_met)
WHERE is_met
UNION ALL
-- A parent's policy covers the rows of its children, and the children's own policies do not apply.
SELECT object, 'inherits, or is inherited: ' || inhrelid::regclass,
    format('ALTER TABLE %s NO INHERIT %s', inhrelid::regclass, inhparent::regclass)
FROM tables JOIN pg_inherits ON oid IN (inhrelid, inhparent)
UNION ALL
SELECT object, format('has the rule %I, which runs with the rights of the owner', rulename), format('DROP RULE %I ON %s', rulename, name)
FROM tables JOIN pg_rewrite ON ev_class = tables.oid
UNION ALL
SELECT object, format('has the trigger %I', tgname), format('DROP TRIGGER %I ON %s', tgname, name)
FROM tables JOIN pg_trigger ON tgrelid = tables.oid WHERE NOT tgisinternal
UNION ALL
-- Checks of uniqueness and of foreign keys see all rows.
SELECT object, format('the unique index %s does not compare issuer and org_code exactly', indexrelid::regclass),
    coalesce((
        SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', name, conname) || CASE contype WHEN 'x' THEN '' ELSE
            format(', ADD %s (%s)', CASE contype WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END, (
                SELECT string_agg(column_name, ', ') FROM (
                    VALUES ('issuer'), ('org_code')
                    UNION ALL
                    SELECT * FROM (
                        SELECT quote_ident(attname) FROM unnest(conkey) WITH ORDINALITY k(number, place)
                        JOIN pg_attribute ON attrelid = conrelid AND attnum = number
                        WHERE attname NOT IN ('issuer', 'org_code') ORDER BY place
                    ) AS others
                ) AS columns(column_name)
            )) END
        FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x')
    ), format('DROP INDEX %s, and create it with issuer and org_code', indexrelid::regclass))
FROM tables JOIN pg_index ON indrelid = oid
WHERE indisexclusion OR (indisunique AND (2 <> (
        SELECT count(DISTINCT attnum) FROM tenant_columns WHERE attrelid = oid AND attnum = ANY ((indkey::int2[])[0:indnkeyatts - 1]))
    OR EXISTS (SELECT FROM pg_collation c WHERE c.oid = ANY (indcollation::oid[]) AND NOT collisdeterministic)))
UNION ALL
SELECT 'table ' || k.conrelid::regclass, format('the foreign key %I is not between protected tables on issuer and org_code', conname),
    format('ALTER TABLE %s DROP CONSTRAINT %I', k.conrelid::regclass, conname)
FROM foreign_keys k
WHERE (conrelid IN (SELECT oid FROM tables) OR confrelid IN (SELECT oid FROM tables))
    AND NOT (is_of_tenant AND conrelid IN (SELECT oid FROM tables) AND confrelid IN (SELECT oid FROM tables))
