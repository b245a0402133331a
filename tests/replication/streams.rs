//! Open streams of several replicas.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tower_m2m::testing::MemoryStore;
use tower_m2m::{Claims, InvalidationReason};

use super::support::{Replica, issuer, settle};

async fn claims(replica: &Replica, token: &str) -> Claims {
    replica.verifier.verify(token).await.unwrap()
}

/// Rules 187, 200.
///
/// A denial on one replica ends the streams of all replicas, also if the store is down for the one
/// that denies. Another organization's streams stay open.
#[tokio::test(start_paused = true)]
async fn denial_on_one_replica_ends_the_streams_of_all() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let replicas: Vec<_> = (0..3)
        .map(|_| Replica::new(&issuer, store.clone()))
        .collect();
    settle().await;
    let lifetime = Duration::from_secs(3600);
    let mut ending = Vec::new();
    let mut staying = Vec::new();
    for replica in &replicas {
        for (org, futures) in [("org_a", &mut ending), ("org_b", &mut staying)] {
            let token = issuer.org(org).expires_in(lifetime).token();
            let claims = claims(replica, &token).await;
            let mut future = replica.verifier.invalidated(&claims);
            assert!(timeout(lifetime / 1800, &mut future).await.is_err());
            futures.push(future);
        }
    }
    let begun = Instant::now();
    replicas[0].deny("org_a").await.unwrap();
    for future in ending {
        assert_eq!(future.await, InvalidationReason::Suspended);
    }
    assert!(begun.elapsed() < Duration::from_secs(1));
    for future in staying {
        assert!(timeout(Duration::from_secs(60), future).await.is_err());
    }
}

/// Rules 190, 200.
///
/// A list that is not used any more keeps no stream open. The limit is 15 minutes.
#[tokio::test(start_paused = true)]
async fn stream_ends_if_the_list_is_too_old() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let replica = Replica::new(&issuer, store.clone());
    settle().await;
    let token = issuer.org("org_a").expires_in(Duration::from_secs(10_000));
    let claims = claims(&replica, &token.token()).await;
    let mut future = replica.verifier.invalidated(&claims);
    store.set_silent();
    let minute = Duration::from_secs(60);
    assert!(timeout(14 * minute, &mut future).await.is_err());
    let end = timeout(2 * minute, &mut future).await.unwrap();
    assert_eq!(end, InvalidationReason::Unavailable);
}
