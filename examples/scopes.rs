//! Scopes: declared once, required per route or per handler, listed for documents.
//!
//! ```text
//! m2m issuer                         # one terminal: an issuer on 127.0.0.1:4000, with lines to paste
//! cargo run --example scopes         # another: this API on 127.0.0.1:3000
//! ```
//!
//! To use other values, set `ISSUER`, `AUDIENCE` and `LISTEN`.

use std::env;
use std::error::Error;

use axum::routing::{delete, get, post};
use axum::{Json, Router};
use tokio::net::TcpListener;
use tower_m2m::{AnyOf, OrgCode, Profile, Scoped, Verifier};

tower_m2m::scopes! {
    /// The scopes of the invoices API.
    pub InvoiceScopes {
        /// Read an organization's invoices.
        ReadInvoices = "read:invoices",
        /// Create and change an organization's invoices.
        WriteInvoices = "write:invoices",
        /// Read the invoices of any organization, for the company's own services.
        ReadAnyInvoices = "read:any_invoices",
        /// Read figures of all organizations.
        ReadStats = "read:stats",
    }
}

/// The route requires the scope: the layer rejects the request before the handler runs.
async fn list(org: OrgCode) -> String {
    let capacity = if org.is_acting() {
        "a global client"
    } else {
        "the organization itself"
    };
    format!("invoices of {org}, for {capacity}\n")
}

/// The handler's argument requires the scope: the handler does not run without it.
async fn create(org: OrgCode, claims: Scoped<WriteInvoices>) -> String {
    format!("a new invoice of {org}, made by {}\n", claims.client_id())
}

/// A tuple requires all of its scopes.
async fn remove(org: OrgCode, _: Scoped<(ReadInvoices, WriteInvoices)>) -> String {
    format!("no invoices of {org} any more\n")
}

/// One of several scopes is enough.
async fn count(org: OrgCode, _: Scoped<AnyOf<(ReadInvoices, WriteInvoices)>>) -> String {
    format!("{org} has 2 invoices\n")
}

async fn stats() -> &'static str {
    "all organizations together have 7 invoices\n"
}

/// Returns the scopes for the metadata's `scopes_supported` (RFC 9728 §2). They are public.
async fn scopes() -> Json<Vec<&'static str>> {
    Json(
        InvoiceScopes::ALL
            .iter()
            .map(|declared| declared.scope.as_str())
            .collect(),
    )
}

fn api(verifier: &Verifier) -> Router {
    let organization = verifier.layer();
    let organization_or_support = verifier.layer().allow_global_with(ReadAnyInvoices);
    let global = verifier.layer().only_global();
    let invoices = "/orgs/{org_code}/invoices";
    Router::new()
        .route(invoices, get(list).route_layer(organization_or_support))
        .route(invoices, post(create).route_layer(organization.clone()))
        .route(invoices, delete(remove).route_layer(organization.clone()))
        .route(
            "/orgs/{org_code}/invoices/count",
            get(count).route_layer(organization),
        )
        .route("/stats", get(stats).route_layer(global.require(ReadStats)))
        .route("/scopes", get(scopes))
}

const ROUTES: &str = "\
GET    /orgs/{org_code}/invoices        the organization, or a global client with read:any_invoices
POST   /orgs/{org_code}/invoices        write:invoices
DELETE /orgs/{org_code}/invoices        read:invoices and write:invoices
GET    /orgs/{org_code}/invoices/count  read:invoices or write:invoices
GET    /stats                           global clients with read:stats
GET    /scopes                          everybody
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let variable = |name, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let verifier = Verifier::issuer(variable("ISSUER", "http://127.0.0.1:4000"))
        .audience(variable("AUDIENCE", "https://api.example.com"))
        .profile(Profile::KINDE)
        .build()?;
    let listener = TcpListener::bind(variable("LISTEN", "127.0.0.1:3000")).await?;

    for declared in InvoiceScopes::ALL {
        println!("{:18} {}", declared.scope.as_str(), declared.description);
    }
    println!("\n{ROUTES}\nlistening on http://{}", listener.local_addr()?);
    axum::serve(listener, api(&verifier)).await?;
    Ok(())
}
