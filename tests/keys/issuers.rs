//! Several issuers in one verifier are independent.

use tokio::time::Instant;
use tower_m2m::{Algorithm, Readiness, Verifier};

use super::harness::{Behavior, FakeIssuer, pass, secs, settle, verdict};

#[test]
fn duplicate_issuers_are_a_configuration_error() {
    let twice = [FakeIssuer::new().trusted(), FakeIssuer::new().trusted()];
    let error = Verifier::builder(twice).build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "issuer: is set twice: one issuer has one configuration"
    );
    // A final slash makes another issuer.
    let others = [
        FakeIssuer::new().trusted(),
        FakeIssuer::with_url("https://issuer.example/").trusted(),
    ];
    assert!(Verifier::builder(others).build().is_ok());
    assert_eq!(
        Verifier::builder([]).build().unwrap_err().setting(),
        "issuer"
    );
}

/// Rule 145.
#[tokio::test(start_paused = true)]
async fn kid_flood_at_one_issuer_does_not_delay_another() {
    let (a, b) = (
        FakeIssuer::with_url("https://a.example"),
        FakeIssuer::with_url("https://b.example"),
    );
    let verifier = Verifier::builder([a.trusted(), b.trusted()])
        .clock(a.clock.clone())
        .build_ready()
        .await
        .unwrap();
    assert_eq!(
        verifier.issuers().collect::<Vec<_>>(),
        ["https://a.example", "https://b.example"]
    );
    for number in 0..100 {
        assert_eq!(
            verdict(&verifier, &a.invented(&format!("k{number}"))).await,
            "unknown_key"
        );
    }
    assert_eq!(a.fetches(), 3);
    b.issuer.rotate_key().unwrap();
    assert_eq!(verdict(&verifier, &b.token()).await, "accepted");
    assert_eq!(b.fetches(), 2);
}

/// If there are several issuers, a key is fetched once and counts as missing only for its own
/// issuer.
#[tokio::test(start_paused = true)]
async fn kid_missing_at_one_issuer_is_fetched_from_another() {
    let (a, b) = (
        FakeIssuer::with_url("https://a.example"),
        FakeIssuer::with_url("https://b.example"),
    );
    let verifier = Verifier::builder([a.trusted(), b.trusted()])
        .clock(a.clock.clone())
        .build_ready()
        .await
        .unwrap();
    b.issuer.rotate_key().unwrap();
    let kid = b.issuer.signing_key().kid().to_owned();
    for _ in 0..2 {
        assert_eq!(verdict(&verifier, &a.invented(&kid)).await, "unknown_key");
    }
    assert_eq!(verdict(&verifier, &b.token()).await, "accepted");
    assert_eq!((a.fetches(), b.fetches()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn outage_of_one_issuer_does_not_affect_another() {
    let (a, b) = (
        FakeIssuer::with_url("https://a.example"),
        FakeIssuer::with_url("https://b.example"),
    );
    a.set_behavior(Behavior::Hang);
    let verifier = Verifier::builder([a.trusted(), b.trusted()])
        .clock(a.clock.clone())
        .build()
        .unwrap();
    settle().await;
    let before = Instant::now();
    assert_eq!(verdict(&verifier, &b.token()).await, "accepted");
    assert_eq!(before, Instant::now());
    assert_eq!(verdict(&verifier, &a.token()).await, "keys_unavailable");
    assert!(!verifier.is_ready());
    a.set_behavior(Behavior::Down);
    pass(&a.clock, secs(3600)).await;
    assert_eq!(verdict(&verifier, &b.token()).await, "accepted");
    let ready: Vec<bool> = verifier
        .status()
        .iter()
        .map(tower_m2m::jwks::IssuerStatus::is_ready)
        .collect();
    assert_eq!(ready, [false, true]);
}

#[tokio::test(start_paused = true)]
async fn each_issuer_has_its_own_algorithms_and_audience() {
    let (a, b) = (
        FakeIssuer::with_url("https://a.example"),
        FakeIssuer::with_url("https://b.example"),
    );
    let rsa_only = a.trusted().algorithms([Algorithm::RS256]);
    let other = Verifier::issuer("https://b.example")
        .audience("https://other.example")
        .algorithms([Algorithm::EdDSA]);
    let other = other.jwk_set(b.issuer.jwks());
    let verifier = Verifier::builder([rsa_only, other])
        .clock(a.clock.clone())
        .build()
        .unwrap();
    settle().await;
    assert_eq!(
        verdict(&verifier, &a.token()).await,
        "algorithm_not_allowed"
    );
    assert_eq!(verdict(&verifier, &b.token()).await, "invalid_audience");
    assert_eq!(
        verdict(
            &verifier,
            &b.issuer
                .org("org_a")
                .audience("https://other.example")
                .token()
        )
        .await,
        "accepted"
    );
}

#[tokio::test(start_paused = true)]
async fn unknown_issuer_causes_no_fetch_and_no_wait() {
    let fake = FakeIssuer::new();
    let verifier = fake.verifier();
    settle().await;
    let before = Instant::now();
    for iss in [
        "https://evil.example",
        "https://issuer.example/",
        "https://ISSUER.example",
        "",
        "http://169.254.169.254/",
    ] {
        assert_eq!(
            verdict(
                &verifier,
                &fake.issuer.org("org_a").claim("iss", iss).token()
            )
            .await,
            "untrusted_issuer",
            "{iss}"
        );
    }
    assert_eq!((fake.fetches(), before), (1, Instant::now()));
}

#[tokio::test(start_paused = true)]
async fn readiness_any_ignores_the_outage_of_one_issuer() {
    for down in [0, 1] {
        let fakes = ["https://a.example", "https://b.example"].map(FakeIssuer::with_url);
        fakes[down].set_behavior(Behavior::Down);
        let builder = |readiness| {
            let issuers = [&fakes[0], &fakes[1]].map(FakeIssuer::trusted);
            Verifier::builder(issuers)
                .clock(fakes[0].clock.clone())
                .readiness(readiness)
        };
        let error = builder(Readiness::All).build_ready().await.unwrap_err();
        assert!(error.to_string().contains(fakes[down].issuer.url()));

        let verifier = builder(Readiness::Any).build_ready().await.unwrap();
        assert!(verifier.is_ready());
        for (number, fake) in fakes.iter().enumerate() {
            let (is_up, url) = (number != down, fake.issuer.url());
            assert_eq!(verifier.is_ready_for(url), is_up, "{url}");
            let expected = ["keys_unavailable", "accepted"][usize::from(is_up)];
            assert_eq!(verdict(&verifier, &fake.token()).await, expected, "{url}");
        }
        assert!(!verifier.is_ready_for("https://c.example"));
        let all = builder(Readiness::All).build().unwrap();
        settle().await;
        assert!(!all.is_ready());
    }
}

#[tokio::test(start_paused = true)]
async fn readiness_any_requires_one_issuer_and_waits_for_all() {
    let fakes = ["https://a.example", "https://b.example"].map(FakeIssuer::with_url);
    let builder = || {
        Verifier::builder([&fakes[0], &fakes[1]].map(FakeIssuer::trusted))
            .clock(fakes[0].clock.clone())
            .readiness(Readiness::Any)
    };
    fakes[1].set_behavior(Behavior::Slow(secs(1)));
    let before = Instant::now();
    let verifier = builder().build_ready().await.unwrap();
    assert_eq!(before.elapsed(), secs(1));
    assert!(verifier.is_ready_for("https://b.example"));

    // The first one loses its keys at the stale limit, the second one later.
    fakes[0].set_behavior(Behavior::Down);
    pass(&fakes[0].clock, secs(4200)).await;
    assert!(verifier.is_ready() && !verifier.is_ready_for("https://a.example"));
    fakes[1].set_behavior(Behavior::Down);
    pass(&fakes[0].clock, secs(4200)).await;
    assert!(!verifier.is_ready());
    let error = builder().build_ready().await.unwrap_err();
    assert!(error.to_string().contains("https://a.example"), "{error}");

    // If no issuer is listed, there is none to wait for.
    let resolving = Verifier::builder([])
        .resolve_issuers_with(|_| std::future::ready(Ok(None)))
        .readiness(Readiness::Any);
    assert!(resolving.build_ready().await.unwrap().is_ready());
}
