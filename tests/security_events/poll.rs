//! Poll delivery (RFC 8936): what is sent, acknowledged and reported.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use serde_json::{Value, json};
use tower_m2m::testing::{TokenBuilder, events};
use tower_m2m::{BoxError, EventPoller, Polled};

use super::support::{Fixture, NOW, user};

const ENDPOINT: &str = "https://acme.kinde.com/ssf/poll";
const AUTHORIZATION: &str = "Bearer token-of-the-receiver";

/// A transmitter with a queue of responses.
#[derive(Clone, Default)]
struct Transmitter {
    requests: Arc<Mutex<Vec<(http::HeaderMap, Value)>>>,
    responses: Arc<Mutex<Vec<(u16, String)>>>,
}

impl Transmitter {
    fn respond(&self, status: u16, body: &dyn ToString) {
        self.responses
            .lock()
            .unwrap()
            .insert(0, (status, body.to_string()));
    }

    fn send(&self, sets: &[(&str, &TokenBuilder)], more: bool) {
        let sets: serde_json::Map<String, Value> = sets
            .iter()
            .map(|(id, set)| ((*id).to_owned(), set.token().into()))
            .collect();
        self.respond(200, &json!({ "sets": sets, "moreAvailable": more }));
    }

    fn last(&self) -> (http::HeaderMap, Value) {
        self.requests.lock().unwrap().last().unwrap().clone()
    }

    fn answer(&self, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        assert_eq!(
            (
                request.method().as_str(),
                request.uri().to_string().as_str()
            ),
            ("POST", ENDPOINT)
        );
        assert_eq!(request.headers()["authorization"], AUTHORIZATION);
        assert_eq!(request.headers()["content-type"], "application/json");
        let body = serde_json::from_slice(request.body()).unwrap();
        self.requests
            .lock()
            .unwrap()
            .push((request.headers().clone(), body));
        let next = self.responses.lock().unwrap().pop();
        let (status, body) = next.unwrap_or((200, json!({ "sets": {} }).to_string()));
        let mut response = Response::new(body.into_bytes());
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        response
    }
}

fn poller(fixture: &Fixture) -> (Transmitter, EventPoller) {
    let transmitter = Transmitter::default();
    let send = transmitter.clone();
    let settings = fixture.settings();
    let settings = settings.send_with(move |request| {
        let response = send.answer(&request);
        async move { Ok::<_, BoxError>(response) }
    });
    (transmitter, settings.poll(ENDPOINT, AUTHORIZATION).unwrap())
}

#[tokio::test]
async fn events_take_effect_and_are_acknowledged() {
    let fixture = Fixture::new();
    let (transmitter, poller) = poller(&fixture);
    let disabled = fixture.set(events::ACCOUNT_DISABLED, user("user_1"), json!({}));
    let other = fixture.set("https://example.com/own", Value::Null, json!({}));
    transmitter.send(&[("a", &disabled), ("b", &other)], true);
    let outcome = poller.poll_once().await.unwrap();
    assert_eq!((outcome.received, outcome.more_available), (2, true));
    let first = json!({ "maxEvents": 25, "returnImmediately": true });
    assert_eq!(transmitter.last().1, first);
    assert_eq!(fixture.token_of("user_1", NOW).await, "suspended");

    poller.poll_once().await.unwrap();
    let (headers, body) = transmitter.last();
    assert_eq!(body["ack"], json!(["a", "b"]));
    assert!(body.get("setErrs").is_none() && !headers.contains_key("content-language"));
    poller.poll_once().await.unwrap();
    assert_eq!(transmitter.last().1, first);
}

/// Rejected events are reported with `Content-Language` (RFC 8936 §2.6).
#[tokio::test]
async fn rejected_events_are_reported() {
    let fixture = Fixture::new();
    let (transmitter, poller) = poller(&fixture);
    let good = fixture.revoked();
    let wrong = fixture.revoked().claim("aud", "https://other.example");
    let access = fixture.issuer.org("org_a");
    transmitter.send(&[("a", &good), ("b", &wrong), ("c", &access)], false);
    poller.poll_once().await.unwrap();
    poller.poll_once().await.unwrap();
    let (headers, body) = transmitter.last();
    assert_eq!(headers["content-language"], "en");
    assert_eq!(body["ack"], json!(["a"]));
    assert_eq!(body["setErrs"]["b"]["err"], "invalid_audience");
    assert_eq!(body["setErrs"]["c"]["err"], "invalid_request");
    assert!(body["setErrs"]["b"]["description"].is_string());
    assert_eq!(poller.status().rejected, 2);
}

/// Rule 329.
/// A requested verification state is accepted once.
#[tokio::test]
async fn requested_verification_is_accepted() {
    let fixture = Fixture::new();
    let (transmitter, poller) = poller(&fixture);
    let event = |id: &str| {
        let set = fixture.set(events::VERIFICATION, Value::Null, json!({ "state": "s" }));
        set.claim("jti", id)
    };
    transmitter.send(&[("a", &event("a"))], false);
    poller.poll_once().await.unwrap();
    assert_eq!(poller.status().rejected, 1);
    poller.expect_verification("s");
    transmitter.send(&[("b", &event("b"))], false);
    poller.poll_once().await.unwrap();
    let status = poller.status();
    assert_eq!((status.applied, status.rejected), (1, 1));
    assert_eq!(status.last_verified_at, Some(NOW));
}

/// Rule 214.
///
/// An event whose effect cannot be stored is neither acknowledged nor reported.
#[tokio::test]
async fn event_that_is_not_stored_stays_at_the_transmitter() {
    let fixture = Fixture::with_denylist(tower_m2m::Denylist::with_capacity(0));
    let (transmitter, poller) = poller(&fixture);
    transmitter.send(&[("a", &fixture.revoked())], false);
    poller.poll_once().await.unwrap();
    poller.poll_once().await.unwrap();
    let (_, body) = transmitter.last();
    assert!(body.get("ack").is_none() && body.get("setErrs").is_none());
}

/// If a poll fails, the next one acknowledges the same events.
#[tokio::test]
async fn acknowledgment_survives_a_failed_poll() {
    let fixture = Fixture::new();
    let (transmitter, poller) = poller(&fixture);
    transmitter.send(&[("a", &fixture.revoked())], false);
    poller.poll_once().await.unwrap();
    for (status, body, code) in [
        (500, "", "unexpected_status"),
        (401, "", "credentials_rejected"),
        (429, "", "rate_limited"),
        (200, "", "invalid_response"),
        (200, "{}", "invalid_response"),
        (200, r#"{"sets":[]}"#, "invalid_response"),
        (
            200,
            r#"{"sets":{},"moreAvailable":"no"}"#,
            "invalid_response",
        ),
    ] {
        transmitter.respond(status, &body);
        assert_eq!(
            poller.poll_once().await.unwrap_err().code(),
            code,
            "{status} {body}"
        );
        assert_eq!(transmitter.last().1["ack"], json!(["a"]));
    }
    assert!(poller.poll_once().await.is_ok());
    poller.poll_once().await.unwrap();
    assert!(transmitter.last().1.get("ack").is_none());
}

/// One event in a wrong form does not stop the others, and neither does a response with too many.
#[tokio::test]
async fn invalid_and_surplus_events_do_not_stop_the_others() {
    let fixture = Fixture::new();
    let (transmitter, poller) = poller(&fixture);
    let disabled = fixture.set(events::ACCOUNT_DISABLED, user("user_1"), json!({}));
    for (id, value) in [
        ("n", json!(1)),
        ("o", json!({ "a": "b" })),
        ("z", Value::Null),
    ] {
        let set = disabled.clone().claim("jti", id).token();
        transmitter.respond(200, &json!({ "sets": { id: value, "a": set } }));
        assert_eq!(poller.poll_once().await.unwrap().received, 2);
        poller.poll_once().await.unwrap();
        let body = transmitter.last().1;
        assert_eq!(body["ack"], json!(["a"]));
        assert_eq!(body["setErrs"][id]["err"], "invalid_request");
    }
    assert_eq!(fixture.token_of("user_1", NOW).await, "suspended");

    let many: serde_json::Map<_, _> = (0..27).map(|id| (id.to_string(), "x".into())).collect();
    transmitter.respond(200, &json!({ "sets": many }));
    let outcome = poller.poll_once().await.unwrap();
    assert_eq!((outcome.received, outcome.more_available), (25, true));
    poller.poll_once().await.unwrap();
    let reported = transmitter.last().1["setErrs"].as_object().unwrap().len();
    assert_eq!(reported, 25);
}

/// If no event of a response can be stored, the same events follow, so `run` pauses longer each
/// time.
#[tokio::test(start_paused = true)]
async fn run_pauses_longer_while_no_event_can_be_stored() {
    let fixture = Fixture::with_denylist(tower_m2m::Denylist::with_capacity(0));
    let (transmitter, poller) = poller(&fixture);
    for _ in 0..1_000 {
        transmitter.send(&[("a", &fixture.revoked())], true);
    }
    let limit = Duration::from_secs(100);
    let run = poller.run(Duration::from_secs(5));
    assert!(tokio::time::timeout(limit, run).await.is_err());
    // At 0, 10, 30 and 70 s.
    assert_eq!(transmitter.requests.lock().unwrap().len(), 4);
}

/// `run` polls at once while there are more events, then in intervals, and slower after failures.
#[tokio::test(start_paused = true)]
async fn run_pauses_between_polls() {
    let fixture = Fixture::new();
    let (transmitter, poller) = poller(&fixture);
    transmitter.send(&[("a", &fixture.revoked())], true);
    transmitter.send(&[], false);
    transmitter.respond(500, &"");
    transmitter.respond(500, &"");
    let times = Arc::new(Mutex::new(Vec::new()));
    let begun = tokio::time::Instant::now();
    let watch = async {
        let mut known = 0;
        loop {
            let count = transmitter.requests.lock().unwrap().len();
            if count > known {
                known = count;
                times.lock().unwrap().push(begun.elapsed().as_secs());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let limit = Duration::from_secs(60);
    let _ = tokio::time::timeout(limit, async {
        tokio::join!(poller.run(Duration::from_secs(5)), watch)
    })
    .await;
    let times = times.lock().unwrap().clone();
    // Two at once, then after 5 s a failure, after 10 s more another, after 20 s more a success.
    assert_eq!(times[..5], [0, 5, 15, 35, 40], "{times:?}");
}

#[test]
fn settings_of_a_poller_are_checked() {
    let fixture = Fixture::new();
    let settings = || {
        fixture
            .settings()
            .send_with(|_| async { Ok(Response::new(Vec::new())) })
    };
    let setting = |result: Result<EventPoller, tower_m2m::ConfigError>| {
        result.unwrap_err().setting().to_owned()
    };
    assert_eq!(
        setting(settings().poll("http://idp.example/poll", "Bearer x")),
        "poll"
    );
    assert_eq!(setting(settings().poll(ENDPOINT, "")), "authorization");
    assert_eq!(setting(settings().poll(ENDPOINT, "a\nb")), "authorization");
    assert_eq!(
        setting(fixture.settings().poll(ENDPOINT, "Bearer x")),
        "send_with"
    );
    let poller = settings().poll(ENDPOINT, "Bearer secret-of-it").unwrap();
    assert!(!format!("{poller:?}").contains("secret-of-it"));
    let _: fn(&Polled) -> usize = |polled| polled.received;
}
