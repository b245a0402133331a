//! Many denials at once.

use std::time::Instant;

use tower_m2m::{Denylist, DenylistEntry, EntryExpiry, RedisStore};

use super::redis_server::RedisServer;
use super::support::{ENTRIES, ISSUER, NAMESPACE, Replica};

const DENIALS: usize = 100_000;

/// Rules 188, 195.
///
/// The other replica is slower than the stream is trimmed, or not. No entry is lost.
#[tokio::test(flavor = "multi_thread")]
async fn hundred_thousand_denials_at_once_reach_the_other_replica() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let connect = async || {
        let store = RedisStore::connect(server.url(), NAMESPACE).await.unwrap();
        Replica::new(Denylist::replicated_with_capacity(store, DENIALS)).await
    };
    let (one, two) = (connect().await, connect().await);
    let begun = Instant::now();
    let mut denials = tokio::task::JoinSet::new();
    for number in 0..DENIALS {
        let denylist = one.denylist.clone();
        denials.spawn(async move {
            let entry = DenylistEntry::client(ISSUER, format!("c{number}"));
            denylist
                .deny_on_all_replicas(entry, EntryExpiry::Never)
                .await
        });
    }
    let results = denials.join_all().await;
    println!("written after {:?}", begun.elapsed());
    assert_eq!(
        results.iter().filter(|result| result.is_ok()).count(),
        DENIALS
    );
    two.until_status(|status| status.entries == DENIALS).await;
    println!("received after {:?}", begun.elapsed());
    // The entries, and the record that the list is complete.
    assert_eq!(server.run(&["HLEN", ENTRIES]), (DENIALS + 1).to_string());
    assert!(!two.status().is_incomplete && !one.status().is_incomplete);
}
