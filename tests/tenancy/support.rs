//! Provides an issuer, a verifier that trusts it, and requests to a router.

use axum::Router;
use axum::body::Body;
use http::{Method, Request};
use tower::ServiceExt as _;
use tower_m2m::testing::assertions::TestResponse;
use tower_m2m::testing::{AUDIENCE, LocalIssuer, TokenBuilder};
use tower_m2m::{Clock, Issuer, Rejection, Verifier};

pub(crate) const ISSUER: &str = "https://acme.kinde.com";
pub(crate) const NOW: i64 = 1_750_000_000;

/// An issuer, and the clock that it and the verifier use.
pub(crate) struct Fixture {
    pub(crate) issuer: LocalIssuer,
    pub(crate) clock: Clock,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let clock = Clock::manual(NOW);
        let issuer = LocalIssuer::builder()
            .clock(clock.clone())
            .in_process(ISSUER)
            .unwrap();
        Self { issuer, clock }
    }

    pub(crate) fn trusted(&self) -> Issuer {
        Verifier::kinde("acme")
            .audience(AUDIENCE)
            .jwk_set(self.issuer.jwks())
    }

    pub(crate) fn verifier(&self) -> Verifier {
        Verifier::builder([self.trusted()])
            .clock(self.clock.clone())
            .build()
            .unwrap()
    }

    pub(crate) fn org(&self, code: &str) -> TokenBuilder {
        self.issuer.org(code)
    }

    pub(crate) fn global(&self) -> TokenBuilder {
        self.issuer.global()
    }
}

/// Sends one GET request, and returns the status and the code of the rejection.
pub(crate) async fn get(
    app: &Router,
    path: &str,
    token: &TokenBuilder,
) -> (u16, Option<&'static str>) {
    let request = Request::get(path)
        .header("authorization", token.bearer())
        .body(Body::empty())
        .unwrap();
    send(app, request).await
}

pub(crate) async fn send(app: &Router, request: Request<Body>) -> (u16, Option<&'static str>) {
    let response = app.clone().oneshot(request).await.unwrap();
    (
        response.status().as_u16(),
        response
            .extensions()
            .get::<Rejection>()
            .map(Rejection::code),
    )
}

pub(crate) async fn text(app: &Router, method: Method, path: &str, token: &TokenBuilder) -> String {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", token.bearer());
    let response = app
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    String::from_utf8(TestResponse::read(response).await.unwrap().body().to_vec()).unwrap()
}
