//! Many requests with one credential do not reject callers with another one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::scripted::{Scripted, customer, invented, outcomes, send};

const HOSTILE: &str = "k_live_hostile0000000000001";
const GOOD: &str = "k_live_goodgood000000000001";

/// Sends requests with one key at the same time.
fn send_many(test: &Scripted, key: &str, count: usize) -> Vec<JoinHandle<&'static str>> {
    let requests = (0..count).map(|_| send(&test.verifier, key.to_owned()));
    requests.collect()
}

/// Returns when the requests that were sent wait for the issuer.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Rule 172.
#[tokio::test(start_paused = true)]
async fn parallel_requests_with_invented_keys_do_not_reject_new_customers() {
    let test = Arc::new(Scripted::new());
    test.issuer.set_delay(Duration::from_millis(300));
    let is_over = Arc::new(AtomicBool::new(false));
    let flood = tokio::spawn({
        let (test, is_over) = (Arc::clone(&test), Arc::clone(&is_over));
        async move {
            let mut keys = 0;
            while !is_over.load(Ordering::SeqCst) {
                let _ = outcomes(send_many(&test, &invented(keys), 300)).await;
                keys += 1;
            }
            keys
        }
    });
    for number in 0..100 {
        tokio::time::sleep(Duration::from_millis(117)).await;
        let key = customer(number);
        test.issuer.add_key(&key, "org_a");
        let both = send_many(&test, &key, 2);
        assert_eq!(outcomes(both).await, ["ok", "ok"], "{number}");
    }
    is_over.store(true, Ordering::SeqCst);
    assert!(flood.await.unwrap() > 100);
    assert_eq!(test.verifier.introspection_status()[0].budget_exhausted, 0);
}

/// Rule 172.
///
/// Within the budget, also many invented keys do not use all places up.
#[tokio::test(start_paused = true)]
async fn many_invented_keys_at_once_do_not_reject_a_new_customer() {
    let test = Scripted::new();
    test.issuer.add_key(GOOD, "org_a");
    let flood = (0..40).flat_map(|number| send_many(&test, &invented(number), 300));
    let flood: Vec<_> = flood.collect();
    settle().await;
    assert_eq!(test.outcome(GOOD).await, "ok");
    let flood = outcomes(flood).await;
    let waited = flood.iter().filter(|&&code| code == "inactive_credential");
    assert_eq!(waited.count(), 40 + 256);
}

/// Rules 172, 323.
#[tokio::test(start_paused = true)]
async fn known_key_with_many_requests_does_not_reject_another_known_key() {
    let before = Scripted::new();
    for key in [HOSTILE, GOOD] {
        before.issuer.add_key(key, "org_a");
        assert_eq!(before.outcome(key).await, "ok");
    }
    let saved = before.verifier.export_known_credentials().unwrap();
    let after = Scripted::with(|builder| builder.restore_known_credentials(saved));
    for key in [HOSTILE, GOOD] {
        after.issuer.add_key(key, "org_a");
    }
    let hostile = send_many(&after, HOSTILE, 5_000);
    settle().await;
    assert_eq!(outcomes(send_many(&after, GOOD, 100)).await, ["ok"; 100]);
    let hostile = outcomes(hostile).await;
    let accepted = hostile.iter().filter(|&&code| code == "ok").count();
    assert_eq!(accepted, 1 + 4_096 / 2);
    assert_eq!(after.issuer.requests(), 2);
}
