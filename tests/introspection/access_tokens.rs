//! The access token of this service at Kinde: a missing scope, and when the token is replaced.

use tracing::Level;

use super::protected::{Error, Protected, REJECTED, good};
use super::recorder::Recorder;
use super::scripted::{UNAVAILABLE, invented};
use super::subscriber::set_subscriber;

/// The responses to a missing scope and to an unknown key.
const RESPONSES: [(Error, Error); 6] = [
    ((403, "INSUFFICIENT_SCOPE"), (401, "UNKNOWN_KEY")),
    ((403, "ACCESS_DENIED"), (403, "UNKNOWN_KEY")),
    ((401, "INSUFFICIENT_SCOPE"), (400, "UNKNOWN_KEY")),
    ((403, "ACCESS_DENIED"), (200, "")),
    // An unknown key looks like a missing scope.
    ((403, "ACCESS_DENIED"), (403, "ACCESS_DENIED")),
    ((403, "ACCESS_DENIED"), REJECTED),
];

/// Rule 322.
#[tokio::test(start_paused = true)]
async fn without_the_scope_no_key_is_unknown() {
    for (missing, unknown) in RESPONSES {
        let described = format!("{missing:?} {unknown:?}");
        let test = Protected::new(missing, unknown);
        test.set(|issuer| issuer.is_granted = false);
        for number in 0..5 {
            assert_eq!(
                test.outcome(&good(number)).await,
                UNAVAILABLE,
                "{described}"
            );
            assert_eq!(
                test.outcome(&invented(number)).await,
                UNAVAILABLE,
                "{described}"
            );
            test.advance(20).await;
        }
        let status = &test.verifier.introspection_status()[0];
        let error = status.last_error.unwrap().code();
        assert_eq!(error, "credentials_rejected", "{described}");
        assert_eq!(test.distinguishes(), None, "{described}");

        // The first request of a minute uses the access token that lacks the scope.
        test.set(|issuer| issuer.is_granted = true);
        test.advance(61).await;
        assert_eq!(test.outcome(&good(0)).await, UNAVAILABLE, "{described}");
        assert_eq!(test.outcome(&good(0)).await, "ok", "{described}");

        // What the canary request found without the scope is not used.
        test.outcome(&invented(10)).await;
        test.advance(11).await;
        test.outcome(&invented(11)).await;
        assert_eq!(test.outcome(&good(1)).await, "ok", "{described}");
        let expected = if unknown == REJECTED {
            UNAVAILABLE
        } else {
            "inactive_credential"
        };
        assert_eq!(test.outcome(&invented(12)).await, expected, "{described}");
        let distinguishes = test.distinguishes();
        assert_ne!(distinguishes, Some(unknown == REJECTED), "{described}");
    }
}

/// Rule 322.
///
/// A service that lost the scope knows its customers for as long as in an outage, and says why.
#[tokio::test(start_paused = true)]
async fn lost_scope_is_an_outage() {
    for (missing, unknown) in RESPONSES {
        // The next access token lacks the scope, or the present one loses it.
        for is_immediate in [false, true] {
            let described = format!("{missing:?} {unknown:?} {is_immediate}");
            // Then a key that looks unknown cannot be distinguished from a missing scope.
            let is_learned = !(is_immediate && missing == unknown);
            let recorder = Recorder::lines(Level::ERROR);
            let _guard = set_subscriber(recorder.clone());
            let test = Protected::new(missing, unknown);
            assert_eq!(test.outcome(&good(0)).await, "ok", "{described}");
            if is_learned {
                test.outcome(&invented(0)).await;
                assert_eq!(test.outcome(&good(1)).await, "ok", "{described}");
            }
            test.set(|issuer| {
                issuer.is_granted = false;
                issuer.keeps_scope = !is_immediate;
            });
            if !is_immediate {
                // Two minutes before 80 % of the lifetime of the access token.
                for _ in 0..1_150 {
                    test.advance(60).await;
                    assert_eq!(test.outcome(&good(0)).await, "ok", "{described}");
                }
            }
            recorder.take();
            for _ in 0..5 {
                test.advance(61).await;
                assert_eq!(test.outcome(&good(0)).await, "ok", "{described}");
            }
            test.advance(200).await;
            for number in [0, 1, 2] {
                let outcome = test.outcome(&good(number)).await;
                assert_eq!(outcome, UNAVAILABLE, "{described}");
            }
            let lines = recorder.take().join("\n");
            assert!(
                lines.contains("credentials rejected"),
                "{described}: {lines}"
            );
        }
    }
}

/// Rule 322.
///
/// Keys that the issuer verifies with one access token say nothing about the next one.
#[tokio::test(start_paused = true)]
async fn each_access_token_needs_a_verified_key() {
    let test = Protected::new((403, "ACCESS_DENIED"), (401, "UNKNOWN_KEY"));
    for number in 0..2 {
        // The first unknown key causes the canary request, or the first one with this token.
        assert_eq!(test.outcome(&invented(number)).await, UNAVAILABLE);
        assert_eq!(test.outcome(&good(number)).await, "ok");
        assert_eq!(
            test.outcome(&invented(number + 10)).await,
            "inactive_credential"
        );
        assert_eq!(test.distinguishes(), Some(true));
        test.advance(86_400).await;
    }
    assert_eq!(test.count(|issuer| issuer.tokens), 2);
}

/// Rule 322.
///
/// Any client can invent keys, and each access token is billed.
#[tokio::test(start_paused = true)]
async fn invented_keys_cost_one_access_token_in_a_minute() {
    for unknown in [REJECTED, (403, "UNKNOWN_KEY"), (401, "UNKNOWN_KEY")] {
        let test = Protected::new((403, "ACCESS_DENIED"), unknown);
        for second in 0..180 {
            for number in 0..20 {
                test.outcome(&invented(second * 20 + number)).await;
            }
            test.advance(1).await;
        }
        let tokens = test.count(|issuer| issuer.tokens);
        assert!((3..=5).contains(&tokens), "{unknown:?}: {tokens}");
        assert_eq!(test.outcome(&good(0)).await, "ok", "{unknown:?}");
        // The canary is sent again with each access token, not with each key.
        let canaries = test.count(|issuer| issuer.canaries);
        assert!(canaries <= 2 * tokens, "{unknown:?}: {canaries}");
    }
}

/// Rule 177.
#[tokio::test(start_paused = true)]
async fn rejected_second_request_replaces_the_access_token() {
    for missing in [(403, "ACCESS_DENIED"), (401, "ACCESS_DENIED")] {
        let test = Protected::with_api_id();
        test.set(|issuer| {
            issuer.missing_scope = missing;
            issuer.is_public = true;
            issuer.is_granted = false;
        });
        for _ in 0..3 {
            assert_eq!(test.outcome(&good(0)).await, UNAVAILABLE, "{missing:?}");
        }
        assert_eq!(test.count(|issuer| issuer.tokens), 1, "{missing:?}");
        test.set(|issuer| issuer.is_granted = true);
        test.advance(61).await;
        assert_eq!(test.outcome(&good(0)).await, UNAVAILABLE, "{missing:?}");
        assert_eq!(test.outcome(&good(0)).await, "ok", "{missing:?}");
        assert_eq!(test.count(|issuer| issuer.tokens), 2, "{missing:?}");
    }
}
