//! Tenant isolation and scopes, through the public door.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests are tests"
)]

mod acting;
mod caller_check;
mod decisions;
mod denylist;
mod isolation_check;
mod organization_sources;
mod routes;
mod unforgeable_types;

use axum::Router;
use axum::body::Body;
use http::{Method, Request};
use tower::ServiceExt as _;
use tower_m2m::testing::assertions::Answer;
use tower_m2m::testing::{AUDIENCE, LocalIssuer, TokenBuilder};
use tower_m2m::{Clock, Issuer, Rejection, Verifier};

const ISSUER: &str = "https://acme.kinde.com";
const NOW: i64 = 1_750_000_000;

/// An issuer, and the clock that it and the verifier live by.
struct World {
    issuer: LocalIssuer,
    clock: Clock,
}

impl World {
    fn new() -> Self {
        let clock = Clock::manual(NOW);
        let issuer = LocalIssuer::builder()
            .clock(clock.clone())
            .in_process(ISSUER)
            .unwrap();
        Self { issuer, clock }
    }

    fn trusted(&self) -> Issuer {
        Verifier::kinde("acme")
            .audience(AUDIENCE)
            .jwk_set(self.issuer.jwks())
    }

    fn verifier(&self) -> Verifier {
        Verifier::trusting([self.trusted()])
            .clock(self.clock.clone())
            .build()
            .unwrap()
    }

    fn org(&self, code: &str) -> TokenBuilder {
        self.issuer.org(code)
    }

    fn global(&self) -> TokenBuilder {
        self.issuer.global()
    }
}

/// Sends one GET request, and says what was answered, and why.
async fn get(app: &Router, path: &str, token: &TokenBuilder) -> (u16, Option<&'static str>) {
    let request = Request::get(path)
        .header("authorization", token.bearer())
        .body(Body::empty())
        .unwrap();
    send(app, request).await
}

async fn send(app: &Router, request: Request<Body>) -> (u16, Option<&'static str>) {
    let response = app.clone().oneshot(request).await.unwrap();
    (
        response.status().as_u16(),
        response
            .extensions()
            .get::<Rejection>()
            .map(Rejection::code),
    )
}

async fn text(app: &Router, method: Method, path: &str, token: &TokenBuilder) -> String {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", token.bearer());
    let response = app
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    String::from_utf8(Answer::read(response).await.unwrap().body().to_vec()).unwrap()
}
