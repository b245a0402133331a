//! Evicted issuers: neither a request nor its next attempt is harmed by them.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::{Request, Response};
use tokio::time::Instant;
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_m2m::{Clock, Rejection, RequestExt, Verifier};

use super::harness::{Behavior, FakeIssuer, NOW, pass, secs, settle, verdict};
use super::resolver::IssuerDirectory;

fn verifier(capacity: usize) -> (Arc<IssuerDirectory>, Clock, Verifier) {
    let (directory, clock) = (Arc::new(IssuerDirectory::default()), Clock::manual(NOW));
    let asked = Arc::clone(&directory);
    let verifier = Verifier::builder([])
        .resolve_issuers_with(move |iss| Arc::clone(&asked).resolve(iss))
        .max_resolved_issuers(capacity)
        .clock(clock.clone())
        .build()
        .unwrap();
    (directory, clock, verifier)
}

/// Returns a token that is valid except for its signature.
fn forged(fake: &FakeIssuer) -> String {
    let token = fake.token();
    let (signed, _) = token.rsplit_once('.').unwrap();
    format!("{signed}.AAAA")
}

/// An issuer always needs longer than a request waits for its first keys. Its keys stay until its
/// client tries again, although forged tokens name six times as many other trusted issuers as are
/// kept.
#[tokio::test(start_paused = true)]
async fn keys_that_came_too_late_are_kept_for_the_next_attempt() {
    for (capacity, millis) in [(10, 2_000), (3, 2_900), (10, 1_100)] {
        let (directory, clock, verifier) = verifier(capacity);
        let customer = directory.add("https://customer.example");
        customer.set_behavior(Behavior::Slow(secs(1) * millis / 1_000));
        let others: Vec<_> = (0..capacity * 6)
            .map(|number| directory.add(&format!("https://other-{number}.example")))
            .collect();
        let (start, mut next_attempt, mut sent) = (Instant::now(), Instant::now(), 0_usize);
        let admitted = loop {
            if Instant::now() >= next_attempt {
                match verifier.verify(&customer.token()).await {
                    Ok(_) => break start.elapsed(),
                    Err(Rejection::KeysUnavailable { retry_after }) => {
                        next_attempt = Instant::now() + retry_after;
                    }
                    Err(other) => panic!("{other}"),
                }
            }
            assert!(start.elapsed() < secs(60), "the customer is not admitted");
            for _ in 0..5 {
                let other = &others[sent % others.len()];
                assert_ne!(verdict(&verifier, &forged(other)).await, "accepted");
                sent += 1;
            }
            pass(&clock, secs(1) / 10).await;
        };
        assert!(admitted <= secs(5), "{capacity}, {millis} ms: {admitted:?}");
        assert_eq!(customer.fetches(), 1, "{capacity}, {millis} ms");
    }
}

/// The issuer of a verified token can be evicted while the request goes through further layers.
/// They do not look the issuer up again.
#[tokio::test(start_paused = true)]
async fn issuer_of_a_verified_token_is_not_looked_up_again() {
    for is_cached in [false, true] {
        let (directory, _, verifier) = verifier(1);
        let [a, b] = ["https://a.example", "https://b.example"].map(|iss| directory.add(iss));
        let token = a.token();
        if is_cached {
            assert_eq!(verdict(&verifier, &token).await, "accepted");
        }
        let other = (verifier.clone(), b.token());
        // What runs between the two layers: another issuer replaces the first one.
        let evict = move |request: Request<Body>| {
            let (verifier, token) = other.clone();
            async move {
                assert_eq!(verdict(&verifier, &token).await, "accepted");
                Ok::<_, Infallible>(request)
            }
        };
        let layer = verifier.layer();
        let inner = service_fn(|request: Request<Body>| async move {
            let client = request.claims().unwrap().client_id().to_owned();
            Ok::<_, Infallible>(Response::new(client))
        });
        let inner = ServiceBuilder::new().layer(layer.clone()).service(inner);
        let between = service_fn(move |request| {
            let (evict, inner) = (evict.clone(), inner.clone());
            async move { inner.oneshot(evict(request).await?).await }
        });
        let outer = ServiceBuilder::new().layer(layer).service(between);
        let request = Request::get("/").header("authorization", format!("Bearer {token}"));
        let response = outer
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(
            response.status(),
            200,
            "{:?}",
            response.extensions().get::<Rejection>()
        );
        let kept: Vec<_> = verifier
            .status()
            .into_iter()
            .map(|status| status.issuer)
            .collect();
        assert_eq!(kept, ["https://b.example"]);
        assert_eq!(directory.resolutions(), 2);
    }
}

/// New settings of the application and a withdrawal hold for cached tokens at once, also while a
/// request still uses the issuer.
#[tokio::test(start_paused = true)]
async fn cached_token_does_not_outlive_the_settings_of_its_issuer() {
    for is_withdrawn in [true, false] {
        let fake = FakeIssuer::with_url("https://a.example");
        let token = fake.token();
        let first = fake.trusted();
        let next = (!is_withdrawn).then(|| fake.trusted().allow_clients(["another"]));
        let answers = Mutex::new(vec![next, Some(first)]);
        let verifier = Verifier::builder([])
            .resolve_issuers_with(move |_| {
                let answer = answers.lock().unwrap().pop().flatten();
                std::future::ready(Ok(answer))
            })
            .clock(fake.clock.clone())
            .build()
            .unwrap();
        assert_eq!(verdict(&verifier, &token).await, "accepted");
        pass(&fake.clock, secs(300)).await;
        // A request that waits at an issuer that hangs uses the issuer.
        fake.set_behavior(Behavior::Hang);
        let waiting = tokio::spawn({
            let (verifier, token) = (verifier.clone(), fake.invented("k"));
            async move { verdict(&verifier, &token).await }
        });
        settle().await;
        assert!(!waiting.is_finished());
        let expected = if is_withdrawn {
            "untrusted_issuer"
        } else {
            "client_not_allowed"
        };
        assert_eq!(verdict(&verifier, &token).await, expected);
        assert!(!waiting.is_finished());
    }
}

/// A client that sends one cached token again and again keeps its issuer: the application is asked
/// in the background.
#[tokio::test(start_paused = true)]
async fn cached_token_refreshes_its_issuer_in_the_background() {
    let (directory, clock, verifier) = verifier(10);
    let token = directory.add("https://a.example").token();
    for minute in 0..50 {
        let start = Instant::now();
        assert_eq!(
            verdict(&verifier, &token).await,
            "accepted",
            "minute {minute}"
        );
        assert!(minute == 0 || start == Instant::now());
        pass(&clock, secs(60)).await;
    }
    let resolutions = directory.resolutions();
    assert!((9..=10).contains(&resolutions), "{resolutions}");
}

/// An issuer that fails is fetched after growing pauses, also if it is evicted and resolved again
/// in between.
#[tokio::test(start_paused = true)]
async fn pauses_of_a_failing_issuer_outlast_its_eviction() {
    for behavior in [Behavior::Down, Behavior::Status(500, vec![])] {
        let (directory, clock, verifier) = verifier(1);
        let [a, b] = ["https://a.example", "https://b.example"].map(|iss| directory.add(iss));
        a.set_behavior(behavior);
        for tick in 0..1200 {
            // Every four seconds, the other issuer takes the place.
            let fake = if tick % 40 == 39 { &b } else { &a };
            assert_ne!(verdict(&verifier, &forged(fake)).await, "accepted");
            pass(&clock, secs(1) / 10).await;
        }
        // The burst, one per cooldown, and attempts with pauses of 5 s on average.
        let fetches = a.fetches();
        assert!(
            (8..=45).contains(&fetches),
            "{fetches} fetches in 2 minutes"
        );
    }
}

/// An issuer that sent `Retry-After` while it had keys is evicted. It has no keys then, so its
/// client waits as after any failed fetch without keys: 10 s at most.
#[tokio::test(start_paused = true)]
async fn retry_after_of_an_evicted_issuer_is_bounded() {
    for pause in ["400", "100"] {
        let (directory, clock, verifier) = verifier(1);
        let [a, b] = ["https://a.example", "https://b.example"].map(|iss| directory.add(iss));
        assert_eq!(verdict(&verifier, &a.token()).await, "accepted");
        a.set_behavior(Behavior::Status(
            429,
            vec![("retry-after", pause.to_owned())],
        ));
        assert_eq!(
            verdict(&verifier, &a.invented("k")).await,
            "key_unavailable"
        );
        a.set_behavior(Behavior::Good);
        // Another issuer takes its place.
        assert_ne!(verdict(&verifier, &forged(&b)).await, "accepted");
        let start = Instant::now();
        while verdict(&verifier, &a.token()).await != "accepted" {
            assert_ne!(verdict(&verifier, &forged(&b)).await, "accepted");
            pass(&clock, secs(1)).await;
            assert!(
                start.elapsed() <= secs(12),
                "{pause}: {:?}",
                start.elapsed()
            );
        }
    }
}
