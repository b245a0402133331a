//! What operators learn: events and status.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::scripted::{Reply, Scripted};
use super::subscriber::set_subscriber;

/// Writes each event of level WARN and ERROR as one line.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tower_m2m") && *metadata.level() <= tracing::Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(format!("{} ", event.metadata().level()));
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

const KEY: &str = "k_live_0000000000000001";

/// Counts are per issuer.
#[tokio::test(start_paused = true)]
async fn status_shows_requests_hits_and_failures() {
    let test = Scripted::new();
    test.issuer.add_key(KEY, "org_a");
    for _ in 0..3 {
        assert_eq!(test.outcome(KEY).await, "ok");
    }
    test.issuer.set_reply(Reply::Fail);
    assert_eq!(
        test.outcome("k_live_0000000000000002").await,
        "introspection_unavailable"
    );
    let status = &test.verifier.introspection_status()[0];
    assert_eq!(status.issuer, super::scripted::ISSUER);
    assert_eq!(
        (status.requests, status.cache_hits, status.failures),
        (2, 2, 1)
    );
    assert_eq!(status.last_error.unwrap().code(), "unreachable");
    assert_eq!(status.cached_credentials, 1);
    assert!(status.budget_left >= 49, "{status:?}");
}

/// Rejected credentials are reported at ERROR once a minute, other failures at WARN once in 10 s.
#[tokio::test(start_paused = true)]
async fn failures_are_reported_once_in_a_while() {
    for (reply, level, text, seconds) in [
        (Reply::Json(401, "{}"), "ERROR", "credentials rejected", 60),
        (Reply::Fail, "WARN", "introspection failed", 10),
    ] {
        let recorder = Recorder::default();
        let _guard = set_subscriber(recorder.clone());
        let test = Scripted::new();
        test.issuer.set_reply(reply);
        let begun = tokio::time::Instant::now();
        let mut number = 0;
        while begun.elapsed().as_secs() < 119 {
            let _ = test.outcome(&format!("k_live_invented{number:010}")).await;
            test.advance(1).await;
            number += 1;
        }
        let lines = recorder.0.lock().unwrap();
        let reported = lines
            .iter()
            .filter(|line| line.starts_with(level) && line.contains(text));
        let expected = 120 / seconds;
        let found = reported.count();
        assert!(
            (expected - 1..=expected).contains(&found),
            "{found}: {lines:?}"
        );
        assert!(!lines.join("").contains("k_live_"), "{lines:?}");
    }
}
