-- The tables of the application. Their owner runs it after `tenancy.sql`.

CREATE TABLE invoices (
    -- The same code from two issuers is two tenants, so both are part of every key.
    issuer   text   NOT NULL DEFAULT current_setting('app.issuer', true),
    org_code text   NOT NULL DEFAULT current_setting('app.org_code', true),
    number   bigint NOT NULL,
    amount   bigint NOT NULL,
    PRIMARY KEY (issuer, org_code, number)
);
SELECT tenancy.protect('invoices');
