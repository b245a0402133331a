//! The application's caller check for open streams, with virtual time.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt as _;
use tower_m2m::testing::AUDIENCE;
use tower_m2m::{
    BoxError, Caller, CallerStatus, InvalidationReason, OrganizationSource, Scope, Verifier,
};

use super::support::{Fixture, OpenStream, built, open, open_with_headers, reason, with_keys_of};

#[derive(Clone, Copy)]
enum Outcome {
    Status(CallerStatus),
    Fails,
    Hangs,
}

/// What the caller check returns, and the organizations that it was called for.
#[derive(Clone)]
struct Check(Arc<Mutex<(Outcome, Vec<String>)>>);

impl Check {
    fn set(&self, outcome: Outcome) {
        self.0.lock().unwrap().0 = outcome;
    }

    fn calls(&self) -> usize {
        self.0.lock().unwrap().1.len()
    }

    async fn run(self, caller: Caller) -> Result<CallerStatus, BoxError> {
        let outcome = {
            let mut state = self.0.lock().unwrap();
            let organization = caller.organization().map(ToString::to_string);
            state.1.push(organization.unwrap_or_default());
            state.0
        };
        match outcome {
            Outcome::Status(status) => Ok(status),
            Outcome::Fails => Err("the database is down".into()),
            Outcome::Hangs => pending().await,
        }
    }
}

fn fixture() -> (Fixture, Check) {
    let mut fixture = Fixture::new();
    let active = Outcome::Status(CallerStatus::Active);
    let check = Check(Arc::new(Mutex::new((active, Vec::new()))));
    let trusted = Verifier::kinde("acme").audience(AUDIENCE);
    let trusted = with_keys_of(trusted, &fixture.issuer, &fixture.document);
    let (run, denylist) = (check.clone(), fixture.denylist.clone());
    let builder = Verifier::builder([trusted])
        .denylist(denylist)
        .caller_check_timeout(Duration::from_secs(1))
        .check_caller(move |caller| run.clone().run(caller));
    fixture.verifier = built(builder, &fixture.clock);
    (fixture, check)
}

async fn open_checked(fixture: &Fixture, seconds: u64) -> OpenStream {
    let interval = Duration::from_secs(seconds);
    let layer = fixture.verifier.layer();
    let layer = layer.check_callers_of_streams_every(interval);
    open(layer, &fixture.token(), Response::new(())).await
}

/// Rule 203.
///
/// Only the setting makes the check run again.
#[tokio::test(start_paused = true)]
async fn caller_check_ends_streams_within_the_interval() {
    for (status, expected) in [
        (CallerStatus::Suspended, InvalidationReason::Suspended),
        (CallerStatus::Revoked, InvalidationReason::Revoked),
    ] {
        let (fixture, check) = fixture();
        let mut plain = fixture.open().await;
        let mut stream = open_checked(&fixture, 10).await;
        assert_eq!(check.calls(), 2, "one for each request");
        assert_eq!(fixture.end_of(&mut stream, 35).await, None);
        assert_eq!(check.calls(), 2 + 3);
        check.set(Outcome::Status(status));
        let (seconds, reason) = fixture.end_of(&mut stream, 20).await.unwrap();
        assert!(seconds <= 10 && reason == expected, "{seconds} {reason:?}");
        assert_eq!(check.calls(), 2 + 4);
        assert_eq!(fixture.end_of(&mut plain, 20).await, None);
    }
}

/// Rule 203.
///
/// A body that never waits for data is checked too. The shortest interval counts.
#[tokio::test(start_paused = true)]
async fn caller_check_ends_a_busy_stream() {
    let (fixture, check) = fixture();
    let layer = fixture.verifier.layer();
    let layer = layer
        .check_callers_of_streams_every(Duration::from_secs(5))
        .check_callers_of_streams_every(Duration::from_secs(60))
        .end_streams();
    let mut stream = open(layer, &fixture.token(), Response::new(())).await;
    check.set(Outcome::Status(CallerStatus::Suspended));
    for second in 0..60 {
        stream.sender.send(Bytes::from_static(b"data")).unwrap();
        if let Err(error) = stream.body.frame().await.unwrap() {
            assert_eq!(reason(&error), InvalidationReason::Suspended);
            assert!((4..=6).contains(&second), "{second}");
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("the stream stays open");
}

/// Rule 203.
///
/// A check that fails once ends no stream. The second failure in a row does.
#[tokio::test(start_paused = true)]
async fn caller_check_that_fails_twice_ends_the_stream() {
    for outcome in [Outcome::Fails, Outcome::Hangs] {
        let (fixture, check) = fixture();
        let mut stream = open_checked(&fixture, 10).await;
        for _ in 0..2 {
            check.set(outcome);
            assert_eq!(fixture.end_of(&mut stream, 12).await, None);
            check.set(Outcome::Status(CallerStatus::Active));
            assert_eq!(fixture.end_of(&mut stream, 10).await, None);
        }
        check.set(outcome);
        let (seconds, reason) = fixture.end_of(&mut stream, 40).await.unwrap();
        assert_eq!(reason, InvalidationReason::Unavailable);
        assert!((10..=23).contains(&seconds), "{seconds}");
    }
}

/// Rules 200, 203.
///
/// A denial does not wait for a check that hangs.
#[tokio::test(start_paused = true)]
async fn denial_does_not_wait_for_the_caller_check() {
    let (fixture, check) = fixture();
    let mut stream = open_checked(&fixture, 1).await;
    check.set(Outcome::Hangs);
    assert_eq!(fixture.end_of(&mut stream, 1).await, None);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(check.calls(), 2, "the check hangs");
    fixture.deny("org_a");
    let error = stream.body.frame().await.unwrap().unwrap_err();
    assert_eq!(reason(&error), InvalidationReason::Suspended);
}

/// Rule 203.
///
/// The check gets the organization that a global client acts for.
#[tokio::test(start_paused = true)]
async fn caller_check_gets_the_organization_of_an_acting_client() {
    const ACT: Scope = Scope::from_static("act");
    let (fixture, check) = fixture();
    let layer = fixture
        .verifier
        .layer()
        .allow_global_with(ACT)
        .organization_from(OrganizationSource::header(http::HeaderName::from_static(
            "x-org",
        )))
        .check_callers_of_streams_every(Duration::from_secs(3));
    let token = fixture.issuer.global().scopes(["act"]);
    let token = token.expires_in(Duration::from_secs(3600));
    let headers = [("x-org", "org_b")];
    let mut stream = open_with_headers(layer, &headers, &token, Response::new(())).await;
    assert_eq!(fixture.end_of(&mut stream, 4).await, None);
    let state = check.0.lock().unwrap();
    assert!(state.1.len() >= 2);
    assert_eq!(state.1.last().unwrap(), "org_b");
}
