//! Sets up tower-m2m with its default cache of verified tokens, and without the cache.

use axum::Router;
use axum::routing::get;
use http::StatusCode;
use tower::Layer;
use tower_m2m::{OrgCode, Verifier};
use tower_m2m_benches::{Bare, Bench, SCOPE};

use crate::{AxumBare, Baseline, Contender};

/// Returns tower-m2m over each kind of service that a peer protects.
pub fn contenders(bench: &Bench) -> Vec<Contender> {
    let (warm, cold) = (bench.verifier(), bench.uncached());
    let over = |verifier: &Verifier| verifier.layer().require(SCOPE);
    vec![
        Contender::new("tower-m2m, token seen before", over(&warm).layer(Bare)),
        Contender::new("tower-m2m, every token new", over(&cold).layer(Bare)),
        Contender::axum(
            "tower-m2m, token seen before",
            Baseline::AxumBare,
            over(&warm).layer(AxumBare),
        ),
        Contender::axum(
            "tower-m2m, every token new",
            Baseline::AxumBare,
            over(&cold).layer(AxumBare),
        ),
        Contender::axum(
            "tower-m2m, token seen before",
            Baseline::Router,
            router(&warm),
        ),
        Contender::axum(
            "tower-m2m, every token new",
            Baseline::Router,
            router(&cold),
        ),
    ]
}

fn router(verifier: &Verifier) -> Router {
    let route = get(|_: OrgCode| async { StatusCode::OK });
    Router::new()
        .route("/", route)
        .route_layer(verifier.layer().require(SCOPE))
}
