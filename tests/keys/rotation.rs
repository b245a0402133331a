//! Rotation, removal and floods, in virtual time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;
use tower_m2m::jwks::FetchCause;
use tower_m2m::testing::{SigningAlgorithm, SigningKey};
use tower_m2m::{BoxError, Verifier};

use super::harness::{
    Behavior, FakeIssuer, code, fetches_by, key, pass, secs, settle, unknown_kid_fetches, verdict,
};

/// Rule 143.
#[tokio::test(start_paused = true)]
async fn rotated_key_is_accepted_at_its_first_token() {
    let fake = FakeIssuer::new();
    let verifier = fake.verifier();
    settle().await;
    assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
    fake.set_behavior(Behavior::Slow(secs(1)));
    fake.issuer.rotate_key().unwrap();
    let token: Arc<str> = fake.token().into();
    let requests: Vec<_> = (0..100)
        .map(|_| {
            let (verifier, token) = (verifier.clone(), Arc::clone(&token));
            tokio::spawn(async move { verdict(&verifier, &token).await })
        })
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), "accepted");
    }
    assert_eq!(
        (fake.fetches(), unknown_kid_fetches(&verifier)),
        (2, 1),
        "one fetch that all share"
    );
}

/// Rule 143.
///
/// The issuer may have sent the response of the current fetch before the key was published.
#[tokio::test(start_paused = true)]
async fn rotated_key_is_found_during_a_scheduled_fetch() {
    let fake = FakeIssuer::new();
    let begun = Arc::new(AtomicU64::new(0));
    let trusted = fake.trusted().fetch_with({
        let (fake, begun) = (Arc::clone(&fake), Arc::clone(&begun));
        move |_| {
            begun.fetch_add(1, Ordering::SeqCst);
            // The issuer chooses the response at once and sends it a second later.
            let said = fake.issuer.jwks();
            async move {
                tokio::time::sleep(secs(1)).await;
                Ok::<_, BoxError>(http::Response::new(said.into_bytes()))
            }
        }
    });
    let verifier = Verifier::builder([trusted])
        .clock(fake.clock.clone())
        .build_ready()
        .await
        .unwrap();
    while begun.load(Ordering::SeqCst) < 2 {
        pass(&fake.clock, secs(1) / 2).await;
    }
    fake.issuer.rotate_key().unwrap();
    assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
    assert_eq!(
        (begun.load(Ordering::SeqCst), unknown_kid_fetches(&verifier)),
        (3, 1)
    );
}

/// Rule 144.
#[tokio::test(start_paused = true)]
async fn flood_of_invented_kids_stays_within_the_budget() {
    let fake = FakeIssuer::new();
    let verifier = fake.verifier();
    settle().await;
    assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
    // 60 s of flood. Each token has another `kid`.
    for number in 0..6_000 {
        assert_eq!(
            verdict(&verifier, &fake.invented(&format!("invented-{number}"))).await,
            "unknown_key"
        );
        pass(&fake.clock, secs(1) / 100).await;
    }
    let spent = unknown_kid_fetches(&verifier);
    assert!((6..=7).contains(&spent), "{spent} fetches");
    // The reserved fetch of known clients.
    fake.issuer.rotate_key().unwrap();
    assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
    assert!(unknown_kid_fetches(&verifier) <= 8);
    assert_eq!(fetches_by(&verifier, FetchCause::Refresh), 0);
}

/// Rule 144.
///
/// The client ID of a token is not verified. So an attacker with the ID of a known client can use
/// the budget in its name. Then a rotation of this client's key waits for the next fetch that the
/// budget allows.
#[tokio::test(start_paused = true)]
async fn flood_with_known_client_id_delays_rotation_by_one_cooldown() {
    let fake = FakeIssuer::new();
    let verifier = fake.verifier();
    settle().await;
    assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
    let mut number = 0;
    let mut flood = async || {
        for _ in 0..20 {
            number += 1;
            let invented = fake
                .issuer
                .org("org_a")
                .header("kid", format!("invented-{number}"))
                .token();
            assert_ne!(verdict(&verifier, &invented).await, "accepted");
        }
    };
    flood().await;
    assert_eq!(
        unknown_kid_fetches(&verifier),
        2,
        "the reserve is for other clients"
    );
    fake.issuer.rotate_key().unwrap();
    let (token, rotated) = (fake.token(), Instant::now());
    assert_eq!(verdict(&verifier, &token).await, "key_unavailable");
    while verdict(&verifier, &token).await != "accepted" {
        flood().await;
        pass(&fake.clock, secs(1)).await;
    }
    assert!(rotated.elapsed() <= secs(10), "{:?}", rotated.elapsed());
    assert_eq!(unknown_kid_fetches(&verifier), 3);
}

#[tokio::test(start_paused = true)]
async fn request_without_budget_does_not_wait() {
    let fake = FakeIssuer::new();
    let verifier = fake.verifier();
    settle().await;
    for number in 0..2 {
        verdict(&verifier, &fake.invented(&format!("k{number}"))).await;
    }
    let before = Instant::now();
    assert_eq!(
        verdict(&verifier, &fake.invented("over")).await,
        "unknown_key"
    );
    assert_eq!(before, Instant::now());
}

#[tokio::test(start_paused = true)]
async fn missing_kid_is_not_fetched_again_until_key_set_changes() {
    let fake = FakeIssuer::new();
    let verifier = fake.verifier();
    settle().await;
    let next = key();
    let token = fake.issuer.org("org_a").signed_with(&next).token();
    for _ in 0..100 {
        assert_eq!(verdict(&verifier, &token).await, "unknown_key");
    }
    assert_eq!(unknown_kid_fetches(&verifier), 1);
    // Another fetch returns a changed set, so this key is looked up again.
    fake.issuer.publish_key(next);
    fake.issuer.rotate_key().unwrap();
    assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
    assert_eq!(verdict(&verifier, &token).await, "accepted");
    assert_eq!(unknown_kid_fetches(&verifier), 2);
}

/// The same bytes are the same set, so missing keys stay cached.
#[tokio::test(start_paused = true)]
async fn equal_bytes_keep_the_generation() {
    let fake = FakeIssuer::new();
    let verifier = fake.verifier();
    settle().await;
    for kid in ["first", "second"] {
        assert_eq!(verdict(&verifier, &fake.invented(kid)).await, "unknown_key");
    }
    assert_eq!(unknown_kid_fetches(&verifier), 2);
    // After the first cooldown the set is fetched again, and then the key is cached as missing for
    // twice as long.
    for _ in 0..2 {
        pass(&fake.clock, secs(10)).await;
        assert_eq!(
            verdict(&verifier, &fake.invented("first")).await,
            "unknown_key"
        );
        assert_eq!(unknown_kid_fetches(&verifier), 3);
    }
}

/// If a fetch fails, or if the request does not wait until its end, no key is cached as missing.
#[tokio::test(start_paused = true)]
async fn failed_fetch_does_not_cache_a_kid_as_missing() {
    for bad in [
        Behavior::Down,
        Behavior::Hang,
        Behavior::Body(b"{\"keys\":[]}".to_vec()),
    ] {
        let fake = FakeIssuer::new();
        let verifier = fake.verifier();
        settle().await;
        fake.issuer.rotate_key().unwrap();
        fake.set_behavior(bad.clone());
        let token = fake.token();
        assert_eq!(
            verdict(&verifier, &token).await,
            "key_unavailable",
            "{bad:?}"
        );
        // The fetch and the request time out at the same time.
        settle().await;
        fake.set_behavior(Behavior::Good);
        assert_eq!(verdict(&verifier, &token).await, "accepted", "{bad:?}");
    }
}

/// If unknown clients take all of their places, another one is rejected at once, and no key is
/// cached as missing because of that.
#[tokio::test(start_paused = true)]
async fn full_waiting_places_do_not_cache_a_kid_as_missing() {
    let fake = FakeIssuer::new();
    let verifier = fake.verifier();
    settle().await;
    fake.set_behavior(Behavior::Slow(secs(2)));
    let others: Vec<_> = (0..256)
        .map(|number| {
            let invented = fake.issuer.org("org_a").client(format!("client-{number}"));
            let token = invented.header("kid", format!("k{number}")).token();
            let verifier = verifier.clone();
            tokio::spawn(async move { verdict(&verifier, &token).await })
        })
        .collect();
    settle().await;
    fake.issuer.rotate_key().unwrap();
    let token = fake.token();
    let start = Instant::now();
    assert_eq!(verdict(&verifier, &token).await, "unknown_key");
    assert_eq!(start, Instant::now(), "the 257th client does not wait");
    for other in others {
        assert_eq!(other.await.unwrap(), "unknown_key");
    }
    assert_eq!(verdict(&verifier, &token).await, "accepted");
}

/// Rule 147.
#[tokio::test(start_paused = true)]
async fn removed_key_is_rejected_within_key_set_lifetime() {
    let fake = FakeIssuer::new();
    let verifier = fake.verifier();
    settle().await;
    let token = fake.token();
    assert_eq!(verdict(&verifier, &token).await, "accepted");
    let old = fake.issuer.signing_key();
    fake.issuer.rotate_key().unwrap();
    fake.issuer.remove_key(old.kid()).unwrap();
    pass(&fake.clock, secs(511)).await;
    assert_eq!(verdict(&verifier, &token).await, "unknown_key");
}

/// Rule 148.
#[tokio::test(start_paused = true)]
async fn replaced_key_with_same_kid_takes_effect_at_refresh() {
    let fake = FakeIssuer::new();
    let verifier = fake.verifier();
    settle().await;
    let old = fake.token();
    assert_eq!(verdict(&verifier, &old).await, "accepted");
    fake.issuer.replace_key_same_kid().unwrap();
    let new = fake.token();
    // An invalid signature does not cause a fetch.
    for _ in 0..50 {
        assert_eq!(verdict(&verifier, &new).await, "invalid_signature");
    }
    assert_eq!(fake.fetches(), 1);
    pass(&fake.clock, secs(511)).await;
    assert_eq!(
        (
            verdict(&verifier, &new).await,
            verdict(&verifier, &old).await
        ),
        ("accepted", "invalid_signature")
    );
    assert_eq!(fake.fetches(), 2);
}

/// Rule 149.
#[tokio::test(start_paused = true)]
async fn one_unusable_key_in_ten_is_ignored_without_a_fetch() {
    let fake = FakeIssuer::new();
    for _ in 0..8 {
        fake.issuer.publish_next_key().unwrap();
    }
    let mut set: serde_json::Value = serde_json::from_str(&fake.issuer.jwks()).unwrap();
    let weak =
        serde_json::json!({"kty": "RSA", "kid": "weak", "n": "AQAB", "e": "AQAB", "alg": "RS256"});
    set["keys"].as_array_mut().unwrap().insert(4, weak);
    fake.set_behavior(Behavior::Body(set.to_string().into_bytes()));
    let verifier = fake.verifier();
    settle().await;
    let status = &verifier.status()[0];
    assert_eq!(
        (
            status.keys.len(),
            status.unusable_keys.len(),
            status.unusable_keys[0].kid.as_deref()
        ),
        (9, 1, Some("weak"))
    );
    assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
    assert_eq!(
        verdict(&verifier, &fake.invented("weak")).await,
        "unknown_key"
    );
    assert_eq!(
        fake.fetches(),
        1,
        "a key that is known and left out is not fetched again"
    );
}

/// Rule 150.
#[tokio::test(start_paused = true)]
async fn canceled_request_does_not_cancel_shared_fetch() {
    let fake = FakeIssuer::new();
    let verifier = fake.verifier();
    settle().await;
    fake.set_behavior(Behavior::Slow(secs(2)));
    fake.issuer.rotate_key().unwrap();
    let token = fake.token();
    let first = tokio::spawn({
        let (verifier, token) = (verifier.clone(), token.clone());
        async move { verdict(&verifier, &token).await }
    });
    pass(&fake.clock, secs(1)).await;
    first.abort();
    assert_eq!(verdict(&verifier, &token).await, "accepted");
    assert_eq!((fake.fetches(), fake.most_in_flight()), (2, 1));
}

/// Rule 51.
#[tokio::test(start_paused = true)]
async fn algorithm_selects_between_keys_with_same_kid() {
    let fake = FakeIssuer::new();
    let ed = key().with_kid("same");
    let es = SigningKey::generate(SigningAlgorithm::Es256)
        .unwrap()
        .with_kid("same");
    fake.issuer.publish_key(ed.clone());
    publish_also(&fake, &[&es]);
    let verifier = fake.verifier();
    settle().await;
    for key in [&ed, &es] {
        let token = fake.issuer.org("org_a").signed_with(key).token();
        assert_eq!(verdict(&verifier, &token).await, "accepted");
    }
    assert_eq!(fake.fetches(), 1);
}

/// Publishes the issuer's keys and others.
fn publish_also(fake: &FakeIssuer, others: &[&SigningKey]) {
    let mut set: serde_json::Value = serde_json::from_str(&fake.issuer.jwks()).unwrap();
    let keys = set["keys"].as_array_mut().unwrap();
    keys.extend(others.iter().map(|key| key.public_jwk()));
    fake.set_behavior(Behavior::Body(set.to_string().into_bytes()));
}

/// Rule 54.
#[tokio::test(start_paused = true)]
async fn kid_of_one_issuer_does_not_verify_tokens_of_another() {
    let (a, b) = (
        FakeIssuer::with_url("https://a.example"),
        FakeIssuer::with_url("https://b.example"),
    );
    let verifier = Verifier::builder([a.trusted(), b.trusted()])
        .clock(a.clock.clone())
        .build_ready()
        .await
        .unwrap();
    let foreign = a
        .issuer
        .org("org_a")
        .claim("iss", "https://b.example")
        .token();
    assert_eq!(verdict(&verifier, &foreign).await, "unknown_key");
    // A `kid` that both have makes no difference.
    let same_kid = b.issuer.signing_key();
    let forged = a
        .issuer
        .org("org_a")
        .claim("iss", "https://b.example")
        .header("kid", same_kid.kid())
        .token();
    assert_eq!(verdict(&verifier, &forged).await, "invalid_signature");
    assert_eq!(code(&verifier.verify(&b.token()).await), "accepted");
}
