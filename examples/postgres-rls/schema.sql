-- Run by the owner of the tables. The application connects as another role, `app`, which owns nothing.

CREATE TABLE invoices (
    -- The same code from two issuers is two tenants, so both are part of every key.
    issuer   text   NOT NULL DEFAULT current_setting('app.issuer'),
    org_code text   NOT NULL DEFAULT current_setting('app.org_code'),
    number   bigint NOT NULL,
    amount   bigint NOT NULL,
    PRIMARY KEY (issuer, org_code, number)
);

ALTER TABLE invoices ENABLE ROW LEVEL SECURITY;
-- Without FORCE the owner of the table sees every row.
ALTER TABLE invoices FORCE ROW LEVEL SECURITY;

-- `current_setting(_, true)` is NULL, or '' after a transaction that set it: neither equals a tenant, so a transaction that
-- named none sees and writes nothing.
CREATE POLICY tenant ON invoices
    USING (issuer = current_setting('app.issuer', true) AND org_code = current_setting('app.org_code', true)
           AND current_setting('app.org_code', true) <> '')
    WITH CHECK (issuer = current_setting('app.issuer', true) AND org_code = current_setting('app.org_code', true)
           AND current_setting('app.org_code', true) <> '');

GRANT SELECT, INSERT, UPDATE, DELETE ON invoices TO app;
