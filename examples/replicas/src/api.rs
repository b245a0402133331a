//! The API of one replica.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Sse;
use axum::response::sse::Event;
use axum::routing::{get, post};
use futures_util::{Stream, stream};
use tower_m2m::{Denylist, DenylistEntry, EntryExpiry, OrgCode, Verifier};

/// Returns the routes for customers, for an administrator and for the load balancer.
///
/// Protect the administrator's route in your service: here any client can call it.
pub fn api(verifier: &Verifier, denylist: Denylist, issuer: String) -> Router {
    let (ready, layer) = (verifier.clone(), verifier.layer().end_streams());
    Router::new()
        .route("/orgs/{org_code}/invoices", get(invoices))
        .route("/orgs/{org_code}/events", get(events))
        .route_layer(layer)
        .route(
            "/admin/deny/{denied}",
            post(deny).with_state((denylist, issuer)),
        )
        .route(
            "/ready",
            get(async move || match ready.is_ready() {
                true => StatusCode::OK,
                false => StatusCode::SERVICE_UNAVAILABLE,
            }),
        )
}

async fn invoices(org: OrgCode) -> String {
    format!("the invoices of {org}")
}

/// A stream of events without an end. The layer ends it with its token.
async fn events(org: OrgCode) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream::unfold(org, async |org| {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let event = Event::default().data(format!("an event of {org}"));
        Some((Ok(event), org))
    }))
}

async fn deny(
    State((denylist, issuer)): State<(Denylist, String)>,
    Path(denied): Path<String>,
) -> (StatusCode, String) {
    let entry = DenylistEntry::organization(issuer, denied);
    match denylist
        .deny_on_all_replicas(entry, EntryExpiry::Never)
        .await
    {
        Ok(()) => (StatusCode::OK, "denied on all replicas".to_owned()),
        // It is denied here, and the write is retried.
        Err(error @ tower_m2m::ReplicationError::NotReplicated(_)) => {
            (StatusCode::ACCEPTED, error.to_string())
        }
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()),
    }
}
