//! What a replica reports to operators: the events of losses and of writes, and the last error.

use std::error::Error;
use std::fmt;

use tower_m2m::testing::{LocalIssuer, MemoryStore};
use tower_m2m::{BoxError, DenylistChanges, DenylistRecord, DenylistStore, RecordKey, StoreCursor};
use tracing::Level;

use super::recorder::Recorder;
use super::subscriber::set_subscriber;
use super::support::{Replica, issuer, seconds, settle};

const RECENT_NO_MORE: u64 = 16 * 60;

/// Returns the recorded lines that contain this text.
fn lines_with(recorder: &Recorder<String>, text: &str) -> Vec<String> {
    let mut lines = recorder.take();
    lines.retain(|line| line.contains(text));
    lines
}

async fn denying(issuer: &LocalIssuer, store: &MemoryStore, orgs: &[&str]) -> Replica {
    let replica = Replica::new(issuer, store.clone());
    for org in orgs {
        replica.deny(org).await.unwrap();
    }
    replica
}

/// The store lost all entries. The event comes when the old ones no longer apply.
#[tokio::test(start_paused = true)]
async fn entries_dropped_after_a_loss_are_reported() {
    let recorder = Recorder::lines(Level::INFO);
    let _guard = set_subscriber(recorder.clone());
    let (issuer, store) = (issuer(), MemoryStore::new());
    let one = denying(&issuer, &store, &["org_a", "org_b"]).await;
    seconds(RECENT_NO_MORE).await;
    one.deny("org_recent").await.unwrap();
    store.flush();
    seconds(50).await;
    assert!(lines_with(&recorder, "dropped").is_empty());
    assert_eq!(one.call(&issuer, "org_a").await, "suspended");
    seconds(20).await;
    let lines = lines_with(&recorder, "dropped");
    assert_eq!(lines, ["WARN denylist entries dropped entries=2"]);
    assert_eq!(one.call(&issuer, "org_a").await, "ok");
    assert_eq!(one.call(&issuer, "org_recent").await, "suspended");
}

/// The store lost fewer entries than it has, so there is no time in which the old ones apply.
#[tokio::test(start_paused = true)]
async fn entries_dropped_at_a_load_are_reported() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let one = denying(&issuer, &store, &["org_a", "org_b"]).await;
    let copy = store.copy();
    one.deny("org_c").await.unwrap();
    seconds(RECENT_NO_MORE).await;
    let recorder = Recorder::lines(Level::INFO);
    let _guard = set_subscriber(recorder.clone());
    store.restore(&copy);
    seconds(10).await;
    let lines = lines_with(&recorder, "dropped");
    assert_eq!(lines, ["WARN denylist entries dropped entries=1"]);
    assert_eq!(one.call(&issuer, "org_c").await, "ok");
}

/// A removal is no loss.
#[tokio::test(start_paused = true)]
async fn missed_removals_are_not_reported_as_dropped() {
    let recorder = Recorder::lines(Level::INFO);
    let _guard = set_subscriber(recorder.clone());
    let (issuer, store) = (issuer(), MemoryStore::new());
    let one = denying(&issuer, &store, &["org_a", "org_b"]).await;
    seconds(RECENT_NO_MORE).await;
    store.set_down();
    seconds(1).await;
    store.set_up();
    let two = Replica::new(&issuer, store.clone());
    settle().await;
    let entry = super::support::organization("org_a");
    two.denylist.remove_on_all_replicas(&entry).await.unwrap();
    store.trim();
    seconds(70).await;
    assert_eq!(one.call(&issuer, "org_a").await, "ok");
    assert!(lines_with(&recorder, "dropped").is_empty());
}

/// A write that failed before is reported when the store confirms it, and no other one.
#[tokio::test(start_paused = true)]
async fn writes_that_succeed_after_failures_are_reported() {
    let recorder = Recorder::lines(Level::INFO);
    let _guard = set_subscriber(recorder.clone());
    let (issuer, store) = (issuer(), MemoryStore::new());
    let one = denying(&issuer, &store, &["org_a"]).await;
    store.set_down();
    assert!(one.deny("org_b").await.is_err());
    assert!(one.deny("org_c").await.is_err());
    seconds(60).await;
    assert!(lines_with(&recorder, "write recovered").is_empty());
    store.set_up();
    seconds(6).await;
    let lines = lines_with(&recorder, "write recovered");
    assert_eq!(lines.len(), 2, "{lines:?}");
    for line in lines {
        assert!(line.starts_with("INFO denylist write recovered failures="));
    }
}

/// An error whose message contains that of its cause.
#[derive(Debug)]
struct Failure(&'static str, Option<Box<Failure>>);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|below| below as _)
    }
}

/// A store that always fails with the same messages.
struct Broken(&'static [&'static str]);

impl Broken {
    fn error(&self) -> BoxError {
        let messages = self.0.iter().rev();
        let failure = messages.fold(None, |below, message| {
            Some(Failure(message, below.map(Box::new)))
        });
        failure.unwrap().into()
    }
}

impl DenylistStore for Broken {
    async fn follow(&self, _: Option<StoreCursor>, _: DenylistChanges) -> Result<(), BoxError> {
        Err(self.error())
    }

    async fn put(&self, _: DenylistRecord) -> Result<(), BoxError> {
        Err(self.error())
    }

    async fn remove(&self, _: RecordKey) -> Result<(), BoxError> {
        Err(self.error())
    }
}

/// Each cause is named once, in the status and in the results of changes.
#[tokio::test(start_paused = true)]
async fn each_cause_of_an_error_is_named_once() {
    let issuer = issuer();
    for (messages, expected) in [
        (&["connection refused"; 3][..], "connection refused"),
        (
            &["failed to connect: no route", "no route", "no route"],
            "failed to connect: no route",
        ),
        (
            &[
                "failed to read",
                "timed out",
                "the socket is closed",
                "timed out",
            ],
            "failed to read: timed out: the socket is closed",
        ),
    ] {
        let one = Replica::new(&issuer, Broken(messages));
        let error = one.deny("org_a").await.unwrap_err().to_string();
        assert!(error.ends_with(&format!("retried: {expected}")), "{error}");
        seconds(1).await;
        assert_eq!(one.status().last_error.as_deref(), Some(expected));
    }
}
