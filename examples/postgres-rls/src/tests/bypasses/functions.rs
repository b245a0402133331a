//! Functions that do not run with the rights of the role.

use super::{Bypass, Indirect, Reads, bypass};

const CURRENT_TENANT: &str = "function tenancy.current_tenant()";

pub(super) const BYPASSES: &[Bypass] = &[
    // PostgreSQL grants EXECUTE on a new function to PUBLIC.
    bypass(
        "CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER
            AS 'SELECT max(number) FROM public.invoices'",
        ["routine public.peek()", "PUBLIC has the privilege EXECUTE"],
        Reads("SELECT peek()"),
        "DROP FUNCTION peek",
    ),
    bypass(
        "CREATE FUNCTION pg_catalog.peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER
            AS 'SELECT max(number) FROM public.invoices'",
        ["routine peek()", "PUBLIC has the privilege EXECUTE"],
        Reads("SELECT peek()"),
        "DROP FUNCTION pg_catalog.peek",
    ),
    bypass(
        "CREATE PROCEDURE peek(INOUT number bigint) LANGUAGE plpgsql SECURITY DEFINER
            AS 'BEGIN SELECT max(i.number) INTO number FROM public.invoices i; END'",
        [
            "routine public.peek(bigint)",
            "PUBLIC has the privilege EXECUTE",
        ],
        Reads("CALL peek(0)"),
        "DROP PROCEDURE peek",
    ),
    // An operator and a cast hide the name of their function.
    bypass(
        "CREATE FUNCTION peek(bigint, bigint) RETURNS bigint LANGUAGE sql SECURITY DEFINER
            AS 'SELECT max(number) FROM public.invoices';
         CREATE OPERATOR <<->> (FUNCTION = peek, LEFTARG = bigint, RIGHTARG = bigint)",
        [
            "function public.peek(bigint,bigint)",
            "runs with the rights of its owner",
        ],
        Reads("SELECT 1::bigint <<->> 1::bigint"),
        "DROP FUNCTION peek CASCADE",
    ),
    bypass(
        "CREATE TYPE found AS (number bigint);
         CREATE FUNCTION peek(found) RETURNS bigint LANGUAGE sql SECURITY DEFINER
            AS 'SELECT max(number) FROM public.invoices';
         CREATE CAST (found AS bigint) WITH FUNCTION peek",
        [
            "routine public.peek(public.found)",
            "PUBLIC has the privilege EXECUTE",
        ],
        Reads("SELECT ROW(1)::found::bigint"),
        "DROP TYPE found CASCADE",
    ),
    bypass(
        "CREATE FUNCTION peek(text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
            AS 'BEGIN RAISE ''%'', (SELECT max(number) FROM public.invoices); END';
         CREATE DOMAIN peeking AS text CHECK (peek(VALUE))",
        [
            "routine public.peek(text)",
            "PUBLIC has the privilege EXECUTE",
        ],
        Indirect,
        "DROP FUNCTION peek CASCADE",
    ),
    bypass(
        "CREATE FUNCTION peek(bigint, bigint) RETURNS bigint LANGUAGE sql SECURITY DEFINER
            AS 'SELECT max(number) FROM public.invoices';
         REVOKE EXECUTE ON FUNCTION peek FROM PUBLIC;
         CREATE AGGREGATE peek(bigint) (SFUNC = peek, STYPE = bigint, INITCOND = 0)",
        [
            "routine public.peek(bigint)",
            "PUBLIC has the privilege EXECUTE",
        ],
        Reads("SELECT peek(n) FROM generate_series(1::bigint, 2) n"),
        "DROP AGGREGATE peek(bigint); DROP FUNCTION peek",
    ),
    // An operator class calls its functions without a check of EXECUTE.
    bypass(
        "CREATE FUNCTION compare(bigint, bigint) RETURNS int LANGUAGE plpgsql SECURITY DEFINER
            AS 'BEGIN RETURN btint8cmp($1, $2); END';
         REVOKE EXECUTE ON FUNCTION compare FROM PUBLIC;
         CREATE OPERATOR CLASS peeking FOR TYPE bigint USING btree AS
            OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
            FUNCTION 1 compare(bigint, bigint);
         CREATE INDEX amounts ON invoices (amount peeking)",
        [
            "function public.compare(bigint,bigint)",
            "runs with the rights of its owner",
        ],
        Indirect,
        "DROP FUNCTION compare CASCADE",
    ),
    bypass(
        "CREATE FUNCTION at_ddl() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
            AS 'BEGIN PERFORM FROM public.invoices; END';
         REVOKE EXECUTE ON FUNCTION at_ddl FROM PUBLIC;
         CREATE EVENT TRIGGER at_ddl ON ddl_command_start EXECUTE FUNCTION at_ddl()",
        [
            "event trigger at_ddl",
            "runs a function in statements of every role",
        ],
        Indirect,
        "DROP FUNCTION at_ddl CASCADE",
    ),
    // The functions of an extension are executable too. These connect as another role.
    bypass(
        "CREATE EXTENSION dblink",
        [
            "routine public.dblink(text,text)",
            "PUBLIC has the privilege EXECUTE",
        ],
        Indirect,
        "DROP EXTENSION dblink",
    ),
    bypass(
        "GRANT EXECUTE ON FUNCTION tenancy.add_key TO app",
        [
            "routine tenancy.add_key(bytea)",
            "app has the privilege EXECUTE",
        ],
        Indirect,
        "",
    ),
    bypass(
        "CREATE OR REPLACE FUNCTION tenancy.current_tenant(OUT issuer text, OUT org_code text)
            LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
            AS 'BEGIN issuer := ''https://acme.kinde.com''; org_code := ''org_b''; END'",
        [CURRENT_TENANT, "is not the function of tenancy.sql"],
        Reads("SELECT number FROM invoices"),
        super::CURRENT_TENANT,
    ),
    bypass(
        "ALTER FUNCTION tenancy.current_tenant RESET ALL",
        [CURRENT_TENANT, "is not the function of tenancy.sql"],
        Indirect,
        super::CURRENT_TENANT,
    ),
    bypass(
        "DELETE FROM tenancy.keys",
        [
            CURRENT_TENANT,
            "does not contain the key of the application",
        ],
        Indirect,
        "",
    ),
    bypass(
        "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO app",
        [
            "routine pg_read_file(text)",
            "app has the privilege EXECUTE",
        ],
        Indirect,
        "",
    ),
    bypass(
        "GRANT EXECUTE ON FUNCTION pg_ls_dir(text) TO PUBLIC",
        [
            "routine pg_ls_dir(text)",
            "PUBLIC has the privilege EXECUTE",
        ],
        Indirect,
        "",
    ),
    bypass(
        "CREATE OR REPLACE FUNCTION pg_catalog.lpad(text, integer) RETURNS text LANGUAGE sql
            SECURITY DEFINER AS 'SELECT max(number)::text FROM public.invoices'",
        [
            "function lpad(text,integer)",
            "runs with the rights of its owner",
        ],
        Reads("SELECT lpad('1', 2)"),
        "CREATE OR REPLACE FUNCTION pg_catalog.lpad(text, integer) RETURNS text LANGUAGE sql
            IMMUTABLE PARALLEL SAFE STRICT COST 1 RETURN lpad($1, $2, ' ')",
    ),
];
