//! The dates of opaque access tokens: a response is not used again after `exp`, and the leeway is
//! for a new response.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::map_request;
use axum::routing::get;
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::time::timeout;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_m2m::testing::LocalIssuer;
use tower_m2m::{
    BoxError, Claims, Clock, Introspection, InvalidationReason, Issuer, StreamEnded, Verifier,
};

use super::support::respond;

const ISSUER: &str = "https://issuer.example";
const NOW: i64 = 1_750_000_000;
const TOKEN: &str = "opaque-token";

/// An issuer whose response about each token is active.
struct ActiveToken {
    clock: Clock,
    verifier: Verifier,
    requests: Arc<AtomicUsize>,
}

impl ActiveToken {
    fn new(claims: &Value, settings: fn(Issuer) -> Issuer) -> Self {
        let mut response = json!({
            "active": true, "token_type": "Bearer", "client_id": "client", "org_code": "org_a",
            "aud": "https://api.acme.com",
        });
        let members = claims.as_object().unwrap().clone();
        response.as_object_mut().unwrap().extend(members);
        let (clock, requests) = (Clock::manual(NOW), Arc::new(AtomicUsize::new(0)));
        let counter = Arc::clone(&requests);
        let introspection = Introspection::endpoint(format!("{ISSUER}/introspect"))
            .client_credentials("api", "secret")
            .send_with(move |_| {
                counter.fetch_add(1, Ordering::Relaxed);
                let response = Response::builder()
                    .header("content-type", "application/json")
                    .body(response.to_string().into_bytes());
                async { response.map_err(BoxError::from) }
            });
        let issuer = Verifier::issuer(ISSUER)
            .audience("https://api.acme.com")
            .jwk_set(LocalIssuer::in_process(ISSUER).unwrap().jwks())
            .introspection(introspection);
        let builder = Verifier::builder([settings(issuer)]).clock(clock.clone());
        Self {
            verifier: builder.build().unwrap(),
            clock,
            requests,
        }
    }

    fn expiring(seconds: i64) -> Self {
        Self::new(&json!({ "exp": NOW + seconds }), |issuer| issuer)
    }

    /// Returns `"ok"` or the code of the rejection, and the number of requests to the issuer.
    async fn outcome(&self) -> (&'static str, usize) {
        let before = self.requests.load(Ordering::Relaxed);
        let result = self.verifier.verify(TOKEN).await;
        let code = result.err().map_or("ok", |rejection| rejection.code());
        (code, self.requests.load(Ordering::Relaxed) - before)
    }

    async fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// Sends a request that waits between the layer and what is inside.
    async fn call_after(&self, seconds: u64, inside: Router) -> StatusCode {
        let clock = self.clock.clone();
        let wait = map_request(move |request: Request| {
            clock.advance(Duration::from_secs(seconds));
            async { request }
        });
        let api = inside.layer(wait).layer(self.verifier.layer());
        respond(&api, request()).await
    }
}

fn request() -> Request {
    let request = Request::get("/").header("authorization", format!("Bearer {TOKEN}"));
    request.body(Body::empty()).unwrap()
}

/// Rules 167, 169.
///
/// Within the leeway the issuer is queried for each request, and then the token is rejected.
#[tokio::test(start_paused = true)]
async fn response_is_used_again_only_until_exp() {
    let test = ActiveToken::expiring(20);
    assert_eq!(test.outcome().await, ("ok", 1));
    test.advance(19).await;
    assert_eq!(test.outcome().await, ("ok", 0));
    test.advance(1).await;
    for _ in 0..3 {
        assert_eq!(test.outcome().await, ("ok", 1));
    }
    let explanation = test.verifier.explain(TOKEN).await.to_string();
    assert!(
        explanation.contains("active, requested now, used once: `exp` has passed"),
        "{explanation}"
    );
    test.advance(29).await;
    assert_eq!(test.outcome().await, ("ok", 1));
    test.advance(1).await;
    assert_eq!(test.outcome().await, ("expired", 1));
    assert_eq!(test.outcome().await, ("expired", 0));
}

/// Rule 167.
///
/// The leeway and the age are those of the issuer's settings.
#[tokio::test(start_paused = true)]
async fn leeway_and_maximum_age_apply_to_responses() {
    for (leeway, passed, expected) in [
        (0, 0, "expired"),
        (0, -1, "ok"),
        (30, 29, "ok"),
        (30, 30, "expired"),
        (300, 299, "ok"),
        (300, 300, "expired"),
    ] {
        let settings: fn(Issuer) -> Issuer = match leeway {
            0 => |issuer| issuer.leeway(Duration::ZERO),
            300 => |issuer| issuer.leeway(Duration::from_secs(300)),
            _ => |issuer| issuer,
        };
        let test = ActiveToken::new(&json!({ "exp": NOW - passed }), settings);
        assert_eq!(test.outcome().await.0, expected, "{leeway} {passed}");
    }
    let test = ActiveToken::new(&json!({ "exp": NOW + 500, "iat": NOW - 20 }), |issuer| {
        issuer.max_age(Duration::from_secs(40))
    });
    assert_eq!(test.outcome().await, ("ok", 1));
    test.advance(44).await;
    assert_eq!(test.outcome().await, ("ok", 0));
    test.advance(6).await;
    assert_eq!(test.outcome().await, ("too_old", 1));
}

/// Rule 169.
///
/// A request that waits beyond `exp` does not use the response again: an extractor rejects it, and
/// an inner layer queries the issuer.
#[tokio::test]
async fn waiting_request_does_not_use_the_response_after_exp() {
    let extractor = || Router::new().route("/", get(async |_: Claims| ()));
    for (exp, wait, expected) in [
        (20, 19, 200),
        (20, 20, 401),
        // The response came after `exp`, and is valid for this request within the leeway.
        (0, 0, 200),
        (-10, 19, 200),
        (-10, 20, 401),
    ] {
        let test = ActiveToken::expiring(exp);
        let status = test.call_after(wait, extractor()).await;
        assert_eq!(status, expected, "{exp} {wait}");
    }
    for (exp, wait, expected, requests) in [
        (20, 19, 200, 1),
        (20, 20, 200, 2),
        (20, 50, 401, 2),
        (-10, 19, 200, 1),
        (-10, 20, 401, 2),
    ] {
        let test = ActiveToken::expiring(exp);
        let inner = Router::new()
            .route("/", get(async || ()))
            .layer(test.verifier.layer());
        let status = test.call_after(wait, inner).await;
        assert_eq!(status, expected, "{exp} {wait}");
        assert_eq!(
            test.requests.load(Ordering::Relaxed),
            requests,
            "{exp} {wait}"
        );
    }
}

/// A stream has no leeway, because the issuer is not queried for it after `exp`.
#[tokio::test(start_paused = true)]
async fn stream_of_an_opaque_token_ends_at_exp() {
    for (exp, expected) in [(20, 20), (1, 1), (-10, 0)] {
        let test = ActiveToken::expiring(exp);
        let inner = service_fn(|_: Request| async {
            let waiting = futures_util::stream::pending::<Result<&[u8], Infallible>>();
            Ok::<_, Infallible>(Response::new(Body::from_stream(waiting)))
        });
        let layer = test.verifier.layer().end_streams();
        let response = layer.layer(inner).oneshot(request()).await.unwrap();
        assert_eq!(response.status(), 200);
        let mut body = response.into_body();
        let mut seconds = 0;
        let error = loop {
            if let Ok(frame) = timeout(Duration::from_secs(1), body.frame()).await {
                break frame.unwrap().unwrap_err();
            }
            test.clock.advance(Duration::from_secs(1));
            seconds += 1;
            assert!(seconds < 60, "{exp}");
        };
        let ended = error.downcast_ref::<StreamEnded>().unwrap();
        assert_eq!(ended.reason(), InvalidationReason::Expired, "{exp}");
        assert!(
            (expected..=expected + 1).contains(&seconds),
            "{exp}: {seconds}"
        );
    }
}
