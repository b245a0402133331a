-- The part of the database that every table of a tenant relies on. The owner of the tables runs it
-- once, after `CREATE ROLE app LOGIN`. The application connects as `app`, which owns nothing.

-- Session state and objects that the application does not need. A temporary table stays on a pooled
-- connection and shadows the real table for the next tenant.
DO $$ BEGIN
    EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END $$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA tenancy;
GRANT USAGE ON SCHEMA tenancy TO app;

-- The two blocks of HMAC-SHA256 (RFC 2104), so that a signature costs two hashes. `app` cannot read
-- them. While a key is rotated there are two rows.
CREATE TABLE tenancy.keys (
    inner_block bytea NOT NULL CHECK (length(inner_block) = 64),
    outer_block bytea NOT NULL CHECK (length(outer_block) = 64)
);

CREATE OR REPLACE FUNCTION tenancy.add_key(key bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    byte int;
    inner_block bytea := '';
    outer_block bytea := '';
BEGIN
    IF length(key) NOT BETWEEN 32 AND 64 THEN
        RAISE 'a tenant key has 32 to 64 bytes';
    END IF;
    FOR i IN 0..63 LOOP
        byte := CASE WHEN i < length(key) THEN get_byte(key, i) ELSE 0 END;
        inner_block := inner_block || set_byte('\x00', 0, byte # 54);
        outer_block := outer_block || set_byte('\x00', 0, byte # 92);
    END LOOP;
    INSERT INTO tenancy.keys VALUES (inner_block, outer_block);
END $$;

-- Any role may set `app.issuer` and `app.org_code`. They count only together with a signature that
-- the application makes with the key, so a statement in a handler cannot name another tenant.
CREATE OR REPLACE FUNCTION tenancy.current_tenant(OUT issuer text, OUT org_code text)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $tenant$
DECLARE
    named_issuer text := current_setting('app.issuer', true);
    named_org_code text := current_setting('app.org_code', true);
    signature text := current_setting('app.signature', true);
    message bytea;
BEGIN
    IF named_issuer <> '' AND named_org_code <> '' AND signature <> '' THEN
        -- The length makes the two strings unambiguous.
        message := convert_to(named_issuer, 'UTF8');
        message := convert_to(length(message) || ':', 'UTF8') || message
            || convert_to(named_org_code, 'UTF8');
        -- Hashes of the signatures are compared, so the time of the comparison reveals nothing.
        PERFORM FROM tenancy.keys k
        WHERE sha256(k.outer_block || convert_to(signature, 'UTF8'))
            = sha256(k.outer_block || convert_to(encode(
                sha256(k.outer_block || sha256(k.inner_block || message)), 'hex'), 'UTF8'));
        IF FOUND THEN
            issuer := named_issuer;
            org_code := named_org_code;
        END IF;
    END IF;
END
$tenant$;

-- Protects a table with the columns `issuer` and `org_code`, and grants `app` the four privileges
-- that policies govern. Run it again after any change: it replaces policies and privileges.
CREATE OR REPLACE FUNCTION tenancy.protect(protected regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    old name;
BEGIN
    FOR old IN SELECT polname FROM pg_policy WHERE polrelid = protected LOOP
        EXECUTE format('DROP POLICY %I ON %s', old, protected);
    END LOOP;
    EXECUTE format('CREATE POLICY tenant ON %s
        USING ((issuer, org_code) = (SELECT t.issuer, t.org_code FROM tenancy.current_tenant() t))
        WITH CHECK ((issuer, org_code) = (SELECT t.issuer, t.org_code FROM tenancy.current_tenant() t))',
        protected);
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', protected);
    -- Without FORCE the owner of the table sees every row.
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', protected);
    EXECUTE format('REVOKE ALL ON TABLE %s FROM PUBLIC, app', protected);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE %s TO app', protected);
END $$;

-- PostgreSQL lets every role execute a new function.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA tenancy FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy.current_tenant() TO app;
