//! Tokens without `kid`, in virtual time.

use std::sync::Arc;

use tokio::time::Instant;
use tower_m2m::testing::{SigningAlgorithm, SigningKey};
use tower_m2m::{Issuer, Profile, Verifier};

use super::harness::{Behavior, FakeIssuer, key, pass, secs, settle, unknown_kid_fetches, verdict};

fn trusted(fake: &Arc<FakeIssuer>) -> Issuer {
    fake.trusted().profile(Profile::GENERIC)
}

fn verifier(fake: &Arc<FakeIssuer>, issuer: Issuer) -> Verifier {
    let builder = Verifier::builder([issuer]).clock(fake.clock.clone());
    builder.build().unwrap()
}

fn unnamed(fake: &FakeIssuer, client: &str) -> String {
    let token = fake.issuer.org("org_a").client(client);
    token.without_header("kid").token()
}

fn forged(fake: &FakeIssuer, client: &str, key: &SigningKey) -> String {
    let token = fake.issuer.org("org_a").client(client).signed_with(key);
    token.without_header("kid").token()
}

#[tokio::test(start_paused = true)]
async fn kinde_and_require_kid_reject_tokens_without_kid() {
    let fake = FakeIssuer::new();
    for (issuer, expected) in [
        (fake.trusted(), "missing_kid"),
        (trusted(&fake).require_kid(), "missing_kid"),
        // The order of setters makes no difference.
        (
            fake.trusted().require_kid().profile(Profile::GENERIC),
            "missing_kid",
        ),
        (trusted(&fake), "accepted"),
    ] {
        let verifier = verifier(&fake, issuer);
        settle().await;
        let fetches = fake.fetches();
        assert_eq!(verdict(&verifier, &unnamed(&fake, "c")).await, expected);
        assert_eq!(fake.fetches(), fetches);
    }
}

/// After a rotation of a set with one key, the first token is accepted.
#[tokio::test(start_paused = true)]
async fn rotated_key_is_accepted_at_its_first_token_without_kid() {
    for algorithm in [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256] {
        let fake = FakeIssuer::new();
        let verifier = verifier(&fake, trusted(&fake));
        settle().await;
        assert_eq!(verdict(&verifier, &unnamed(&fake, "c")).await, "accepted");
        pass(&fake.clock, secs(6)).await;
        let next = SigningKey::generate(algorithm).unwrap();
        let jwks = serde_json::json!({ "keys": [next.public_jwk()] });
        fake.set_behavior(Behavior::Body(jwks.to_string().into_bytes()));
        assert_eq!(
            verdict(&verifier, &forged(&fake, "c", &next)).await,
            "accepted"
        );
        assert_eq!(unknown_kid_fetches(&verifier), 1);
    }
}

/// A recent successful fetch speaks for such a token: 5 s, and one cooldown after a fetch for one.
#[tokio::test(start_paused = true)]
async fn token_without_kid_causes_no_fetch_soon_after_another() {
    let fake = FakeIssuer::new();
    let verifier = verifier(&fake, trusted(&fake));
    settle().await;
    let stranger = key();
    let mut fetches = Vec::new();
    for second in 0..=40 {
        let start = Instant::now();
        let previous = unknown_kid_fetches(&verifier);
        let token = forged(&fake, "stranger", &stranger);
        assert_eq!(verdict(&verifier, &token).await, "unknown_key");
        assert_eq!(start, Instant::now());
        if unknown_kid_fetches(&verifier) > previous {
            fetches.push(second);
        }
        pass(&fake.clock, secs(1)).await;
    }
    assert_eq!(fetches, [5, 15, 25, 35]);
}

#[tokio::test(start_paused = true)]
async fn flood_without_kid_stays_within_its_bounds() {
    let fake = FakeIssuer::new();
    let verifier = verifier(&fake, trusted(&fake));
    settle().await;
    assert_eq!(
        verdict(&verifier, &unnamed(&fake, "known")).await,
        "accepted"
    );
    fake.set_behavior(Behavior::Slow(secs(1) / 10));
    let stranger = key();
    let (start, mut waited) = (Instant::now(), 0);
    for number in 0..10_000 {
        let token = forged(&fake, &format!("c{}", number % 50), &stranger);
        let before = Instant::now();
        assert_eq!(verdict(&verifier, &token).await, "unknown_key");
        waited += u32::from(before != Instant::now());
        if number % 100 == 0 {
            pass(&fake.clock, secs(1)).await;
        }
    }
    let cooldowns = start.elapsed().as_secs() / 10;
    let fetches = unknown_kid_fetches(&verifier);
    assert!(fetches <= cooldowns + 1, "{fetches} fetches");
    assert!(u64::from(waited) <= fetches, "{waited} requests waited");
    // A known client's rotated key is still found at once.
    fake.issuer.rotate_key().unwrap();
    pass(&fake.clock, secs(6)).await;
    assert_eq!(
        verdict(&verifier, &unnamed(&fake, "known")).await,
        "accepted"
    );
    println!("10,000 forged tokens without kid: {fetches} fetches, {waited} requests waited");
}

/// The responses of an unknown `kid` in every other respect.
#[tokio::test(start_paused = true)]
async fn token_without_kid_gets_503_while_fetches_fail() {
    let fake = FakeIssuer::new();
    let verifier = verifier(&fake, trusted(&fake));
    settle().await;
    pass(&fake.clock, secs(6)).await;
    for behavior in [Behavior::Hang, Behavior::Down] {
        fake.set_behavior(behavior);
        let token = forged(&fake, "stranger", &key());
        let start = Instant::now();
        assert_eq!(verdict(&verifier, &token).await, "key_unavailable");
        assert!(start.elapsed() <= secs(3));
        settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn number_of_keys_for_tokens_without_kid_is_a_setting() {
    let fake = FakeIssuer::new();
    let keys: Vec<_> = (0..20).map(|_| key()).collect();
    let jwks: Vec<_> = keys.iter().map(SigningKey::public_jwk).collect();
    let jwks = serde_json::json!({ "keys": jwks }).to_string();
    fake.set_behavior(Behavior::Body(jwks.into_bytes()));
    for (max, at, expected) in [
        (None, 15, "accepted"),
        (None, 16, "unknown_key"),
        (Some(1), 0, "accepted"),
        (Some(1), 1, "unknown_key"),
        (Some(20), 19, "accepted"),
    ] {
        let issuer = max
            .into_iter()
            .fold(trusted(&fake), Issuer::max_keys_without_kid);
        let verifier = verifier(&fake, issuer);
        settle().await;
        let token = forged(&fake, "c", &keys[at]);
        assert_eq!(verdict(&verifier, &token).await, expected, "{max:?} {at}");
    }
    for max in [0, 65] {
        let error = Verifier::builder([trusted(&fake).max_keys_without_kid(max)]).build();
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("max_keys_without_kid")
        );
    }
}
