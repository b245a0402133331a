//! Tables, views and everything else that has rows.

use super::{Bypass, Indirect, Reads, Writes, WritesTo, bypass};

const INVOICES: &str = "table public.invoices";
const SELECT: &str = "SELECT number FROM invoices";

pub(super) const BYPASSES: &[Bypass] = &[
    // A table of its own, because a table cannot be truncated alone if a foreign key leads to it.
    bypass(
        "CREATE TABLE test_notes (LIKE invoices INCLUDING DEFAULTS); INSERT INTO test_notes SELECT * FROM invoices;
         SELECT tenancy.protect('test_notes'); GRANT ALL ON test_notes TO app",
        ["table public.test_notes", "app has the privilege TRUNCATE"],
        WritesTo("test_notes", "TRUNCATE test_notes"),
        "DROP TABLE test_notes",
    ),
    bypass(
        "GRANT SELECT ON invoices TO app WITH GRANT OPTION",
        [INVOICES, "SELECT with grant option"],
        Indirect,
        "",
    ),
    bypass(
        "GRANT REFERENCES (number) ON invoices TO app",
        [INVOICES, "app has the privilege REFERENCES"],
        Indirect,
        "",
    ),
    bypass(
        "GRANT SELECT ON invoices TO PUBLIC",
        [INVOICES, "PUBLIC has the privilege SELECT"],
        Indirect,
        "",
    ),
    bypass(
        "ALTER TABLE invoices DISABLE ROW LEVEL SECURITY",
        [INVOICES, "row-level security is not enabled"],
        Reads(SELECT),
        "",
    ),
    bypass(
        "ALTER TABLE invoices NO FORCE ROW LEVEL SECURITY",
        [INVOICES, "row-level security is not forced"],
        Indirect,
        "",
    ),
    bypass(
        "DROP POLICY tenant ON invoices",
        [INVOICES, "has no policy that compares"],
        Indirect,
        "",
    ),
    bypass(
        "CREATE POLICY support ON invoices USING (true)",
        [
            INVOICES,
            "the policy support differs from the policy of tenancy.protect: \
             USING is true; WITH CHECK is missing",
        ],
        Reads(SELECT),
        "",
    ),
    bypass(
        "CREATE POLICY support ON invoices FOR SELECT TO app USING (org_code = 'org_b')",
        [INVOICES, "the policy support differs from the policy of tenancy.protect: it is FOR SELECT"],
        Reads(SELECT),
        "",
    ),
    bypass(
        "ALTER POLICY tenant ON invoices USING (true)",
        [INVOICES, "the policy tenant differs from the policy of tenancy.protect: USING is true"],
        Reads(SELECT),
        "",
    ),
    bypass(
        "ALTER POLICY tenant ON invoices WITH CHECK (true)",
        [INVOICES, "the policy tenant differs from the policy of tenancy.protect: WITH CHECK is true"],
        Writes("INSERT INTO invoices VALUES ('https://acme.kinde.com', 'org_b', 3, 3)"),
        "",
    ),
    bypass(
        "ALTER POLICY tenant ON invoices TO app",
        [INVOICES, "the policy tenant differs from the policy of tenancy.protect: it is not TO PUBLIC"],
        Indirect,
        "",
    ),
    bypass(
        "CREATE TABLE test_customers AS SELECT 'org_b' AS name; GRANT SELECT (name) ON test_customers TO app",
        ["table public.test_customers", "row-level security is not enabled"],
        Reads("SELECT name FROM test_customers"),
        "DROP TABLE test_customers",
    ),
    bypass(
        "CREATE SCHEMA s; CREATE TABLE s.test_customers AS SELECT 'org_b' AS name;
         GRANT USAGE ON SCHEMA s TO app; GRANT SELECT ON s.test_customers TO PUBLIC",
        ["table s.test_customers", "has no column org_code"],
        Reads("SELECT name FROM s.test_customers"),
        "DROP SCHEMA s CASCADE",
    ),
    bypass(
        "CREATE UNLOGGED TABLE test_notes (LIKE invoices); SELECT tenancy.protect('test_notes')",
        ["table public.test_notes", "temporary or unlogged"],
        Indirect,
        "DROP TABLE test_notes",
    ),
    bypass(
        "CREATE TABLE test_notes (issuer text NOT NULL, org_code varchar(9) NOT NULL);
         SELECT tenancy.protect('test_notes')",
        ["table public.test_notes", "the column org_code is of type character varying(9) and not text"],
        Indirect,
        "DROP TABLE test_notes",
    ),
    bypass(
        "CREATE TABLE test_notes (issuer text NOT NULL, org_code text); SELECT tenancy.protect('test_notes')",
        ["table public.test_notes", "the column org_code is not NOT NULL"],
        Indirect,
        "DROP TABLE test_notes",
    ),
    // With such a collation `org_b` and `ORG_B` are the same tenant.
    bypass(
        "CREATE COLLATION any_case (PROVIDER = icu, LOCALE = 'und-u-ks-level2', DETERMINISTIC = false);
         CREATE TABLE test_notes (issuer text NOT NULL, org_code text NOT NULL COLLATE any_case);
         SELECT tenancy.protect('test_notes')",
        ["table public.test_notes", "the column org_code has the collation public.any_case, which is not deterministic"],
        Indirect,
        "DROP TABLE test_notes; DROP COLLATION any_case",
    ),
    bypass(
        "CREATE VIEW everything AS SELECT * FROM invoices; GRANT SELECT (number) ON everything TO app",
        ["view public.everything", "is a view; only ordinary tables are allowed"],
        Reads("SELECT number FROM everything"),
        "DROP VIEW everything",
    ),
    bypass(
        "CREATE VIEW everything WITH (security_invoker = on) AS SELECT * FROM invoices;
         GRANT SELECT ON everything TO app",
        ["view public.everything", "is a view; only ordinary tables are allowed"],
        Indirect,
        "DROP VIEW everything",
    ),
    bypass(
        "CREATE MATERIALIZED VIEW everything AS SELECT * FROM invoices; GRANT SELECT ON everything TO PUBLIC",
        ["materialized view public.everything", "is a materialized view; only ordinary tables are allowed"],
        Reads("SELECT number FROM everything"),
        "DROP MATERIALIZED VIEW everything",
    ),
    bypass(
        "CREATE EXTENSION postgres_fdw;
         DO $$ BEGIN EXECUTE format('CREATE SERVER itself FOREIGN DATA WRAPPER postgres_fdw
            OPTIONS (host %L, dbname ''postgres'')', current_setting('unix_socket_directories')); END $$;
         CREATE USER MAPPING FOR app SERVER itself OPTIONS (user 'owner', password_required 'false');
         CREATE FOREIGN TABLE everything (number bigint) SERVER itself OPTIONS (table_name 'invoices');
         GRANT SELECT ON everything TO app",
        ["foreign table public.everything", "is a foreign table; only ordinary tables are allowed"],
        Reads("SELECT number FROM everything"),
        "DROP EXTENSION postgres_fdw CASCADE",
    ),
    bypass(
        "CREATE TABLE everything (LIKE invoices) PARTITION BY LIST (org_code);
         CREATE TABLE everything_b PARTITION OF everything FOR VALUES IN ('org_b');
         INSERT INTO everything SELECT * FROM invoices WHERE org_code = 'org_b';
         SELECT tenancy.protect('everything'); GRANT SELECT ON everything_b TO app",
        ["partitioned table public.everything", "is a partitioned table; only ordinary tables are allowed"],
        Reads("SELECT number FROM everything_b"),
        "DROP TABLE everything",
    ),
    bypass(
        "CREATE TABLE everything (LIKE invoices); GRANT SELECT ON everything TO app;
         ALTER TABLE invoices INHERIT everything",
        [INVOICES, "inherits, or is inherited"],
        Reads("SELECT number FROM everything"),
        "DROP TABLE everything CASCADE",
    ),
    bypass(
        "CREATE TABLE child () INHERITS (invoices); SELECT tenancy.protect('child')",
        [INVOICES, "inherits, or is inherited"],
        Indirect,
        "DROP TABLE child",
    ),
    bypass(
        "CREATE SEQUENCE numbers; GRANT USAGE ON SEQUENCE numbers TO app",
        ["sequence public.numbers", "is a sequence; only ordinary tables are allowed"],
        Indirect,
        "DROP SEQUENCE numbers",
    ),
    bypass(
        "CREATE TABLE test_customers AS SELECT 'org_b' AS name; GRANT SELECT ON test_customers TO keeper;
         CREATE RULE peek AS ON UPDATE TO invoices DO ALSO SELECT name FROM test_customers",
        [INVOICES, "has the rule peek"],
        Reads("UPDATE invoices SET amount = 0"),
        "DROP TABLE test_customers CASCADE",
    ),
    bypass(
        "CREATE FUNCTION wipe() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
            AS 'BEGIN DELETE FROM public.invoices; RETURN NULL; END';
         REVOKE EXECUTE ON FUNCTION wipe FROM PUBLIC;
         CREATE TRIGGER wipe AFTER UPDATE ON invoices EXECUTE FUNCTION wipe()",
        [INVOICES, "has the trigger wipe"],
        Writes("UPDATE invoices SET amount = 0"),
        "DROP FUNCTION wipe CASCADE",
    ),
    // The error says that another tenant has this number.
    bypass(
        "CREATE UNIQUE INDEX numbers ON invoices (number)",
        [INVOICES, "the unique index public.numbers does not contain issuer and org_code"],
        Indirect,
        "DROP INDEX numbers",
    ),
    bypass(
        "CREATE TABLE test_notes (issuer text NOT NULL, org_code text NOT NULL, id bigint PRIMARY KEY);
         SELECT tenancy.protect('test_notes')",
        [
            "table public.test_notes",
            "the unique index public.test_notes_pkey does not contain issuer and org_code",
        ],
        Indirect,
        "INSERT INTO test_notes VALUES ('i', 'org_a', 1), ('i', 'org_b', 1); DROP TABLE test_notes",
    ),
    bypass(
        "CREATE COLLATION any_case (PROVIDER = icu, LOCALE = 'und-u-ks-level2', DETERMINISTIC = false);
         CREATE UNIQUE INDEX codes ON invoices (issuer, org_code COLLATE any_case, number)",
        [INVOICES, "the unique index public.codes compares issuer or org_code with a collation"],
        Indirect,
        "DROP INDEX codes; DROP COLLATION any_case",
    ),
    bypass(
        "ALTER TABLE invoices ADD EXCLUDE (number WITH =)",
        [INVOICES, "the exclusion constraint public.invoices_number_excl"],
        Indirect,
        "ALTER TABLE invoices DROP CONSTRAINT IF EXISTS invoices_number_excl",
    ),
    bypass(
        "CREATE TABLE numbers (number bigint PRIMARY KEY); INSERT INTO numbers VALUES (1001), (2002);
         ALTER TABLE invoices ADD FOREIGN KEY (number) REFERENCES numbers",
        [INVOICES, "the foreign key invoices_number_fkey"],
        Indirect,
        "DROP TABLE numbers",
    ),
    // The action of a foreign key fires the triggers of a table that the role cannot reach.
    bypass(
        "CREATE TABLE test_lines (LIKE invoices INCLUDING DEFAULTS, FOREIGN KEY (issuer, org_code, number)
            REFERENCES invoices ON DELETE CASCADE)",
        [
            "table public.test_lines",
            "the foreign key test_lines_issuer_org_code_number_fkey",
        ],
        Indirect,
        "DROP TABLE test_lines",
    ),
    // The action of a foreign key runs without policies, and the default is a setting of the role.
    bypass(
        "CREATE TABLE test_lines (LIKE invoices INCLUDING DEFAULTS, FOREIGN KEY (issuer, org_code, number)
            REFERENCES invoices ON DELETE SET DEFAULT); SELECT tenancy.protect('test_lines')",
        ["table public.test_lines", "the foreign key test_lines_issuer_org_code_number_fkey"],
        Indirect,
        "DROP TABLE test_lines",
    ),
];
