//! The second request of a flight, which reads the key: the issuer can have requested a pause since
//! the first one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use tower_m2m::{ApiKeys, BoxError, Clock, Rejection, Verifier};

use super::scripted::trusted;

const API_ID: &str = "api_1";
const SLOW: &str = "k_live_slow0000000000000001";
const PAUSING: &str = "k_live_pausing0000000000001";

/// An issuer that responds to the first request about the slow key late, and that requests a pause
/// in the response about the other key after `pause`.
#[derive(Clone, Default)]
struct Issuer(Arc<Requests>);

#[derive(Default)]
struct Requests {
    verified: AtomicUsize,
    read: AtomicUsize,
    pauses: AtomicUsize,
}

impl Issuer {
    async fn respond(self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, BoxError> {
        let body = String::from_utf8(request.body().clone())?;
        if request.uri().path().starts_with("/api/v1/api_keys/id_") {
            self.0.read.fetch_add(1, Ordering::SeqCst);
            let id = request.uri().path().rsplit('/').next().unwrap_or_default();
            return Ok(json(&format!(
                r#"{{"api_key":{{"id":"{id}","type":"organization","status":"active","api_ids":["{API_ID}"],"organization_id":"org_a","user_id":null}}}}"#
            )));
        }
        self.0.verified.fetch_add(1, Ordering::SeqCst);
        let is_pausing = body.contains(PAUSING);
        if is_pausing && self.0.pauses.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let response = Response::builder().status(429).header("retry-after", "30");
            return Ok(response.body(Vec::new())?);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let id = if is_pausing { "id_pausing" } else { "id_slow" };
        Ok(json(&format!(
            r#"{{"is_valid":true,"status":"active","key_id":"{id}","org_code":"org_a","user_id":null,"scopes":[]}}"#
        )))
    }

    fn pause(&self) {
        self.0.pauses.store(1, Ordering::SeqCst);
    }

    fn sent(&self) -> (usize, usize) {
        let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        (count(&self.0.verified), count(&self.0.read))
    }
}

fn json(body: &str) -> Response<Vec<u8>> {
    Response::new(body.as_bytes().to_vec())
}

fn verifier(issuer: &Issuer, clock: &Clock) -> Verifier {
    let issuer = issuer.clone();
    let keys = ApiKeys::kinde().api_id(API_ID).max_stale(Duration::ZERO);
    let keys = keys.send_with(move |request| issuer.clone().respond(request));
    trusted(&keys).clock(clock.clone()).build().unwrap()
}

/// Rule 173.
///
/// A known credential is one that was accepted before.
#[tokio::test(start_paused = true)]
async fn second_request_is_not_sent_within_a_pause_that_began_meanwhile() {
    for (is_slow_known, is_pausing_known, is_sent) in [
        (false, false, false),
        (false, true, false),
        (true, true, false),
        // The pause was requested in a response about an unknown credential, so it need not
        // concern known ones.
        (true, false, true),
    ] {
        let described = format!("{is_slow_known} {is_pausing_known}");
        let (issuer, clock) = (Issuer::default(), Clock::manual(1_750_000_000));
        let verifier = verifier(&issuer, &clock);
        for (key, is_known) in [(SLOW, is_slow_known), (PAUSING, is_pausing_known)] {
            if is_known {
                assert!(verifier.verify(key).await.is_ok(), "{described}");
            }
        }
        let idle = Duration::from_secs(70);
        clock.advance(idle);
        tokio::time::sleep(idle).await;
        issuer.pause();
        let before = issuer.sent();
        let slow = {
            let verifier = verifier.clone();
            tokio::spawn(async move { verifier.verify(SLOW).await })
        };
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(verifier.verify(PAUSING).await.is_err(), "{described}");
        let outcome = slow.await.unwrap();
        let expected = (before.0 + 2, before.1 + usize::from(is_sent));
        assert_eq!(issuer.sent(), expected, "{described}");
        match outcome {
            Ok(_) => assert!(is_sent, "{described}"),
            Err(Rejection::IntrospectionUnavailable { retry_after }) => {
                assert!(!is_sent, "{described}");
                assert!(retry_after > Duration::from_secs(29), "{retry_after:?}");
            }
            Err(other) => panic!("{described}: {other}"),
        }
    }
}

/// Rule 173.
///
/// Within a pause, the probe of a known credential consists of both requests.
#[tokio::test(start_paused = true)]
async fn probe_sends_both_requests() {
    let (issuer, clock) = (Issuer::default(), Clock::manual(1_750_000_000));
    let verifier = verifier(&issuer, &clock);
    assert!(verifier.verify(SLOW).await.is_ok());
    let idle = Duration::from_secs(70);
    clock.advance(idle);
    tokio::time::sleep(idle).await;
    issuer.pause();
    assert!(verifier.verify(PAUSING).await.is_err());
    assert!(verifier.verify(SLOW).await.is_ok());
    assert_eq!(issuer.sent(), (3, 2));
}
