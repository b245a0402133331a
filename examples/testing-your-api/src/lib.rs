//! An invoices API. Its tests need only one function, which creates the router for a verifier.

use axum::Router;
use axum::routing::{get, post};
use tower_m2m::{Claims, OrgCode, Verifier};

tower_m2m::scopes! {
    /// The scopes of this API.
    pub InvoiceScopes {
        /// Read an organization's invoices.
        ReadInvoices = "read:invoices",
        /// Create invoices.
        WriteInvoices = "write:invoices",
    }
}

/// Returns the whole API with a verifier: of the real issuer in production, of a local one in
/// tests.
pub fn app(verifier: &Verifier) -> Router {
    let organization = verifier.layer();
    Router::new()
        .route(
            "/orgs/{org_code}/invoices",
            get(list).route_layer(organization.clone().require(ReadInvoices)),
        )
        .route(
            "/orgs/{org_code}/invoices",
            post(create).route_layer(organization.require(WriteInvoices)),
        )
        .route(
            "/whoami",
            get(whoami).route_layer(verifier.layer().allow_global()),
        )
        .route("/healthz", get(|| async { "ok" }))
}

/// Returns the organization's invoices.
pub async fn list(org: OrgCode) -> String {
    format!("invoices of {org}")
}

async fn create(org: OrgCode) -> String {
    format!("a new invoice of {org}")
}

async fn whoami(claims: Claims) -> String {
    claims.client_id().to_owned()
}
