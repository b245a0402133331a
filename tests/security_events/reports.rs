//! What operators learn about events.

use std::time::Duration;

use serde_json::json;
use tracing::Level;

use super::recorder::Recorder;
use super::subscriber::set_subscriber;
use super::support::{Fixture, NOW, hook, push, send};

const HOUR: Duration = Duration::from_secs(3600);

/// Rules 219, 225.
/// Every authentic event is reported, without the data of the event.
#[tokio::test]
async fn events_are_reported_without_their_data() {
    let recorder = Recorder::lines(Level::INFO);
    let _guard = set_subscriber(recorder.clone());
    let fixture = Fixture::new();
    let receiver = fixture.webhooks();
    let deleted = fixture.user_event("user.deleted", json!({ "id": "kp_secret" }));
    hook(&receiver, &deleted.claim("event_id", "event_1")).await;
    let other = fixture.user_event("user.kidnapped", json!({ "id": "kp_secret" }));
    hook(&receiver, &other.claim("event_id", "event_2")).await;
    push(&fixture.events(), &fixture.revoked().claim("jti", "set_1")).await;
    let lines = recorder.take();
    let has = |parts: &[&str]| {
        let found = |line: &&String| parts.iter().all(|part| line.contains(part));
        assert!(lines.iter().any(|line| found(&line)), "{parts:?} {lines:?}");
    };
    has(&["INFO", "security event applied", "user.deleted", "event_1"]);
    has(&[
        "INFO",
        "security event ignored",
        "unknown",
        "event_2",
        "unknown_event",
    ]);
    has(&["INFO", "security event applied", "session_revoked", "set_1"]);
    assert!(!lines.iter().any(|line| line.contains("kp_secret")
        || line.contains("kidnapped")
        || line.contains("user_1")));
}

/// Rejected events are reported once in 10 s.
#[tokio::test]
async fn rejected_events_are_reported_once_in_a_while() {
    let recorder = Recorder::lines(Level::WARN);
    let _guard = set_subscriber(recorder.clone());
    let fixture = Fixture::new();
    let receiver = fixture.webhooks();
    let forged = fixture.user_event("user.deleted", json!({ "id": "kp_1" }));
    let forged = forged.header("kid", "unknown");
    for _ in 0..25 {
        hook(&receiver, &forged).await;
        fixture.clock.advance(Duration::from_secs(1));
    }
    let lines = recorder.take();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(
        lines[1].contains("unknown_key") && lines[1].contains('9'),
        "{lines:?}"
    );
    assert_eq!(receiver.status().rejected, 25);
}

/// Rule 331.
/// If no webhook could be accepted for 24 h although some arrived, an event at ERROR says
/// so, once an hour.
#[tokio::test]
async fn silence_despite_requests_is_reported_once_an_hour() {
    let recorder = Recorder::lines(Level::ERROR);
    let _guard = set_subscriber(recorder.clone());
    let fixture = Fixture::new();
    let receiver = fixture.webhooks();
    let event = || fixture.user_event("user.authenticated", json!({ "id": "kp_1" }));
    let forged = || event().header("kid", "unknown");
    fixture.clock.advance(Duration::from_secs(24 * 3600 - 1));
    hook(&receiver, &forged()).await;
    assert_eq!(recorder.take(), [""; 0]);
    fixture.clock.advance(Duration::from_secs(1));
    // A client that scans URLs sends no events.
    let scan = http::Request::get("/hooks/kinde").body(String::new());
    assert_eq!(send(&receiver, scan.unwrap()).await.status, 405);
    let scan = http::Request::post("/hooks/kinde").body(String::new());
    assert_eq!(send(&receiver, scan.unwrap()).await.status, 400);
    for no_event in ["", "{}", "a.b", "a.b.c", "e30.e30.e30"] {
        let scan = super::support::send_as(&receiver, no_event.to_owned(), "application/jwt");
        assert_eq!(scan.await.status, 400, "{no_event}");
    }
    let large = super::support::send_as(&receiver, "a".repeat(65_537), "application/jwt");
    assert_eq!(large.await.status, 413);
    assert_eq!(recorder.take(), [""; 0]);
    hook(&receiver, &forged()).await;
    hook(&receiver, &forged()).await;
    let lines = recorder.take();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("no security event accepted") && lines[0].contains("24"));
    fixture.clock.advance(HOUR);
    hook(&receiver, &forged()).await;
    assert_eq!(recorder.take().len(), 1);
    // An authentic event without effect ends it.
    assert_eq!(hook(&receiver, &event()).await.status, 200);
    fixture.clock.advance(23 * HOUR);
    hook(&receiver, &forged()).await;
    assert_eq!(recorder.take(), [""; 0]);
}

/// The status says what was received.
#[tokio::test]
async fn status_counts_by_outcome() {
    let fixture = Fixture::new();
    let receiver = fixture.webhooks();
    assert_eq!(receiver.status().last_accepted_at, None);
    let event = fixture.user_event("user.deleted", json!({ "id": "kp_1" }));
    hook(&receiver, &event).await;
    hook(&receiver, &event).await;
    hook(&receiver, &event.clone().header("kid", "unknown")).await;
    let status = receiver.status();
    assert_eq!(status.issuer, super::support::ISSUER);
    assert_eq!(
        (status.applied, status.duplicates, status.rejected),
        (1, 1, 1)
    );
    assert_eq!(status.last_accepted_at, Some(NOW));
    assert_eq!(status.last_error.unwrap().code(), "unknown_key");
}
