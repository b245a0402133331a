//! The same faults over real sockets.

use std::time::Duration;

use http::StatusCode;
use tower_m2m::jwks::JwksError;
use tower_m2m::testing::{AUDIENCE, Endpoint, Fault, LocalIssuer, SigningAlgorithm};
use tower_m2m::{Algorithm, Issuer, Verifier};

use super::harness::{last_error, secs, verdict};

async fn issuer() -> LocalIssuer {
    LocalIssuer::builder()
        .algorithm(SigningAlgorithm::EdDsa)
        .start()
        .await
        .unwrap()
}

fn trusted(issuer: &LocalIssuer) -> Issuer {
    Verifier::kinde(issuer.url())
        .audience(AUDIENCE)
        .algorithms([Algorithm::EdDSA])
        .without_proxy()
}

/// Configures short delays and no metadata, so that tests are fast.
fn hurried(issuer: &LocalIssuer) -> Issuer {
    trusted(issuer)
        .jwks_url(issuer.jwks_uri())
        .unknown_kid_cooldown(Duration::from_millis(50))
}

async fn ready(trusted: Issuer) -> Verifier {
    Verifier::builder([trusted]).build_ready().await.unwrap()
}

/// Sends a token that makes the verifier fetch keys, as often as its budget allows.
async fn provoke(verifier: &Verifier, issuer: &LocalIssuer, number: u64) -> &'static str {
    verdict(
        verifier,
        &issuer
            .org("org_a")
            .header("kid", format!("k{number}"))
            .token(),
    )
    .await
}

#[tokio::test]
async fn discovery_finds_keys_and_sends_no_credentials() {
    let issuer = issuer().await;
    let verifier = ready(trusted(&issuer)).await;
    assert_eq!(
        verdict(&verifier, &issuer.org("org_a").token()).await,
        "accepted"
    );
    assert_eq!(
        (
            issuer.hits(Endpoint::Discovery),
            issuer.hits(Endpoint::Metadata),
            issuer.hits(Endpoint::Jwks)
        ),
        (1, 0, 1)
    );
    for endpoint in [Endpoint::Discovery, Endpoint::Jwks] {
        let headers = issuer.last_headers(endpoint).unwrap();
        assert_eq!(headers["accept"], "application/json");
        for name in ["authorization", "cookie", "referer", "accept-encoding"] {
            assert!(!headers.contains_key(name), "{name} was sent");
        }
    }
}

/// Rule 79.
#[tokio::test]
async fn metadata_is_found_at_either_well_known_url() {
    let issuer = LocalIssuer::builder()
        .algorithm(SigningAlgorithm::EdDsa)
        .path("/tenants/a")
        .start()
        .await
        .unwrap();
    issuer.set_fault(Endpoint::Discovery, Fault::status(StatusCode::NOT_FOUND));
    let trusted = Verifier::issuer(issuer.url())
        .audience(AUDIENCE)
        .profile(tower_m2m::Profile::KINDE);
    let verifier = ready(trusted.algorithms([Algorithm::EdDSA]).without_proxy()).await;
    assert_eq!(
        verdict(&verifier, &issuer.org("org_a").token()).await,
        "accepted"
    );
    assert_eq!(
        (
            issuer.hits(Endpoint::Discovery),
            issuer.hits(Endpoint::Metadata)
        ),
        (1, 1)
    );
}

/// Rule 80.
#[tokio::test]
async fn metadata_of_another_issuer_is_not_used() {
    let issuer = issuer().await;
    let other = format!(
        r#"{{"issuer":"https://evil.example","jwks_uri":"{}"}}"#,
        issuer.jwks_uri()
    );
    issuer.set_document(Endpoint::Discovery, other);
    let error = Verifier::builder([trusted(&issuer)])
        .build_ready()
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("belongs to another issuer"),
        "{error}"
    );
    assert_eq!(issuer.hits(Endpoint::Jwks), 0);
}

/// Rule 83.
#[tokio::test]
async fn later_metadata_failure_keeps_the_keys() {
    let issuer = issuer().await;
    let verifier = ready(trusted(&issuer).unknown_kid_cooldown(Duration::from_millis(50))).await;
    issuer.fail_next(
        Endpoint::Jwks,
        1,
        Fault::status(StatusCode::INTERNAL_SERVER_ERROR),
    );
    assert_eq!(provoke(&verifier, &issuer, 1).await, "key_unavailable");
    // After a failure the metadata is read again, because the keys can have another URL. In this
    // test it is invalid.
    issuer.set_fault(Endpoint::Discovery, Fault::Garbage);
    issuer.rotate_key().unwrap();
    assert_eq!(
        verdict(&verifier, &issuer.org("org_a").token()).await,
        "accepted"
    );
    assert_eq!(issuer.hits(Endpoint::Discovery), 2);
}

/// Rules 146, 152.
#[tokio::test]
async fn network_fault_never_removes_valid_keys() {
    let elsewhere = issuer().await;
    let mut cases = tokio::task::JoinSet::new();
    for (fault, error) in [
        (
            Fault::status(StatusCode::INTERNAL_SERVER_ERROR),
            JwksError::UnexpectedStatus(500),
        ),
        (
            Fault::status(StatusCode::FORBIDDEN),
            JwksError::UnexpectedStatus(403),
        ),
        (
            Fault::too_many_requests(30),
            JwksError::UnexpectedStatus(429),
        ),
        (Fault::Slow(secs(30)), JwksError::TimedOut),
        (
            Fault::Drip {
                bytes: 1,
                every: Duration::from_millis(100),
            },
            JwksError::TimedOut,
        ),
        (Fault::Hang, JwksError::TimedOut),
        (Fault::Stall, JwksError::TimedOut),
        (Fault::Reset, JwksError::ConnectionClosed),
        (Fault::Truncated, JwksError::ConnectionClosed),
        (Fault::Garbage, JwksError::Malformed),
        (Fault::Html, JwksError::Malformed),
        (Fault::GzipBomb(2_000_000), JwksError::Malformed),
        (Fault::EmptySet, JwksError::NoUsableKey),
        (
            Fault::Redirect(elsewhere.jwks_uri()),
            JwksError::UnexpectedStatus(302),
        ),
    ] {
        cases.spawn(async move {
            let issuer = issuer().await;
            // If the test does not expect a timeout, the limit is long, so that a busy machine does
            // not cause one.
            let timeout = if error == JwksError::TimedOut {
                secs(1)
            } else {
                secs(30)
            };
            let verifier = ready(hurried(&issuer).fetch_timeout(timeout)).await;
            let token = issuer.org("org_a").token();
            issuer.set_fault(Endpoint::Jwks, fault.clone());
            assert_eq!(
                provoke(&verifier, &issuer, 1).await,
                "key_unavailable",
                "{fault:?}"
            );
            // The fetch and the request time out at the same time.
            while verifier.status()[0].last_error.is_none() {
                tokio::task::yield_now().await;
            }
            assert_eq!(last_error(&verifier), Some(error), "{fault:?}");
            assert_eq!(verdict(&verifier, &token).await, "accepted", "{fault:?}");
            assert!(verifier.is_ready());
        });
    }
    while let Some(case) = cases.join_next().await {
        case.unwrap();
    }
    assert_eq!(elsewhere.hits(Endpoint::Jwks), 0, "a redirect was followed");
}

#[tokio::test]
async fn fetch_reads_at_most_one_mib() {
    let most = 1024 * 1024;
    for (fault, fine) in [
        (Fault::Oversized(most), true),
        (Fault::Oversized(most + 1), false),
        (Fault::Oversized(2_000_000), false),
        (Fault::Endless, false),
    ] {
        let issuer = issuer().await;
        let verifier = ready(hurried(&issuer).fetch_timeout(secs(30))).await;
        issuer.set_fault(Endpoint::Jwks, fault.clone());
        let expected = if fine {
            "unknown_key"
        } else {
            "key_unavailable"
        };
        assert_eq!(provoke(&verifier, &issuer, 1).await, expected);
        assert_eq!(
            last_error(&verifier),
            (!fine).then_some(JwksError::TooLarge),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn response_with_another_media_type_is_parsed() {
    let issuer = issuer().await;
    issuer.set_fault(Endpoint::Jwks, Fault::WrongContentType);
    let verifier = ready(hurried(&issuer)).await;
    assert_eq!(
        verdict(&verifier, &issuer.org("org_a").token()).await,
        "accepted"
    );
}

/// Rule 141.
#[tokio::test]
async fn requests_succeed_during_outage_and_after_recovery() {
    let issuer = issuer().await;
    let verifier = ready(hurried(&issuer)).await;
    issuer.go_down().await;
    assert_eq!(provoke(&verifier, &issuer, 1).await, "key_unavailable");
    assert_eq!(last_error(&verifier), Some(JwksError::ConnectionRefused));
    assert_eq!(
        verdict(&verifier, &issuer.org("org_a").token()).await,
        "accepted"
    );
    issuer.come_back().await.unwrap();
    issuer.rotate_key().unwrap();
    assert_eq!(
        verdict(&verifier, &issuer.org("org_a").token()).await,
        "accepted"
    );
    assert_eq!(verifier.status()[0].last_error, None);
}

/// Rule 142.
#[tokio::test]
async fn verifier_recovers_from_an_initial_outage() {
    let issuer = issuer().await;
    issuer.set_fault(
        Endpoint::Jwks,
        Fault::status(StatusCode::SERVICE_UNAVAILABLE),
    );
    let verifier = Verifier::builder([hurried(&issuer)]).build().unwrap();
    assert_eq!(
        verdict(&verifier, &issuer.org("org_a").token()).await,
        "keys_unavailable"
    );
    issuer.set_fault(Endpoint::Jwks, None);
    let hits = issuer.hits(Endpoint::Jwks);
    issuer.wait_for_hits(Endpoint::Jwks, hits + 1).await;
    assert_eq!(
        verdict(&verifier, &issuer.org("org_a").token()).await,
        "accepted"
    );
}

/// Rule 143.
#[tokio::test]
async fn rotated_key_is_accepted_over_http() {
    let issuer = issuer().await;
    let verifier = ready(trusted(&issuer)).await;
    issuer.rotate_key().unwrap();
    assert_eq!(
        verdict(&verifier, &issuer.org("org_a").token()).await,
        "accepted"
    );
    assert_eq!(issuer.hits(Endpoint::Jwks), 2);
}

/// Rule 144.
#[tokio::test]
async fn invented_kids_cost_two_fetches_and_spare_the_reserve() {
    let issuer = issuer().await;
    let verifier = ready(trusted(&issuer)).await;
    assert_eq!(
        verdict(&verifier, &issuer.org("org_a").token()).await,
        "accepted"
    );
    for number in 0..500 {
        let token = issuer
            .org("org_a")
            .client("stranger")
            .header("kid", format!("k{number}"))
            .token();
        assert_eq!(verdict(&verifier, &token).await, "unknown_key");
    }
    let spent = issuer.hits(Endpoint::Jwks) - 1;
    issuer.rotate_key().unwrap();
    assert_eq!(
        verdict(&verifier, &issuer.org("org_a").token()).await,
        "accepted"
    );
    // 2 at once. If the machine is so slow that 500 tokens take more than 10 s, the budget allows
    // another.
    assert!((2..=4).contains(&spent), "{spent} fetches");
}

/// Rules 147, 148.
#[tokio::test]
async fn next_key_set_drops_removed_and_replaced_keys() {
    let issuer = issuer().await;
    let verifier = ready(hurried(&issuer)).await;
    let removed = issuer.org("org_a").token();
    assert_eq!(verdict(&verifier, &removed).await, "accepted");
    let old = issuer.signing_key();
    issuer.rotate_key().unwrap();
    issuer.remove_key(old.kid()).unwrap();
    // The token of the new key causes a fetch of the new set.
    let replaced = issuer.org("org_a").token();
    assert_eq!(verdict(&verifier, &replaced).await, "accepted");
    assert_eq!(verdict(&verifier, &removed).await, "unknown_key");

    issuer.replace_key_same_kid().unwrap();
    let replacing = issuer.org("org_a").token();
    assert_eq!(verdict(&verifier, &replacing).await, "invalid_signature");
    // A token of the removed key may have used the budget.
    for number in 1..200 {
        provoke(&verifier, &issuer, number).await;
        if verdict(&verifier, &replacing).await == "accepted" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(
        (
            verdict(&verifier, &replacing).await,
            verdict(&verifier, &replaced).await
        ),
        ("accepted", "invalid_signature")
    );
}

#[tokio::test]
async fn unchanged_key_set_is_revalidated_with_etag() {
    let issuer = issuer().await;
    issuer
        .set_cache_headers(
            Endpoint::Jwks,
            &[
                ("etag", "\"v1\""),
                ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ],
        )
        .unwrap();
    let verifier = ready(hurried(&issuer)).await;
    let token = issuer.org("org_a").token();
    assert_eq!(verdict(&verifier, &token).await, "accepted");
    provoke(&verifier, &issuer, 1).await;
    let headers = issuer.last_headers(Endpoint::Jwks).unwrap();
    assert_eq!(headers["if-none-match"], "\"v1\"");
    assert_eq!(
        headers["if-modified-since"],
        "Sun, 06 Nov 1994 08:49:37 GMT"
    );
    let status = &verifier.status()[0];
    assert_eq!((&status.last_error, status.keys.len()), (&None, 1));
    assert_eq!(verdict(&verifier, &token).await, "accepted");
    // Another validator means another set.
    issuer
        .set_cache_headers(Endpoint::Jwks, &[("etag", "\"v2\"")])
        .unwrap();
    issuer.rotate_key().unwrap();
    assert_eq!(
        verdict(&verifier, &issuer.org("org_a").token()).await,
        "accepted"
    );
}

/// Rule 151.
#[tokio::test]
async fn cache_headers_set_the_key_set_lifetime() {
    for (headers, life) in [
        (&[("cache-control", "public, max-age=300")][..], 300),
        (&[("cache-control", "no-store")], 60),
        (
            &[
                ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
                ("expires", "Sun, 06 Nov 1994 08:59:37 GMT"),
            ],
            600,
        ),
        (&[], 600),
    ] {
        let issuer = issuer().await;
        issuer.set_cache_headers(Endpoint::Jwks, headers).unwrap();
        let status = &ready(hurried(&issuer)).await.status()[0];
        let held = status
            .fresh_until
            .unwrap()
            .duration_since(status.fetched_at.unwrap())
            .unwrap();
        assert_eq!(held, secs(life), "{headers:?}");
    }
}
