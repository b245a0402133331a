//! Kinde's caller check on a runtime that was shut down, and code of the application that runs
//! during a check.

use serde_json::json;
use tokio::runtime::{Builder, Handle, Runtime};
use tower_m2m::EventReceiver;

use super::fake_kinde::Scenario;
#[cfg(feature = "metrics")]
use super::other_thread::OtherThread;
use super::other_thread::without_blocking;
use super::support::hook;
#[cfg(feature = "metrics")]
use super::support::verify;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Returns the handles of runtimes that drop each task at once.
fn shut_down() -> [Handle; 2] {
    let runtimes = [
        runtime(),
        Builder::new_multi_thread().enable_all().build().unwrap(),
    ];
    runtimes.map(|runtime| runtime.handle().clone())
}

/// A runtime that was shut down drops the query at once. The caller gets 503, and the next one
/// queries.
#[test]
fn cache_miss_on_a_runtime_that_was_shut_down_is_503() {
    for handle in shut_down() {
        without_blocking(move || {
            let test = Scenario::new();
            let token = test.issuer.org("org_a").token();
            for _ in 0..2 {
                let code = handle.block_on(test.verify(&token));
                assert_eq!(code, "caller_status_unavailable");
            }
            assert_eq!(test.kinde.queries(), 0);
            assert_eq!(runtime().block_on(test.verify(&token)), "ok");
            assert_eq!(test.kinde.queries(), 1);
        });
    }
}

/// The same for the query that follows a webhook: the next caller makes it.
#[test]
fn webhook_on_a_runtime_that_was_shut_down_is_accepted() {
    for handle in shut_down() {
        without_blocking(move || {
            let test = Scenario::new();
            let receiver = EventReceiver::kinde_webhooks(&test.verifier, &test.denylist).unwrap();
            let receiver = receiver.invalidates(&test.check);
            assert_eq!(runtime().block_on(test.call("org_a")), "ok");
            test.kinde.suspend(true);
            let data = json!({ "organization": { "code": "org_a" } });
            let updated = test.issuer.kinde_webhook("organization.updated", data);
            let response = handle.block_on(hook(&receiver, &updated));
            assert_eq!(response.status, 200);
            assert_eq!(runtime().block_on(test.call("org_a")), "suspended");
        });
    }
}

/// Each lookup sets a metric. Another thread that checks a caller meanwhile does not wait.
#[cfg(feature = "metrics")]
#[test]
fn lookups_are_counted_without_a_lock() {
    without_blocking(|| {
        let (test, other) = (Scenario::new(), OtherThread::default());
        let _recording = metrics::set_default_local_recorder(&other);
        let (verifier, token) = (test.verifier.clone(), test.issuer.org("org_b").token());
        other.calls(move || assert_eq!(runtime().block_on(verify(&verifier, &token)), "ok"));
        // A miss, and a hit.
        let runtime = runtime();
        assert_eq!(runtime.block_on(test.call("org_a")), "ok");
        assert_eq!(runtime.block_on(test.call("org_a")), "ok");
        assert!(other.has_seen("tower_m2m_organization_lookups"));
    });
}
