//! Privileges on schemas, databases, servers, settings and the system catalogs.

use super::{Bypass, Indirect, Reads, bypass};

pub(super) const BYPASSES: &[Bypass] = &[
    bypass(
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        ["schema public", "PUBLIC has the privilege CREATE"],
        Indirect,
        "",
    ),
    bypass(
        "GRANT CREATE ON DATABASE postgres TO app",
        ["database postgres", "app has the privilege CREATE"],
        Indirect,
        "",
    ),
    // A temporary table shadows the real one for the next tenant on the connection.
    bypass(
        "GRANT TEMPORARY ON DATABASE postgres TO PUBLIC",
        ["database postgres", "PUBLIC has the privilege TEMPORARY"],
        Indirect,
        "",
    ),
    bypass(
        "GRANT CREATE ON TABLESPACE pg_default TO app",
        ["tablespace pg_default", "app has the privilege CREATE"],
        Indirect,
        "",
    ),
    bypass(
        "CREATE EXTENSION file_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER file_fdw TO app",
        [
            "foreign data wrapper file_fdw",
            "app has the privilege USAGE",
        ],
        Indirect,
        "DROP EXTENSION file_fdw CASCADE",
    ),
    bypass(
        "CREATE EXTENSION postgres_fdw; CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw;
         GRANT USAGE ON FOREIGN SERVER other TO PUBLIC",
        ["foreign server other", "PUBLIC has the privilege USAGE"],
        Indirect,
        "DROP EXTENSION postgres_fdw CASCADE",
    ),
    bypass(
        "CREATE EXTENSION postgres_fdw; CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw;
         CREATE USER MAPPING FOR PUBLIC SERVER other",
        [
            "user mapping on the foreign server other",
            "the rights of another role",
        ],
        Indirect,
        "DROP EXTENSION postgres_fdw CASCADE",
    ),
    bypass(
        "UPDATE pg_language SET lanpltrusted = true WHERE lanname = 'c'",
        ["language c", "PUBLIC has the privilege USAGE"],
        Indirect,
        "UPDATE pg_language SET lanpltrusted = false WHERE lanname = 'c'",
    ),
    bypass(
        "SELECT lo_from_bytea(4711, 'org_b'); GRANT SELECT ON LARGE OBJECT 4711 TO app",
        ["large object 4711", "app has the privilege SELECT"],
        Reads("SELECT encode(lo_get(4711), 'escape')"),
        "SELECT lo_unlink(4711)",
    ),
    bypass(
        "SELECT lo_from_bytea(4711, 'org_b'); ALTER ROLE app SET lo_compat_privileges = on",
        [
            "setting lo_compat_privileges",
            "every role reads every large object",
        ],
        Reads("SELECT encode(lo_get(4711), 'escape')"),
        "SELECT lo_unlink(4711); ALTER ROLE app RESET lo_compat_privileges",
    ),
    bypass(
        "SELECT lo_from_bytea(4711, 'org_b'); ALTER LARGE OBJECT 4711 OWNER TO app",
        ["large object 4711", "is owned by the role app"],
        Reads("SELECT encode(lo_get(4711), 'escape')"),
        "SELECT lo_unlink(4711)",
    ),
    bypass(
        "GRANT SET ON PARAMETER session_replication_role TO app",
        [
            "parameter session_replication_role",
            "app has the privilege SET",
        ],
        Indirect,
        "",
    ),
    bypass(
        "ALTER DEFAULT PRIVILEGES FOR ROLE keeper GRANT SELECT ON TABLES TO app",
        ["default privileges of keeper", "before it is protected"],
        Indirect,
        "",
    ),
    bypass(
        "ALTER DEFAULT PRIVILEGES FOR ROLE keeper IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC",
        ["default privileges of keeper", "granted to PUBLIC"],
        Indirect,
        "",
    ),
    bypass(
        "ALTER DEFAULT PRIVILEGES FOR ROLE keeper GRANT EXECUTE ON FUNCTIONS TO app",
        ["default privileges of keeper", "granted to app"],
        Indirect,
        "",
    ),
    bypass(
        "GRANT SELECT ON pg_authid TO app",
        ["system relation pg_authid", "app has the privilege SELECT"],
        Indirect,
        "",
    ),
    bypass(
        "GRANT SELECT (stavalues1) ON pg_statistic TO PUBLIC; ANALYZE invoices",
        [
            "system relation pg_statistic",
            "PUBLIC has the privilege SELECT",
        ],
        Reads("SELECT stavalues1::text FROM pg_statistic"),
        "",
    ),
    bypass(
        "GRANT UPDATE ON pg_class TO app",
        ["system relation pg_class", "app has the privilege UPDATE"],
        Indirect,
        "",
    ),
    bypass(
        "CREATE OR REPLACE VIEW information_schema.information_schema_catalog_name AS
            SELECT number::text::information_schema.sql_identifier AS catalog_name FROM public.invoices",
        [
            "system view information_schema.information_schema_catalog_name",
            "was replaced and reads table public.invoices",
        ],
        Reads("SELECT catalog_name FROM information_schema.information_schema_catalog_name"),
        "CREATE OR REPLACE VIEW information_schema.information_schema_catalog_name AS
            SELECT current_database()::information_schema.sql_identifier AS catalog_name",
    ),
];
