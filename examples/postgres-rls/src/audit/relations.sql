-- Every relation on which the role or PUBLIC has a privilege, on the relation or on a column, is an
-- ordinary table with the expected policy. Each row is (object, problem, fix). $1 is the policy.
-- Executed in the order of the rows, no fix needs a later one: first whatever blocks another fix is
-- dropped, then columns, keys and policies are set up, and at last foreign keys are added again.
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
), policies AS (
    SELECT polrelid, polname, nullif(concat_ws('; ',
        CASE polcmd WHEN '*' THEN NULL ELSE format('it is FOR %s and not FOR ALL',
            CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' ELSE 'DELETE' END) END,
        CASE WHEN NOT polpermissive THEN 'it is RESTRICTIVE and not PERMISSIVE' END,
        CASE WHEN polroles <> '{0}' THEN 'it is not TO PUBLIC' END,
        CASE WHEN visible IS DISTINCT FROM $1 THEN 'USING is ' || coalesce(visible, 'missing') END,
        CASE WHEN allowed IS DISTINCT FROM $1 THEN 'WITH CHECK is ' || coalesce(allowed, 'missing') END
    ), '') AS differences
    FROM pg_policy, LATERAL (SELECT
        regexp_replace(pg_get_expr(polqual, polrelid), '\s+', ' ', 'g') AS visible,
        regexp_replace(pg_get_expr(polwithcheck, polrelid), '\s+', ' ', 'g') AS allowed
    ) AS expressions
), tables AS (
    SELECT r.*, format('SELECT tenancy.protect(%L);', name) AS protect
    FROM reachable r WHERE relkind = 'r'
), tenant_columns AS (
    SELECT tables.oid AS attrelid, tables.object, tables.name, column_name,
        format('current_setting(%L, true)', 'app.' || column_name) AS setting,
        a.attnum, a.attgenerated, a.atthasdef, a.attnotnull,
        concat_ws('; ',
            CASE WHEN atttypid <> 'text'::regtype THEN format('is of type %s and not text', format_type(atttypid, atttypmod)) END,
            CASE WHEN NOT collisdeterministic THEN format('has the collation %s, which is not deterministic', c.oid::regcollation) END,
            CASE WHEN attgenerated <> '' THEN 'is generated' END) AS wrong_type
    FROM tables CROSS JOIN unnest(ARRAY['issuer', 'org_code']) AS column_name
    LEFT JOIN pg_attribute a ON attrelid = tables.oid AND attname = column_name AND attnum > 0 AND NOT attisdropped
    LEFT JOIN pg_collation c ON c.oid = attcollation
), foreign_keys AS (
    SELECT k.*, pairs.*, 'table ' || conrelid::regclass AS object,
        conrelid IN (SELECT oid FROM tables) AND confrelid IN (SELECT oid FROM tables) AS is_protected
    FROM pg_constraint k, LATERAL (
        SELECT count(*) FILTER (WHERE is_tenant AND own = referenced) = 2 AS has_tenant,
            string_agg(quote_ident(own), ', ' ORDER BY place) FILTER (WHERE NOT is_tenant) AS own,
            string_agg(quote_ident(referenced), ', ' ORDER BY place) FILTER (WHERE NOT is_tenant) AS referenced
        FROM (
            SELECT place, h.attname AS own, t.attname AS referenced,
                h.attname IN ('issuer', 'org_code') OR t.attname IN ('issuer', 'org_code') AS is_tenant
            FROM unnest(conkey, confkey) WITH ORDINALITY AS pair(here, there, place)
            JOIN pg_attribute h ON h.attrelid = conrelid AND h.attnum = here
            JOIN pg_attribute t ON t.attrelid = confrelid AND t.attnum = there
        ) AS pair
    ) AS pairs
    WHERE contype = 'f' AND (conrelid IN (SELECT oid FROM tables) OR confrelid IN (SELECT oid FROM tables))
), wrong_foreign_keys AS (
    SELECT * FROM foreign_keys WHERE NOT (is_protected AND has_tenant AND 'd' NOT IN (confdeltype, confupdtype))
), unique_indexes AS (
    SELECT i.*, object, name, indexrelid::regclass AS index_name, k.*, (
            SELECT string_agg(column_name, ' and ') FROM unnest(ARRAY['issuer', 'org_code']) AS column_name
            WHERE array_position(keys, column_name) IS NULL
        ) AS missing
    FROM tables JOIN pg_index i ON indrelid = tables.oid, LATERAL (
        SELECT array_agg(attname::text) FILTER (WHERE is_key) AS keys,
            array_agg(attname::text) FILTER (WHERE is_key AND collisdeterministic) AS exact_keys,
            'issuer, org_code' || coalesce(string_agg(', ' || part, '' ORDER BY place)
                FILTER (WHERE is_key AND coalesce(attname NOT IN ('issuer', 'org_code'), true)), '') AS parts,
            string_agg(part, ', ' ORDER BY place) FILTER (WHERE NOT is_key) AS included
        FROM (
            SELECT place, place < indnkeyatts AS is_key, attname, collisdeterministic,
                pg_get_indexdef(indexrelid, place + 1, true) AS part
            FROM generate_series(0, indnatts - 1) AS place
            LEFT JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[place]
            LEFT JOIN pg_collation c ON c.oid = indcollation[place]
        ) AS parts
    ) AS k
), sequence_defaults AS (
    SELECT object, name, attname, s.oid::regclass AS sequence, (
            SELECT count(*) FROM pg_depend u WHERE u.classid = 'pg_attrdef'::regclass AND u.refobjid = s.oid
        ) AS uses,
        atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
            AND pg_get_expr(adbin, adrelid) = format('nextval(%L::regclass)', s.oid::regclass) AS is_serial
    FROM tables JOIN pg_attrdef d ON adrelid = tables.oid
    JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
    JOIN pg_depend ON classid = 'pg_attrdef'::regclass AND objid = d.oid AND refclassid = 'pg_class'::regclass
    JOIN pg_class s ON s.oid = refobjid AND s.relkind = 'S'
)
SELECT object, problem, fix FROM (
-- System relations: the privileges that initdb granted. It does not record those on
-- information_schema.
SELECT 1 AS step, 'system relation ' || relation::regclass AS object,
    format('%s has the privilege %s', grantee_name, privilege) AS problem,
    format('REVOKE %s%s ON %s FROM %s;', privilege, (
        SELECT format(' (%I)', attname) FROM pg_attribute WHERE attrelid = relation AND attnum = column_number AND attnum > 0
    ), relation::regclass, grantee_name) AS fix
FROM grants JOIN pg_class c ON c.oid = relation
WHERE relation < 16384 AND (is_grantable OR NOT (
    (grantee = 0 AND privilege = 'SELECT' AND relnamespace = 'information_schema'::regnamespace)
    OR EXISTS (
        SELECT FROM pg_init_privs i, LATERAL aclexplode(initprivs) a
        WHERE i.classoid = 'pg_class'::regclass AND i.objoid = relation AND i.objsubid = column_number
            AND i.privtype = 'i' AND a.grantee = grants.grantee AND a.privilege_type = privilege)))
UNION ALL
SELECT 1, 'system view ' || ev_class::regclass, 'was replaced and reads ' || pg_describe_object(refclassid, refobjid, 0),
    format('create %s again as initdb does', ev_class::regclass)
FROM pg_rewrite r JOIN pg_depend ON classid = 'pg_rewrite'::regclass AND objid = r.oid
WHERE ev_class < 16384 AND refobjid >= 16384 AND refobjid <> ev_class
UNION ALL
SELECT 2, kind || ' ' || name, format('is a %s; only ordinary tables are allowed%s', kind, reason),
    format('REVOKE ALL ON %s%s FROM PUBLIC, %I;%s', CASE kind WHEN 'sequence' THEN 'SEQUENCE ' END, name, me.rolname, instead)
FROM me, reachable LEFT JOIN (VALUES
    ('v', 'view', ', because a view can read with the rights of its owner', ' -- and run its query in the handler'),
    ('m', 'materialized view', ', because it has no policy', ' -- and run its query in the handler'),
    ('f', 'foreign table', ', because it has no policy', ' -- and copy its rows into a protected table'),
    ('p', 'partitioned table', ', because the policies of partitions differ from its own', ' -- and use an ordinary table'),
    ('S', 'sequence', '', ' -- identity columns work without the privilege')
) AS kinds(code, kind, reason, instead) ON code = relkind
WHERE relkind <> 'r'
UNION ALL
-- A parent's policy covers the rows of its children, and the children's own policies do not apply.
SELECT 3, object, 'inherits, or is inherited: ' || inhrelid::regclass, CASE WHEN relispartition
        THEN format('ALTER TABLE %s DETACH PARTITION %s;', inhparent::regclass, inhrelid::regclass)
        ELSE format('ALTER TABLE %s NO INHERIT %s;', inhrelid::regclass, inhparent::regclass) END
FROM tables JOIN pg_inherits ON oid IN (inhrelid, inhparent)
UNION ALL
SELECT 4, object, format('has the rule %I, which runs with the rights of the owner', rulename),
    format('DROP RULE %I ON %s; -- and do its work in the handler', rulename, name)
FROM tables JOIN pg_rewrite ON ev_class = tables.oid
UNION ALL
SELECT 4, object, format('has the trigger %I', tgname),
    format('DROP TRIGGER %I ON %s; -- and do its work in the handler', tgname, name)
FROM tables JOIN pg_trigger ON tgrelid = tables.oid WHERE NOT tgisinternal
UNION ALL
-- Checks of foreign keys and of uniqueness see all rows. An index on which a foreign key depends
-- cannot be dropped.
SELECT 5, object, format('the foreign key %I ', conname) || CASE
        WHEN NOT is_protected THEN format('connects protected tables with a table that is not protected: %s',
            CASE WHEN conrelid IN (SELECT oid FROM tables) THEN confrelid ELSE conrelid END::regclass)
        WHEN NOT has_tenant THEN 'does not contain issuer and org_code'
        ELSE 'has the action SET DEFAULT, which writes without a policy' END,
    format('ALTER TABLE %s DROP CONSTRAINT %I;', conrelid::regclass, conname) || CASE
        WHEN is_protected AND own IS NULL THEN ' -- it has no other column'
        WHEN is_protected THEN ' -- a later fix adds it again' ELSE ' -- or protect both tables' END
FROM wrong_foreign_keys
UNION ALL
SELECT 6, object, 'has no column ' || column_name, CASE WHEN pg_relation_size(attrelid) = 0
        THEN format('ALTER TABLE %s ADD COLUMN %s text NOT NULL DEFAULT %s;', name, column_name, setting)
        ELSE format('ALTER TABLE %1$s NO FORCE ROW LEVEL SECURITY, ADD COLUMN %2$s text; UPDATE %1$s SET %2$s = <%2$s of the row>;'
            ' ALTER TABLE %1$s ALTER COLUMN %2$s SET NOT NULL, ALTER COLUMN %2$s SET DEFAULT %3$s; -- the table has rows, so replace <…>',
            name, column_name, setting) END
FROM tenant_columns WHERE attnum IS NULL
UNION ALL
SELECT 7, object, format('the column %s %s', column_name, concat_ws('; ', nullif(wrong_type, ''), CASE WHEN NOT attnotnull THEN 'is not NOT NULL' END)),
    concat(CASE WHEN wrong_type <> '' THEN concat(
        -- The type of a column that a policy uses cannot change.
        (SELECT string_agg(format('DROP POLICY IF EXISTS %I ON %s; ', polname, name), '' ORDER BY polname) FROM policies WHERE polrelid = attrelid),
        format('ALTER TABLE %s ', name),
        CASE WHEN attgenerated <> '' THEN format('ALTER COLUMN %s DROP EXPRESSION, ', column_name) END,
        CASE WHEN attgenerated <> '' OR NOT atthasdef THEN format('ALTER COLUMN %s SET DEFAULT %s, ', column_name, setting) END,
        format('ALTER COLUMN %s TYPE text COLLATE "default"; ', column_name)) END,
    CASE WHEN NOT attnotnull THEN concat(
        -- With FORCE, the policy hides the rows from the owner.
        CASE WHEN pg_relation_size(attrelid) > 0 THEN format('ALTER TABLE %1$s NO FORCE ROW LEVEL SECURITY;'
            ' UPDATE %1$s SET %2$s = <%2$s of the row> WHERE %2$s IS NULL; ', name, column_name) END,
        format('ALTER TABLE %s ALTER COLUMN %s SET NOT NULL, FORCE ROW LEVEL SECURITY;', name, column_name),
        CASE WHEN pg_relation_size(attrelid) > 0 THEN ' -- the table has rows, so replace <…>' END) END)
FROM tenant_columns WHERE attnum IS NOT NULL AND (wrong_type <> '' OR NOT attnotnull)
UNION ALL
SELECT 8, object, 'is not an ordinary table: ' || kind, format('ALTER TABLE %s %s;', name, change)
FROM tables, LATERAL (VALUES
    ('it is temporary or unlogged', 'SET LOGGED', relpersistence <> 'p'),
    ('it is of a composite type', 'NOT OF', reloftype <> 0),
    ('its access method is not heap', 'SET ACCESS METHOD heap', relam <> (SELECT oid FROM pg_am WHERE amname = 'heap'))
) AS checks(kind, change, is_met)
WHERE is_met
UNION ALL
SELECT 9, object, format('the default of the column %I uses the sequence %s, and %I may not use sequences', attname, sequence, me.rolname),
    CASE WHEN is_serial THEN format('ALTER SEQUENCE %3$s OWNED BY NONE;'
            ' ALTER TABLE %1$s ALTER COLUMN %2$I DROP DEFAULT, ALTER COLUMN %2$I SET NOT NULL, ALTER COLUMN %2$I ADD GENERATED BY DEFAULT AS IDENTITY;'
            ' SELECT setval(pg_get_serial_sequence(%4$L, %5$L), nextval(%6$L));', name, attname, sequence, name, attname, sequence)
        || CASE uses WHEN 1 THEN format(' DROP SEQUENCE %s;', sequence) ELSE '' END
        || ' -- an identity column'
    ELSE format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT; -- and set the column in each INSERT', name, attname) END
FROM me, sequence_defaults
UNION ALL
SELECT 10, object, CASE
        WHEN indisexclusion THEN format('the exclusion constraint %s can compare rows of different tenants', index_name)
        WHEN missing IS NOT NULL THEN format('the unique index %s does not contain %s', index_name, missing)
        ELSE format('the unique index %s compares issuer or org_code with a collation that is not deterministic', index_name) END,
    coalesce((
        SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', name, conname) || CASE contype WHEN 'x' THEN '' ELSE
            format(', ADD %s (%s)', CASE contype WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END, parts) END
        FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x')
    ), format('DROP INDEX %s; CREATE UNIQUE INDEX %I ON %s (%s)', index_name, (SELECT relname FROM pg_class WHERE oid = indexrelid), name, parts))
    || CASE WHEN indisexclusion THEN '' ELSE
        coalesce(' INCLUDE (' || included || ')', '') || coalesce(' WHERE ' || pg_get_expr(indpred, indrelid), '') END || ';'
FROM unique_indexes
WHERE indisexclusion OR (indisunique AND coalesce(NOT exact_keys @> ARRAY['issuer', 'org_code'], true))
UNION ALL
SELECT 11, object, problem, protect || ' -- replaces all policies of the table, and all privileges of app and PUBLIC on it'
FROM tables, LATERAL (
    SELECT format('%s has the privilege %s%s', grantee_name, privilege, CASE WHEN is_grantable THEN ' with grant option' END)
    FROM grants WHERE relation = oid
        AND (is_grantable OR grantee = 0 OR privilege NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))
    UNION ALL
    SELECT 'row-level security is not enabled' WHERE NOT relrowsecurity
    UNION ALL
    SELECT 'row-level security is not forced' WHERE NOT relforcerowsecurity
    UNION ALL
    SELECT 'has no policy that compares issuer and org_code with the tenant'
    WHERE NOT EXISTS (SELECT FROM policies WHERE polrelid = oid)
    UNION ALL
    SELECT 'has to be protected again after the change of a column'
    WHERE EXISTS (SELECT FROM tenant_columns c WHERE c.attrelid = oid AND attnum IS NOT NULL AND wrong_type <> '')
    UNION ALL
    SELECT format('the policy %I differs from the policy of tenancy.protect: %s', polname, differences)
    FROM policies WHERE polrelid = oid AND differences IS NOT NULL
) AS problems(problem)
UNION ALL
SELECT 12, object, format('the foreign key %I, which a fix above drops, is to be added with issuer and org_code', conname),
    format('ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (issuer, org_code, %s) REFERENCES %s (issuer, org_code, %s)',
        conrelid::regclass, conname, own, confrelid::regclass, referenced)
    || CASE confdeltype WHEN 'c' THEN ' ON DELETE CASCADE' WHEN 'r' THEN ' ON DELETE RESTRICT'
        WHEN 'n' THEN format(' ON DELETE SET NULL (%s)', own) ELSE '' END
    || CASE confupdtype WHEN 'c' THEN ' ON UPDATE CASCADE' ELSE '' END
    || CASE WHEN condeferrable THEN ' DEFERRABLE' ELSE '' END || CASE WHEN condeferred THEN ' INITIALLY DEFERRED' ELSE '' END || ';'
FROM wrong_foreign_keys WHERE is_protected AND own IS NOT NULL
) AS findings
ORDER BY step, fix, object, problem
