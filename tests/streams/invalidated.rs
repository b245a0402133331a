//! `Verifier::invalidated`, for sockets, jobs and queues.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tower_m2m::testing::claims;
use tower_m2m::{Invalidated, InvalidationReason, Verifier};

use super::support::{Fixture, ISSUER};

const SECOND: Duration = Duration::from_secs(1);

/// Rule 205.
///
/// The future can be moved to a task that outlives everything else.
#[tokio::test(start_paused = true)]
async fn future_owns_what_it_needs() {
    fn assert_bounds<T: Send + Unpin + 'static>(future: T) -> T {
        future
    }
    let fixture = Fixture::new();
    let claims = fixture.claims().await;
    let future: Invalidated = assert_bounds(fixture.verifier.invalidated(&claims));
    drop(claims);
    let task = tokio::spawn(future);
    tokio::time::sleep(SECOND).await;
    fixture.deny("org_a");
    let begun = Instant::now();
    assert_eq!(task.await.unwrap(), InvalidationReason::Suspended);
    assert!(begun.elapsed() < SECOND);
}

/// Rule 205.
///
/// It stays ready, so that a loop that polls it again does not hang.
#[tokio::test(start_paused = true)]
async fn future_stays_ready() {
    let fixture = Fixture::new();
    let mut future = fixture.verifier.invalidated(&fixture.claims().await);
    assert!(timeout(SECOND, &mut future).await.is_err());
    fixture.deny("org_a");
    for _ in 0..3 {
        let reason = timeout(SECOND, &mut future).await.unwrap();
        assert_eq!(reason, InvalidationReason::Suspended);
    }
}

/// Rule 205.
///
/// A change between two futures is not lost.
#[tokio::test(start_paused = true)]
async fn dropped_future_loses_no_change() {
    let fixture = Fixture::new();
    let claims = fixture.claims().await;
    for _ in 0..3 {
        let future = fixture.verifier.invalidated(&claims);
        assert!(timeout(SECOND, future).await.is_err());
    }
    fixture.deny("org_a");
    let future = fixture.verifier.invalidated(&claims);
    let reason = timeout(Duration::ZERO, future).await.unwrap();
    assert_eq!(reason, InvalidationReason::Suspended);
}

/// Rule 205.
///
/// The same reasons as for bodies.
#[tokio::test(start_paused = true)]
async fn future_is_ready_at_expiry_and_at_the_removal_of_the_key() {
    let fixture = Fixture::new();
    let claims = fixture.claims().await;
    let task = tokio::spawn(fixture.verifier.invalidated(&claims));
    fixture.issuer.replace_key_same_kid().unwrap();
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert!(task.is_finished());
    assert_eq!(task.await.unwrap(), InvalidationReason::KeyRemoved);

    let claims = fixture.claims().await;
    let task = tokio::spawn(fixture.verifier.invalidated(&claims));
    fixture.clock.advance(Duration::from_secs(3600 + 30));
    tokio::time::sleep(SECOND).await;
    assert!(task.is_finished());
    assert_eq!(task.await.unwrap(), InvalidationReason::Expired);
}

/// Rule 205.
///
/// Claims of another verifier, and of the test utilities.
#[tokio::test(start_paused = true)]
async fn claims_of_another_verifier_are_ready_at_once() {
    let (fixture, other) = (Fixture::new(), Fixture::new());
    for claims in [
        other.claims().await,
        claims().org("org_a").issuer(ISSUER).claims(),
    ] {
        let future = fixture.verifier.invalidated(&claims);
        let reason = timeout(Duration::ZERO, future).await.unwrap();
        assert_eq!(reason, InvalidationReason::OtherVerifier);
    }
    let clone: Verifier = fixture.verifier.clone();
    let future = clone.invalidated(&fixture.claims().await);
    assert!(timeout(SECOND, future).await.is_err());
}

/// Only the future for an organization knows which organization a global client acts for.
#[tokio::test(start_paused = true)]
async fn denial_of_the_organization_that_a_client_acts_for() {
    let fixture = Fixture::new();
    let org = fixture.claims().await.org_code().unwrap().clone();
    let token = fixture
        .issuer
        .global()
        .expires_in(Duration::from_secs(3600));
    let claims = fixture.verifier.verify(&token.token()).await.unwrap();
    fixture.deny("org_a");
    let without = fixture.verifier.invalidated(&claims);
    assert!(timeout(SECOND, without).await.is_err());
    let with = fixture.verifier.invalidated_for(&claims, &org);
    let reason = timeout(Duration::ZERO, with).await.unwrap();
    assert_eq!(reason, InvalidationReason::Suspended);
}

/// Without timers the expiry could not be noticed, so the future is ready at once.
#[test]
fn runtime_without_timers_keeps_no_stream_open() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let fixture = Fixture::with(|issuer| issuer);
    let with_timers = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let claims = with_timers.block_on(fixture.claims());
    let reason = runtime.block_on(fixture.verifier.invalidated(&claims));
    assert_eq!(reason, InvalidationReason::NoTimers);
}
