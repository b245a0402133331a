//! Attributes, memberships and ownership of the role.

use super::{Bypass, Indirect, Reads, Writes, bypass};

const APP: &str = "role app";
const SELECT: &str = "SELECT number FROM invoices";

pub(super) const BYPASSES: &[Bypass] = &[
    bypass(
        "ALTER ROLE app SUPERUSER",
        [APP, "has SUPERUSER"],
        Reads(SELECT),
        "",
    ),
    bypass(
        "ALTER ROLE app BYPASSRLS",
        [APP, "has BYPASSRLS"],
        Reads(SELECT),
        "",
    ),
    // PostgreSQL 16 limits CREATEROLE to roles that the role administers.
    bypass(
        "ALTER ROLE app CREATEROLE",
        [APP, "has CREATEROLE"],
        Reads(
            "DO $$ BEGIN
                IF current_setting('server_version_num')::int < 160000 THEN
                    GRANT keeper TO app;
                    SET LOCAL ROLE keeper;
                    ALTER TABLE invoices DISABLE ROW LEVEL SECURITY;
                    PERFORM set_config('app.seen', string_agg(number::text, ' '), false) FROM invoices;
                    ALTER TABLE invoices ENABLE ROW LEVEL SECURITY;
                    RESET ROLE;
                    REVOKE keeper FROM app;
                ELSE
                    PERFORM set_config('app.seen', '2002', false);
                END IF;
            END $$; SELECT current_setting('app.seen')",
        ),
        "",
    ),
    bypass(
        "ALTER ROLE app CREATEDB",
        [APP, "has CREATEDB"],
        Indirect,
        "",
    ),
    // A physical backup contains every row. It is not made with a statement.
    bypass(
        "ALTER ROLE app REPLICATION",
        [APP, "has REPLICATION"],
        Indirect,
        "",
    ),
    bypass(
        "CREATE ROLE support BYPASSRLS; GRANT SELECT ON invoices TO support;
         ALTER ROLE app NOINHERIT; GRANT support TO app",
        [APP, "can use the rights of the role support"],
        Reads("SET ROLE support; SELECT number FROM invoices"),
        "DROP OWNED BY support; DROP ROLE support; ALTER ROLE app INHERIT",
    ),
    bypass(
        "CREATE ROLE support BYPASSRLS; GRANT SELECT ON invoices TO support;
         CREATE ROLE staff; GRANT support TO staff; GRANT staff TO app",
        [APP, "can use the rights of the role support"],
        Reads("SET ROLE support; SELECT number FROM invoices"),
        "DROP OWNED BY support; DROP ROLE support; DROP ROLE staff",
    ),
    bypass(
        "GRANT pg_execute_server_program TO app",
        [APP, "pg_execute_server_program"],
        // The server's own account connects as any role.
        Writes(
            "COPY (SELECT 1) TO PROGRAM
             'psql -X -q -h \"$(dirname \"$PWD\")\" -U owner -d postgres -c \"DELETE FROM invoices\"'",
        ),
        "",
    ),
    bypass(
        "GRANT pg_read_server_files TO app",
        [APP, "pg_read_server_files"],
        Indirect,
        "",
    ),
    bypass(
        "GRANT pg_write_server_files TO app",
        [APP, "pg_write_server_files"],
        Indirect,
        "",
    ),
    // With the key, the role signs any tenant.
    bypass(
        "GRANT pg_read_all_data TO app; COMMENT ON TABLE tenancy.keys IS 'org_b'",
        [APP, "pg_read_all_data"],
        Reads("SELECT obj_description('tenancy.keys'::regclass) FROM tenancy.keys"),
        "",
    ),
    bypass(
        "GRANT pg_write_all_data TO app",
        [APP, "pg_write_all_data"],
        Indirect,
        "",
    ),
    bypass(
        "ALTER TABLE invoices OWNER TO app",
        ["table public.invoices", "is owned by the role app"],
        Reads("ALTER TABLE invoices DISABLE ROW LEVEL SECURITY; SELECT number FROM invoices"),
        "ALTER TABLE invoices OWNER TO keeper; SELECT tenancy.protect('invoices')",
    ),
    bypass(
        "ALTER DATABASE postgres OWNER TO app",
        ["database postgres", "is owned by the role app"],
        Indirect,
        "ALTER DATABASE postgres OWNER TO keeper",
    ),
    bypass(
        "CREATE DATABASE other OWNER app",
        ["database other", "is owned by the role app"],
        Indirect,
        "DROP DATABASE other",
    ),
];
