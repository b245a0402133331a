//! An issuer of bound tokens, an API that requires proofs, and a client with a key.

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::any;
use http::header::WWW_AUTHENTICATE;
use http::{Request, StatusCode};
use tower::ServiceExt as _;
use tower_m2m::testing::{DpopClient, LocalIssuer, ProofBuilder, TokenBuilder};
use tower_m2m::{Clock, Dpop, Issuer, ProofOfPossession, Rejection, Verifier, VerifierBuilder};

pub(crate) const BASE: &str = "https://api.acme.com";
pub(crate) const NOW: i64 = 1_750_000_000;

pub(crate) struct Fixture {
    pub(crate) issuer: LocalIssuer,
    pub(crate) clock: Clock,
    pub(crate) client: DpopClient,
    pub(crate) verifier: Verifier,
    pub(crate) api: Router,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(change: impl FnOnce(VerifierBuilder) -> VerifierBuilder) -> Self {
        Self::with_dpop(|dpop| dpop, change)
    }

    pub(crate) fn with_dpop(
        dpop: impl FnOnce(Dpop) -> Dpop,
        change: impl FnOnce(VerifierBuilder) -> VerifierBuilder,
    ) -> Self {
        let clock = Clock::manual(NOW);
        let issuer = LocalIssuer::builder()
            .clock(clock.clone())
            .in_process("https://acme.kinde.com")
            .unwrap();
        let dpop = dpop(ProofOfPossession::dpop(BASE));
        let trusted = trust(&issuer).proof_of_possession(dpop);
        let verifier = build(trusted, &clock, change);
        let client = DpopClient::new().unwrap().clock(clock.clone());
        let api = invoices().layer(verifier.layer());
        Self {
            issuer,
            clock,
            client,
            verifier,
            api,
        }
    }

    /// Returns a verifier of its own with the same issuer and clock, as of another replica.
    pub(crate) fn other_verifier(
        &self,
        change: impl FnOnce(VerifierBuilder) -> VerifierBuilder,
    ) -> Verifier {
        let trusted = trust(&self.issuer).proof_of_possession(ProofOfPossession::dpop(BASE));
        build(trusted, &self.clock, change)
    }

    /// Returns another client with a key of its own, and a token that is bound to it.
    pub(crate) fn other_client(&self) -> (DpopClient, String) {
        let client = DpopClient::new().unwrap().clock(self.clock.clone());
        let token = self.token_builder().bound_to(&client).token();
        (client, token)
    }

    pub(crate) fn token_builder(&self) -> TokenBuilder {
        self.issuer.org("org_a")
    }

    /// Returns a token that is bound to the client's key.
    pub(crate) fn token(&self) -> String {
        self.token_builder().bound_to(&self.client).token()
    }

    /// Returns a valid proof for `GET /invoices`.
    pub(crate) fn proof(&self, token: &str) -> ProofBuilder {
        proof_of(&self.client, token)
    }

    pub(crate) async fn send(&self, proof: &ProofBuilder, token: &str) -> Outcome {
        let request = Request::get("/invoices").body(Body::empty()).unwrap();
        call(&self.api, proof.authorize(request, token)).await
    }
}

pub(crate) fn trust(issuer: &LocalIssuer) -> Issuer {
    Verifier::issuer(issuer.url())
        .audience(issuer.audience())
        .jwk_set(issuer.jwks())
}

pub(crate) fn build(
    trusted: Issuer,
    clock: &Clock,
    change: impl FnOnce(VerifierBuilder) -> VerifierBuilder,
) -> Verifier {
    let builder = Verifier::builder([trusted]).clock(clock.clone());
    change(builder).build().unwrap()
}

/// Returns a router of `/invoices` without a layer.
pub(crate) fn invoices() -> Router {
    Router::new().route("/invoices", any(|| async { "invoices" }))
}

/// Returns a valid proof of a client for `GET /invoices`.
pub(crate) fn proof_of(client: &DpopClient, token: &str) -> ProofBuilder {
    client.proof("GET", &format!("{BASE}/invoices"), token)
}

/// What the tests look at in a response.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) challenges: Vec<String>,
    pub(crate) response: Response,
}

impl Outcome {
    pub(crate) fn summary(&self) -> (u16, &'static str) {
        (self.status.as_u16(), self.code)
    }

    /// Returns the challenge of a scheme.
    pub(crate) fn challenge(&self, scheme: &str) -> &str {
        let challenges = self.challenges.iter();
        let mut found = challenges.filter(|challenge| challenge.starts_with(scheme));
        let challenge = found.next().expect("a challenge of the scheme");
        assert!(found.next().is_none(), "{:?}", self.challenges);
        challenge
    }

    /// Asserts that the challenge of a scheme has this error code.
    #[track_caller]
    pub(crate) fn assert_error(&self, scheme: &str, error: &str) {
        let expected = format!("error=\"{error}\"");
        let challenge = self.challenge(scheme);
        assert!(challenge.contains(&expected), "{:?}", self.challenges);
    }

    /// Asserts that the challenge of a scheme has no error.
    #[track_caller]
    pub(crate) fn assert_no_error(&self, scheme: &str) {
        let challenge = self.challenge(scheme);
        assert!(!challenge.contains("error"), "{:?}", self.challenges);
    }

    pub(crate) fn nonces(&self) -> Vec<&str> {
        let values = self.response.headers().get_all("dpop-nonce").iter();
        values.map(|value| value.to_str().unwrap()).collect()
    }
}

pub(crate) async fn call(api: &Router, request: Request<Body>) -> Outcome {
    let response = api.clone().oneshot(request).await.unwrap();
    let challenges = response.headers().get_all(WWW_AUTHENTICATE).iter();
    let rejection = response.extensions().get::<Rejection>();
    Outcome {
        status: response.status(),
        code: rejection.map_or("none", Rejection::code),
        challenges: challenges
            .map(|value| value.to_str().unwrap().to_owned())
            .collect(),
        response,
    }
}
