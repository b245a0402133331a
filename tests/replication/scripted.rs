//! A store that sends exactly what a test says.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};
use tower_m2m::{
    BoxError, Denylist, DenylistChanges, DenylistRecord, DenylistStore, RecordKey, StoreCursor,
};

use super::support::{Replica, issuer, record, seconds, settle};

#[derive(Debug)]
enum ScriptStep {
    Add(&'static str),
    Remove(&'static str),
    CaughtUp,
    /// No record is authentic, also not the one about completeness.
    CaughtUpWithoutList,
    Heartbeat,
    Gap,
    Malformed,
    Unauthenticated,
    Disconnect,
}

#[derive(Clone)]
struct ScriptedStore(Arc<Mutex<mpsc::UnboundedReceiver<ScriptStep>>>);

impl ScriptedStore {
    fn new() -> (Self, mpsc::UnboundedSender<ScriptStep>) {
        let (script, steps) = mpsc::unbounded_channel();
        (Self(Arc::new(Mutex::new(steps))), script)
    }
}

/// Returns the record that says that the list of the store is complete.
fn complete_list() -> DenylistRecord {
    let json = r#"{"v":1,"kind":"complete_list","origin":"replication","issuer":"*","name":"*"}"#;
    DenylistRecord::from_json(json.as_bytes()).unwrap()
}

impl DenylistStore for ScriptedStore {
    async fn follow(
        &self,
        _from: Option<StoreCursor>,
        changes: DenylistChanges,
    ) -> Result<(), BoxError> {
        let mut steps = self.0.lock().await;
        while let Some(step) = steps.recv().await {
            match step {
                ScriptStep::Add(org) => changes.added(record(org)).await?,
                ScriptStep::Remove(org) => changes.removed(record(org).key()).await?,
                ScriptStep::CaughtUp => {
                    changes.added(complete_list()).await?;
                    changes.caught_up(StoreCursor::new("1")).await?;
                }
                ScriptStep::CaughtUpWithoutList => {
                    changes.caught_up(StoreCursor::new("1")).await?;
                }
                ScriptStep::Heartbeat => changes.heartbeat().await?,
                ScriptStep::Gap => changes.gap().await?,
                ScriptStep::Malformed => changes.malformed().await?,
                ScriptStep::Unauthenticated => changes.unauthenticated().await?,
                ScriptStep::Disconnect => return Err("disconnected".into()),
            }
        }
        Ok(())
    }

    async fn put(&self, _record: DenylistRecord) -> Result<(), BoxError> {
        Ok(())
    }

    async fn remove(&self, _key: RecordKey) -> Result<(), BoxError> {
        Ok(())
    }
}

/// Rule 185.
///
/// The list is complete only after `caught_up`.
#[tokio::test(start_paused = true)]
async fn half_a_list_is_not_used() {
    let (store, script) = ScriptedStore::new();
    let issuer = issuer();
    let one = Replica::new(&issuer, store);
    for step in [
        ScriptStep::Add("org_a"),
        ScriptStep::Heartbeat,
        ScriptStep::Disconnect,
        ScriptStep::Add("org_a"),
    ] {
        script.send(step).unwrap();
        seconds(2).await;
        assert_eq!(one.call(&issuer, "org_b").await, "denylist_unavailable");
        assert!(!one.verifier.is_ready());
    }
    script.send(ScriptStep::CaughtUp).unwrap();
    settle().await;
    assert_eq!(one.call(&issuer, "org_b").await, "ok");
    assert_eq!(one.call(&issuer, "org_a").await, "suspended");
}

/// Rule 189.
#[tokio::test(start_paused = true)]
async fn old_list_stays_until_the_new_one_is_complete() {
    let (store, script) = ScriptedStore::new();
    let issuer = issuer();
    let one = Replica::new(&issuer, store);
    let send = |step| script.send(step).unwrap();
    send(ScriptStep::Add("org_a"));
    send(ScriptStep::Add("org_b"));
    send(ScriptStep::CaughtUp);
    settle().await;
    for step in [
        ScriptStep::Gap,
        ScriptStep::Add("org_c"),
        ScriptStep::Remove("org_a"),
        ScriptStep::Disconnect,
    ] {
        send(step);
        settle().await;
        for org in ["org_a", "org_b"] {
            assert_eq!(one.call(&issuer, org).await, "suspended");
        }
    }
    seconds(2).await;
    // A new entry denies before the list is complete.
    send(ScriptStep::Add("org_c"));
    send(ScriptStep::Add("org_b"));
    settle().await;
    assert_eq!(one.call(&issuer, "org_c").await, "suspended");
    assert_eq!(one.call(&issuer, "org_a").await, "suspended");
    send(ScriptStep::CaughtUp);
    settle().await;
    assert_eq!(one.call(&issuer, "org_a").await, "ok");
    for org in ["org_b", "org_c"] {
        assert_eq!(one.call(&issuer, org).await, "suspended");
    }
    assert_eq!(one.status().gaps, 1);
}

/// Rule 190.
///
/// While the list is loaded again, neither entries nor heartbeats make it fresh.
#[tokio::test(start_paused = true)]
async fn list_ages_while_it_is_loaded() {
    let (store, script) = ScriptedStore::new();
    let issuer = issuer();
    let one = Replica::new(&issuer, store);
    let send = |step| script.send(step).unwrap();
    send(ScriptStep::CaughtUp);
    settle().await;
    send(ScriptStep::Gap);
    for _ in 0..90 {
        assert!(one.verifier.is_ready());
        send(ScriptStep::Heartbeat);
        send(ScriptStep::Add("org_a"));
        seconds(10).await;
    }
    assert!(!one.verifier.is_ready());
    send(ScriptStep::CaughtUp);
    settle().await;
    assert!(one.verifier.is_ready());
}

/// Rule 191.
#[tokio::test(start_paused = true)]
async fn malformed_record_is_counted_and_skipped() {
    let (store, script) = ScriptedStore::new();
    let issuer = issuer();
    let one = Replica::new(&issuer, store);
    for step in [
        ScriptStep::Malformed,
        ScriptStep::Add("org_a"),
        ScriptStep::Malformed,
        ScriptStep::CaughtUp,
    ] {
        script.send(step).unwrap();
    }
    settle().await;
    assert_eq!(one.call(&issuer, "org_a").await, "suspended");
    assert_eq!(one.status().malformed_records, 2);
}

/// Rule 190.
///
/// Changes alone do not say that there are no further ones.
#[tokio::test(start_paused = true)]
async fn changes_without_an_end_do_not_make_the_list_fresh() {
    let (store, script) = ScriptedStore::new();
    let issuer = issuer();
    let one = Replica::new(&issuer, store);
    let send = |step| script.send(step).unwrap();
    send(ScriptStep::CaughtUp);
    settle().await;
    for _ in 0..91 {
        send(ScriptStep::Add("org_a"));
        send(ScriptStep::Remove("org_a"));
        seconds(10).await;
    }
    assert!(one.status().is_stale && !one.verifier.is_ready());
    send(ScriptStep::Add("org_b"));
    settle().await;
    assert!(!one.verifier.is_ready());
    assert_eq!(one.call(&issuer, "org_b").await, "suspended");
    send(ScriptStep::Heartbeat);
    settle().await;
    assert!(one.verifier.is_ready());
}

/// Rule 195.
///
/// A store with more entries than the list may have does not say which ones are gone.
#[tokio::test(start_paused = true)]
async fn load_that_does_not_fit_removes_no_entry() {
    let (store, script) = ScriptedStore::new();
    let issuer = issuer();
    let list = Denylist::replicated_with_capacity(store, 2);
    let one = Replica::with(&issuer, list, |builder| builder);
    let send = |step| script.send(step).unwrap();
    send(ScriptStep::Add("org_a"));
    send(ScriptStep::Add("org_b"));
    send(ScriptStep::CaughtUp);
    settle().await;
    send(ScriptStep::Gap);
    for org in ["org_d", "org_c", "org_b", "org_a"] {
        send(ScriptStep::Add(org));
    }
    send(ScriptStep::CaughtUp);
    settle().await;
    assert!(one.status().is_incomplete && !one.status().is_emptying);
    for org in ["org_a", "org_b"] {
        assert_eq!(one.call(&issuer, org).await, "suspended", "{org}");
    }
}

/// Rule 193.
///
/// A replica with a wrong record key has no empty list, it has none.
#[tokio::test(start_paused = true)]
async fn first_load_without_an_authentic_record_does_not_count() {
    let (store, script) = ScriptedStore::new();
    let issuer = issuer();
    let one = Replica::new(&issuer, store);
    let send = |step| script.send(step).unwrap();
    send(ScriptStep::Unauthenticated);
    send(ScriptStep::CaughtUpWithoutList);
    send(ScriptStep::Heartbeat);
    settle().await;
    assert!(!one.verifier.is_ready());
    assert_eq!(one.call(&issuer, "org_a").await, "denylist_unavailable");
    assert!(one.status().last_error.unwrap().contains("keys may differ"));
    send(ScriptStep::Add("org_b"));
    send(ScriptStep::CaughtUp);
    settle().await;
    assert!(one.verifier.is_ready());
}
