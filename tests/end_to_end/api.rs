//! An API that the layer protects, on a real socket.

use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower_m2m::testing::assertions::TestResponse;
use tower_m2m::{Claims, OrgCode, Scope, Verifier};

const READ_ORDERS: Scope = Scope::from_static("orders:read");

/// Stops if it is dropped.
pub(crate) struct Api {
    url: String,
    server: JoinHandle<()>,
}

impl Api {
    /// Serves `/me` for any token and `/orgs/{org_code}/orders` for that organization with the
    /// scope `orders:read`.
    pub(crate) async fn behind(verifier: &Verifier) -> Self {
        let me = get(|claims: Claims| async move { Json(facts(&claims)) });
        let orders = get(|org: OrgCode| async move { format!("orders of {org}") });
        let app = Router::new()
            .route("/me", me)
            .route_layer(verifier.layer().allow_global())
            .merge(
                Router::new()
                    .route("/orgs/{org_code}/orders", orders)
                    .route_layer(verifier.layer().require(READ_ORDERS)),
            );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, server }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> TestResponse {
        super::http::get(&self.url(path), token).await
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn facts(claims: &Claims) -> Value {
    json!({
        "client": claims.client_id(),
        "subject": claims.subject(),
        "org": claims.org_code().map(OrgCode::as_str),
        "scopes": claims.scopes().as_str(),
        "audience": claims.audience().collect::<Vec<_>>(),
    })
}
