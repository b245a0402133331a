//! An API with metrics for Prometheus: `GET /metrics` is outside the layer, so the scraper needs no
//! token.
//!
//! Every caller that reaches that route can read the metrics. They contain no token, client or
//! organization. But they show how many requests are rejected and why, which is internal: configure
//! the proxy to allow `/metrics` from inside only, or serve it on a second listener.

use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tower_m2m::{OrgCode, Verifier};

tower_m2m::scopes! {
    /// The scopes of this API.
    pub InvoiceScopes {
        /// Read an organization's invoices.
        ReadInvoices = "read:invoices",
    }
}

/// A verification takes about as long as its signature check, which is microseconds. So the
/// exporter's default buckets are too wide.
const SECONDS: [f64; 10] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.01, 0.1,
];

/// Installs the recorder of this process. Call it before the verifier is built. Otherwise counts
/// are lost, and the names have no descriptions.
pub fn recorder() -> Result<PrometheusHandle, BuildError> {
    let verifications = Matcher::Full("tower_m2m_verification_duration_seconds".to_owned());
    PrometheusBuilder::new()
        .set_buckets_for_metric(verifications, &SECONDS)?
        .install_recorder()
}

/// Processes recorded values every few seconds. If no scraper reads them, they would accumulate
/// otherwise.
pub async fn keep_up(figures: PrometheusHandle) {
    let mut ticks = tokio::time::interval(Duration::from_secs(5));
    loop {
        ticks.tick().await;
        figures.run_upkeep();
    }
}

/// Returns the API and the route of the metrics.
pub fn app(verifier: &Verifier, figures: PrometheusHandle) -> Router {
    Router::new()
        .route(
            "/orgs/{org_code}/invoices",
            get(list).route_layer(verifier.layer().require(ReadInvoices)),
        )
        .route("/metrics", get(async move || scrape(&figures)))
}

async fn list(org: OrgCode) -> String {
    format!("invoices of {org}")
}

fn scrape(figures: &PrometheusHandle) -> impl IntoResponse + use<> {
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        figures.render(),
    )
}
