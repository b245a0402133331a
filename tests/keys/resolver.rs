//! Issuers that are resolved at run time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use tower_m2m::{
    BoxError, Clock, Denylist, DenylistEntry, DenylistError, EntryExpiry, Issuer, Verifier,
};

use super::harness::{Behavior, FakeIssuer, NOW, pass, secs, settle, verdict};

/// The application's own directory of issuers. Tests change it.
#[derive(Default)]
pub(crate) struct IssuerDirectory {
    issuers: Mutex<HashMap<String, Arc<FakeIssuer>>>,
    resolutions: AtomicU64,
    behavior: Mutex<ResolverBehavior>,
}

#[derive(Clone, Copy, Default)]
enum ResolverBehavior {
    #[default]
    Good,
    Slow(Duration),
    Fails,
    Panics,
    WrongIssuer,
    InvalidSettings,
}

impl IssuerDirectory {
    pub(crate) fn add(&self, iss: &str) -> Arc<FakeIssuer> {
        let fake = FakeIssuer::with_url(iss);
        self.issuers
            .lock()
            .unwrap()
            .insert(iss.to_owned(), Arc::clone(&fake));
        fake
    }

    pub(crate) fn resolutions(&self) -> u64 {
        self.resolutions.load(Ordering::SeqCst)
    }

    fn set_behavior(&self, behavior: ResolverBehavior) {
        *self.behavior.lock().unwrap() = behavior;
    }

    pub(crate) async fn resolve(self: Arc<Self>, iss: String) -> Result<Option<Issuer>, BoxError> {
        self.resolutions.fetch_add(1, Ordering::SeqCst);
        let behavior = *self.behavior.lock().unwrap();
        let fake = self.issuers.lock().unwrap().get(&iss).cloned();
        match behavior {
            ResolverBehavior::Good => {}
            ResolverBehavior::Slow(pause) => tokio::time::sleep(pause).await,
            ResolverBehavior::Fails => return Err("the database is down".into()),
            ResolverBehavior::Panics => panic!("the resolver panics"),
            ResolverBehavior::WrongIssuer => {
                return Ok(Some(
                    FakeIssuer::with_url("https://another.example").trusted(),
                ));
            }
            ResolverBehavior::InvalidSettings => {
                return Ok(fake.map(|fake| fake.trusted().leeway(secs(100_000))));
            }
        }
        Ok(fake.map(|fake| fake.trusted()))
    }

    fn verifier(self: &Arc<Self>, clock: &Clock) -> Verifier {
        let directory = Arc::clone(self);
        Verifier::builder([])
            .resolve_issuers_with(move |iss| Arc::clone(&directory).resolve(iss))
            .max_resolved_issuers(10)
            .clock(clock.clone())
            .build()
            .unwrap()
    }
}

fn directory() -> (Arc<IssuerDirectory>, Clock, Verifier) {
    let (directory, clock) = (Arc::new(IssuerDirectory::default()), Clock::manual(NOW));
    let verifier = directory.verifier(&clock);
    (directory, clock, verifier)
}

#[tokio::test(start_paused = true)]
async fn issuer_is_resolved_once_and_trusted_at_first_token() {
    let (directory, _, verifier) = directory();
    directory.set_behavior(ResolverBehavior::Slow(secs(1)));
    let fake = directory.add("https://a.example");
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
    let before = Instant::now();
    assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
    assert_eq!(
        (directory.resolutions(), fake.fetches(), before),
        (1, 1, Instant::now())
    );
    assert_eq!(verifier.status()[0].issuer, "https://a.example");
    assert!(
        verifier.is_ready(),
        "resolved issuers do not decide about readiness"
    );
}

#[tokio::test(start_paused = true)]
async fn untrusted_issuer_is_resolved_once_per_30_seconds() {
    let (directory, clock, verifier) = directory();
    let stranger = FakeIssuer::with_url("https://evil.example");
    for _ in 0..100 {
        assert_eq!(
            verdict(&verifier, &stranger.token()).await,
            "untrusted_issuer"
        );
        pass(&clock, secs(29) / 100).await;
    }
    assert_eq!((directory.resolutions(), stranger.fetches()), (1, 0));
    pass(&clock, secs(2)).await;
    assert_eq!(
        verdict(&verifier, &stranger.token()).await,
        "untrusted_issuer"
    );
    assert_eq!(directory.resolutions(), 2);
}

/// Forged tokens of trusted issuers do not evict issuers that have callers.
#[tokio::test(start_paused = true)]
async fn forged_tokens_do_not_evict_an_active_issuer() {
    let (directory, clock, verifier) = directory();
    let hot = directory.add("https://hot.example");
    assert_eq!(verdict(&verifier, &hot.token()).await, "accepted");
    pass(&clock, secs(1)).await;
    for number in 0..25 {
        let other = directory.add(&format!("https://other-{number}.example"));
        let token = other.token();
        let (signed, _) = token.rsplit_once('.').unwrap();
        assert_ne!(
            verdict(&verifier, &format!("{signed}.AAAA")).await,
            "accepted"
        );
    }
    let asked = directory.resolutions();
    assert_eq!(verdict(&verifier, &hot.token()).await, "accepted");
    assert_eq!((directory.resolutions(), hot.fetches()), (asked, 1));
}

#[tokio::test(start_paused = true)]
async fn invalid_issuer_url_is_not_resolved() {
    let (directory, _, verifier) = directory();
    let long = format!("https://{}.example", "a".repeat(600));
    for iss in [
        "",
        "evil",
        "http://evil.example",
        "https://evil.example?a",
        "https://u@evil.example",
        "file:///etc/passwd",
        &long,
    ] {
        assert_eq!(
            verdict(&verifier, &FakeIssuer::with_url(iss).token()).await,
            "untrusted_issuer",
            "{iss}"
        );
    }
    assert_eq!(directory.resolutions(), 0);
    for (length, asked) in [(513, 0), (512, 1)] {
        let iss = format!(
            "https://{}.example",
            "a".repeat(length - "https://.example".len())
        );
        assert_eq!(
            verdict(&verifier, &FakeIssuer::with_url(&iss).token()).await,
            "untrusted_issuer"
        );
        assert_eq!(directory.resolutions(), asked, "{length} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn failing_resolver_fails_closed_and_recovers() {
    for behavior in [
        ResolverBehavior::Fails,
        ResolverBehavior::Panics,
        ResolverBehavior::WrongIssuer,
        ResolverBehavior::InvalidSettings,
        ResolverBehavior::Slow(secs(4)),
    ] {
        let (directory, clock, verifier) = directory();
        let fake = directory.add("https://a.example");
        directory.set_behavior(behavior);
        assert_eq!(verdict(&verifier, &fake.token()).await, "keys_unavailable");
        // The next token does not call the resolver again.
        assert_eq!(verdict(&verifier, &fake.token()).await, "keys_unavailable");
        assert_eq!((directory.resolutions(), fake.fetches()), (1, 0));
        directory.set_behavior(ResolverBehavior::Good);
        pass(&clock, secs(1)).await;
        assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
    }
}

#[tokio::test(start_paused = true)]
async fn canceled_request_does_not_cancel_shared_resolution() {
    let (directory, clock, verifier) = directory();
    let fake = directory.add("https://a.example");
    directory.set_behavior(ResolverBehavior::Slow(secs(2)));
    let first = tokio::spawn({
        let (verifier, token) = (verifier.clone(), fake.token());
        async move { verdict(&verifier, &token).await }
    });
    pass(&clock, secs(1)).await;
    first.abort();
    assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
    assert_eq!(directory.resolutions(), 1);
}

#[tokio::test(start_paused = true)]
async fn active_issuer_is_refreshed_in_background_with_its_keys() {
    let (directory, clock, verifier) = directory();
    let fake = directory.add("https://a.example");
    let token = fake.token();
    assert_eq!(verdict(&verifier, &token).await, "accepted");
    // An outage of the issuer has no effect if the application confirms it: the current keys stay.
    fake.set_behavior(Behavior::Down);
    for _ in 0..30 {
        pass(&clock, secs(60)).await;
        let before = Instant::now();
        assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
        assert_eq!(verdict(&verifier, &token).await, "accepted");
        assert_eq!(before, Instant::now());
    }
    assert!(
        (5..=7).contains(&directory.resolutions()),
        "{} questions",
        directory.resolutions()
    );
    // The stale limit still applies: 600 s of lifetime, and an hour.
    pass(&clock, secs(2400)).await;
    assert_eq!(verdict(&verifier, &token).await, "keys_unavailable");
}

#[tokio::test(start_paused = true)]
async fn withdrawn_issuer_is_rejected_within_ten_minutes() {
    let (directory, clock, verifier) = directory();
    let fake = directory.add("https://a.example");
    let token = fake.token();
    assert_eq!(verdict(&verifier, &token).await, "accepted");
    directory.issuers.lock().unwrap().clear();
    pass(&clock, secs(599)).await;
    // A cached token does not call the resolver. Its issuer still expires.
    pass(&clock, secs(1)).await;
    assert_eq!(verdict(&verifier, &token).await, "untrusted_issuer");
    assert!(verifier.status().is_empty());
    // The background task ended with the issuer.
    let fetches = fake.fetches();
    pass(&clock, secs(3600)).await;
    assert_eq!(fake.fetches(), fetches);
}

/// A cached token waits for the resolver like any other, and is accepted if the issuer is still
/// trusted.
#[tokio::test(start_paused = true)]
async fn cached_token_waits_for_resolution_when_issuer_expires() {
    let (directory, clock, verifier) = directory();
    let token = directory.add("https://a.example").token();
    assert_eq!(verdict(&verifier, &token).await, "accepted");
    pass(&clock, secs(601)).await;
    assert_eq!(verdict(&verifier, &token).await, "accepted");
    assert_eq!(directory.resolutions(), 2);
}

/// If the application returns another URL for the keys, the old keys are no longer trusted.
#[tokio::test(start_paused = true)]
async fn keys_of_a_changed_jwks_url_are_not_inherited() {
    let (before, after) = (
        FakeIssuer::with_url("https://a.example"),
        FakeIssuer::with_url("https://a.example"),
    );
    let moved = Arc::new(AtomicBool::new(false));
    let answers = [
        before.trusted(),
        after.trusted().jwks_url("https://a.example/moved"),
    ]
    .map(|issuer| Mutex::new(Some(issuer)));
    let verifier = Verifier::builder([])
        .resolve_issuers_with({
            let moved = Arc::clone(&moved);
            move |_| {
                let answer = answers[usize::from(moved.load(Ordering::SeqCst))]
                    .lock()
                    .unwrap()
                    .take();
                std::future::ready(Ok(answer))
            }
        })
        .clock(before.clock.clone())
        .build()
        .unwrap();
    assert_eq!(verdict(&verifier, &before.token()).await, "accepted");
    moved.store(true, Ordering::SeqCst);
    pass(&before.clock, secs(300)).await;
    // The resolver runs in the background.
    assert_eq!(verdict(&verifier, &before.token()).await, "accepted");
    settle().await;
    assert_eq!(verdict(&verifier, &before.token()).await, "unknown_key");
    assert_eq!(verdict(&verifier, &after.token()).await, "accepted");
}

/// Rule 144.
///
/// Another result of the application does not add to the budget for invented keys.
#[tokio::test(start_paused = true)]
async fn new_resolution_does_not_reset_the_fetch_budget() {
    let fake = FakeIssuer::with_url("https://a.example");
    let customer = Arc::clone(&fake);
    let verifier = Verifier::builder([])
        .resolve_issuers_with(move |_| {
            std::future::ready(Ok(Some(
                customer.trusted().unknown_kid_cooldown(secs(3600)),
            )))
        })
        .clock(fake.clock.clone())
        .build()
        .unwrap();
    for round in 0..2 {
        for number in 0..9 {
            assert_eq!(
                verdict(&verifier, &fake.invented(&format!("k{round}-{number}"))).await,
                "unknown_key"
            );
        }
        assert_eq!(
            fake.fetches(),
            3,
            "the first one, and two for unknown clients"
        );
        pass(&fake.clock, secs(300)).await;
        assert_ne!(verdict(&verifier, &fake.invented("k")).await, "accepted");
        settle().await;
    }
}

/// Rule 22.
///
/// An outage, or a pause that the issuer requires, begins before another resolution and ends after
/// it.
#[tokio::test(start_paused = true)]
async fn new_resolution_does_not_end_an_outage_or_a_pause() {
    let pause = || vec![("retry-after", "280".to_owned())];
    for (behavior, is_pause) in [
        (Behavior::Status(429, pause()), true),
        (Behavior::Status(503, pause()), true),
        (Behavior::Status(500, vec![]), false),
        (Behavior::Down, false),
    ] {
        let (directory, clock, verifier) = directory();
        let fake = directory.add("https://a.example");
        let token = |client: &str| fake.issuer.org("org_a").client(client).token();
        assert_eq!(verdict(&verifier, &token("known")).await, "accepted");
        pass(&clock, secs(200)).await;
        fake.clock.advance(secs(200));
        fake.issuer.rotate_key().unwrap();
        fake.set_behavior(behavior.clone());
        let first = verdict(&verifier, &token("stranger")).await;
        assert_eq!(first, "key_unavailable");
        let fetches = fake.fetches();
        for second in 0..278 {
            pass(&clock, secs(1)).await;
            fake.clock.advance(secs(1));
            let outcome = verdict(&verifier, &token("stranger")).await;
            assert_eq!(outcome, "key_unavailable", "{behavior:?} after {second} s");
        }
        assert_eq!(directory.resolutions(), 2);
        assert_eq!(fake.fetches() == fetches, is_pause, "{behavior:?}");
        assert!(verifier.status()[0].last_error.is_some());
    }
}

/// An issuer can be denied before it is resolved, but only if the verifier resolves issuers.
#[tokio::test(start_paused = true)]
async fn callers_of_resolved_issuers_can_be_denied() {
    let (listed, resolved) = (
        FakeIssuer::with_url("https://listed.example"),
        FakeIssuer::with_url("https://resolved.example"),
    );
    let caller = resolved.issuer.org("org_a").client("c1").token();
    let denied = DenylistEntry::client("https://resolved.example", "c1");
    let alone = Denylist::new();
    let _verifier = Verifier::builder([listed.trusted()])
        .denylist(alone.clone())
        .build()
        .unwrap();
    assert_eq!(
        alone.deny(denied.clone(), EntryExpiry::Never),
        Err(DenylistError::UnknownIssuer)
    );
    let denylist = Denylist::new();
    let customer = Arc::clone(&resolved);
    let verifier = Verifier::builder([listed.trusted()])
        .resolve_issuers_with(move |_| std::future::ready(Ok(Some(customer.trusted()))))
        .denylist(denylist.clone())
        .clock(listed.clock.clone())
        .build()
        .unwrap();
    assert_eq!(denylist.deny(denied.clone(), EntryExpiry::Never), Ok(()));
    assert_eq!(verdict(&verifier, &caller).await, "suspended");
    denylist.remove(&denied);
    assert_eq!(verdict(&verifier, &caller).await, "accepted");
}

/// Resolutions that ended with their runtime do not use up places.
#[test]
fn resolutions_of_a_dropped_runtime_release_their_slots() {
    let (directory, _, verifier) = directory();
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    directory.set_behavior(ResolverBehavior::Slow(secs(3600)));
    runtime().block_on(async {
        // All places of names that were never seen.
        for number in 0..24 {
            let (verifier, token) = (
                verifier.clone(),
                FakeIssuer::with_url(&format!("https://{number}.example")).token(),
            );
            tokio::spawn(async move { verdict(&verifier, &token).await });
        }
        while directory.resolutions() < 24 {
            tokio::task::yield_now().await;
        }
    });
    directory.set_behavior(ResolverBehavior::Good);
    let fake = directory.add("https://a.example");
    assert_eq!(
        runtime().block_on(verdict(&verifier, &fake.token())),
        "accepted"
    );
}

/// If the resolver fails, issuers in use continue until their lifetime ends. Then their tokens are
/// rejected.
#[tokio::test(start_paused = true)]
async fn resolver_outage_rejects_issuer_only_after_its_ttl() {
    let (directory, clock, verifier) = directory();
    let fake = directory.add("https://a.example");
    assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
    directory.set_behavior(ResolverBehavior::Fails);
    for _ in 0..59 {
        pass(&clock, secs(10)).await;
        assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
    }
    pass(&clock, secs(10)).await;
    assert_eq!(verdict(&verifier, &fake.token()).await, "keys_unavailable");
}

/// Rule 154.
#[tokio::test(start_paused = true)]
async fn resolved_issuers_are_bounded_by_configuration() {
    let (directory, clock, verifier) = directory();
    let issuers: Vec<_> = (0..30)
        .map(|number| directory.add(&format!("https://{number}.example")))
        .collect();
    for fake in &issuers {
        assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
        pass(&clock, secs(1)).await;
    }
    let kept: Vec<String> = verifier
        .status()
        .into_iter()
        .map(|status| status.issuer)
        .collect();
    assert_eq!(kept.len(), 10);
    assert!(
        kept.contains(&"https://29.example".to_owned())
            && !kept.contains(&"https://0.example".to_owned())
    );
    // The evicted issuer is resolved again, and only its own keys verify its tokens.
    assert_eq!(verdict(&verifier, &issuers[0].token()).await, "accepted");
    let foreign = issuers[1]
        .issuer
        .org("org_a")
        .claim("iss", "https://0.example")
        .token();
    assert_eq!(verdict(&verifier, &foreign).await, "unknown_key");
}

/// Rule 147.
///
/// A saved set is used once per issuer. If the issuer was evicted and is resolved again, a key that
/// was removed meanwhile does not return, not even while the issuer is down.
#[tokio::test(start_paused = true)]
async fn restored_key_set_does_not_revive_a_removed_key() {
    let (directory, clock) = (Arc::new(IssuerDirectory::default()), Clock::manual(NOW));
    let fake = directory.add("https://a.example");
    let old = fake.token();
    let first = directory.verifier(&clock);
    assert_eq!(verdict(&first, &old).await, "accepted");
    let saved = first.export_keys();
    drop(first);
    let gone = fake.issuer.signing_key().kid().to_owned();
    fake.issuer.rotate_key().unwrap();
    fake.issuer.remove_key(&gone).unwrap();

    let asked = Arc::clone(&directory);
    let verifier = Verifier::builder([])
        .resolve_issuers_with(move |iss| Arc::clone(&asked).resolve(iss))
        .max_resolved_issuers(1)
        .restore_keys(saved)
        .clock(clock.clone())
        .build()
        .unwrap();
    assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
    pass(&clock, secs(1)).await;
    assert_eq!(verdict(&verifier, &old).await, "unknown_key");
    let other = directory.add("https://b.example");
    assert_eq!(verdict(&verifier, &other.token()).await, "accepted");
    pass(&clock, secs(1)).await;
    fake.set_behavior(Behavior::Down);
    assert_eq!(verdict(&verifier, &old).await, "keys_unavailable");
}

#[tokio::test(start_paused = true)]
async fn resolutions_of_invented_issuers_are_bounded() {
    let (directory, _, verifier) = directory();
    directory.set_behavior(ResolverBehavior::Slow(secs(2)));
    let requests: Vec<_> = (0..200)
        .map(|number| {
            let (verifier, token) = (
                verifier.clone(),
                FakeIssuer::with_url(&format!("https://{number}.example")).token(),
            );
            tokio::spawn(async move { verdict(&verifier, &token).await })
        })
        .collect();
    let mut verdicts = HashMap::new();
    for request in requests {
        *verdicts.entry(request.await.unwrap()).or_insert(0) += 1;
    }
    // Half of the 64 places are for names that were trusted before, and a quarter of the other half
    // is for names that were turned down.
    assert_eq!(directory.resolutions(), 24);
    assert_eq!(
        (verdicts["untrusted_issuer"], verdicts["keys_unavailable"]),
        (24, 176)
    );
}

#[tokio::test(start_paused = true)]
async fn configured_issuers_are_not_resolved() {
    let (directory, clock) = (Arc::new(IssuerDirectory::default()), Clock::manual(NOW));
    let (listed, resolved) = (
        FakeIssuer::with_url("https://listed.example"),
        directory.add("https://resolved.example"),
    );
    let asked = Arc::clone(&directory);
    let verifier = Verifier::builder([listed.trusted()])
        .resolve_issuers_with(move |iss| Arc::clone(&asked).resolve(iss))
        .clock(clock.clone())
        .build_ready()
        .await
        .unwrap();
    assert_eq!(verdict(&verifier, &listed.token()).await, "accepted");
    assert_eq!(directory.resolutions(), 0);
    assert_eq!(verdict(&verifier, &resolved.token()).await, "accepted");
    assert_eq!((directory.resolutions(), verifier.status().len()), (1, 2));
}

/// The clients that an issuer allows count only for its own tokens, even if it is the only listed
/// issuer.
#[tokio::test(start_paused = true)]
async fn allow_lists_apply_only_to_their_own_issuer() {
    let (listed, resolved) = (
        FakeIssuer::with_url("https://listed.example"),
        FakeIssuer::with_url("https://resolved.example"),
    );
    for (narrow, expected) in [
        (true, ("client_not_allowed", "accepted")),
        (false, ("accepted", "client_not_allowed")),
    ] {
        let bounded = |fake: &Arc<FakeIssuer>, is| {
            if is {
                fake.trusted().allow_clients(["another"])
            } else {
                fake.trusted()
            }
        };
        let customer = Arc::clone(&resolved);
        let verifier = Verifier::builder([bounded(&listed, narrow)])
            .resolve_issuers_with(move |_| {
                std::future::ready(Ok(Some(bounded(&customer, !narrow))))
            })
            .clock(listed.clock.clone())
            .build_ready()
            .await
            .unwrap();
        assert_eq!(
            (
                verdict(&verifier, &listed.token()).await,
                verdict(&verifier, &resolved.token()).await
            ),
            expected
        );
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_the_verifier_cancels_resolutions_and_tasks() {
    let (directory, clock, verifier) = directory();
    let fake = directory.add("https://a.example");
    assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
    let weak = Arc::downgrade(&fake);
    directory.set_behavior(ResolverBehavior::Slow(secs(2)));
    let other = FakeIssuer::with_url("https://other.example").token();
    let open = tokio::spawn({
        let verifier = verifier.clone();
        async move { verdict(&verifier, &other).await }
    });
    pass(&clock, secs(1) / 2).await;
    open.abort();
    let _ = open.await;
    drop(verifier);
    directory.issuers.lock().unwrap().clear();
    drop(fake);
    pass(&clock, secs(1)).await;
    assert_eq!(
        weak.strong_count(),
        0,
        "something keeps the issuer's fetch function alive"
    );
    assert_eq!(
        Arc::strong_count(&directory),
        1,
        "something keeps the resolver alive"
    );
}

/// What every issuer's rules reject is rejected before the application is asked.
#[tokio::test(start_paused = true)]
async fn hopeless_token_causes_no_resolution() {
    let (directory, _, verifier) = directory();
    let fake = directory.add("https://a.example");
    let token = || fake.issuer.org("org_a");
    for (token, expected) in [
        (token().claim("exp", NOW - 300), "expired"),
        (token().claim("nbf", NOW + 301), "not_yet_valid"),
        (token().claim("iat", NOW + 301), "issued_in_future"),
        (token().without("exp"), "missing_claim"),
        (token().claim("exp", "soon"), "malformed_claim"),
        (token().claim("nonce", "n"), "not_an_access_token"),
        (token().header("typ", "dpop+jwt"), "invalid_type"),
    ] {
        assert_eq!(verdict(&verifier, &token.token()).await, expected);
    }
    assert_eq!(directory.resolutions(), 0);
    // An issuer can have a leeway of 5 minutes, so its own rules decide about these.
    let late = token().claim("exp", NOW - 299).token();
    assert_eq!(verdict(&verifier, &late).await, "expired");
    assert_eq!(directory.resolutions(), 1);
}

/// A flood of invented issuers reaches the application within the rate, and keeps no customer out
/// for long.
#[tokio::test(start_paused = true)]
async fn flood_of_invented_issuers_is_bounded_and_fair() {
    for per_second in [200_u32, 20] {
        let directory = Arc::new(IssuerDirectory::default());
        let clock = Clock::manual(NOW);
        let asked = Arc::clone(&directory);
        let verifier = Verifier::builder([])
            .resolve_issuers_with(move |iss| Arc::clone(&asked).resolve(iss))
            .max_issuer_resolutions_per_second(per_second)
            .clock(clock.clone())
            .build()
            .unwrap();
        let known = directory.add("https://known.example");
        assert_eq!(verdict(&verifier, &known.token()).await, "accepted");
        // Its time ends in the middle of the flood.
        pass(&clock, secs(598)).await;

        let mint = FakeIssuer::new();
        let (started, before) = (Instant::now(), directory.resolutions());
        let customer = directory.add("https://new.example");
        let mut admitted = None;
        for tick in 0..50_u64 {
            for number in 0..150 {
                let iss = format!("https://{tick}-{number}.example");
                let token = mint.issuer.org("org_a").claim("iss", iss).token();
                assert_ne!(verdict(&verifier, &token).await, "accepted");
            }
            // A client tries again each second, as `Retry-After` says.
            if tick >= 10
                && tick % 10 == 0
                && admitted.is_none()
                && verdict(&verifier, &customer.token()).await == "accepted"
            {
                admitted = Some(started.elapsed());
            }
            pass(&clock, secs(1) / 10).await;
        }
        assert_eq!(verdict(&verifier, &known.token()).await, "accepted");
        let admitted = admitted.expect("the customer gets in");
        assert!(admitted <= secs(3), "{per_second}: {admitted:?}");
        let questions = directory.resolutions() - before;
        assert!(
            questions <= u64::from(per_second) * 6 + 2,
            "{per_second}: {questions} questions in 5 s"
        );
    }
}

/// Header and claims are validated before any key is fetched.
#[tokio::test(start_paused = true)]
async fn token_with_invalid_claims_causes_no_fetch() {
    let (directory, clock, verifier) = directory();
    for number in 0..30 {
        let fake = directory.add(&format!("https://c{number}.example"));
        let token = || fake.issuer.org("org_a");
        for (token, expected) in [
            (
                token().claim("aud", "https://other.example"),
                "invalid_audience",
            ),
            (token().claim("exp", NOW - 299), "expired"),
            (token().header("typ", "JWT").without("azp"), "missing_claim"),
        ] {
            assert_eq!(verdict(&verifier, &token.token()).await, expected);
        }
        settle().await;
        assert_eq!(fake.fetches(), 0);
    }
    // An issuer that is listed, and fetched with the first token.
    let listed = FakeIssuer::with_url("https://listed.example");
    let lazy = Verifier::builder([listed.trusted()])
        .clock(clock)
        .start_lazily()
        .build()
        .unwrap();
    let expired = listed.issuer.org("org_a").claim("exp", NOW - 299).token();
    assert_eq!(verdict(&lazy, &expired).await, "expired");
    settle().await;
    assert_eq!(listed.fetches(), 0);
    assert_eq!(verdict(&lazy, &listed.token()).await, "accepted");
}

/// A new customer's issuer loads although forged tokens name more trusted issuers than are kept.
#[tokio::test(start_paused = true)]
async fn issuer_in_use_is_not_evicted() {
    let (directory, clock, verifier) = directory();
    let customer = directory.add("https://customer.example");
    customer.set_behavior(Behavior::Slow(secs(2)));
    let forged: Vec<_> = (0..60)
        .map(|number| {
            let token = directory
                .add(&format!("https://other-{number}.example"))
                .token();
            let (signed, _) = token.rsplit_once('.').unwrap();
            format!("{signed}.AAAA")
        })
        .collect();
    let first = tokio::spawn({
        let (verifier, token) = (verifier.clone(), customer.token());
        async move { verdict(&verifier, &token).await }
    });
    for token in &forged[..36] {
        assert_ne!(verdict(&verifier, token).await, "accepted");
        pass(&clock, secs(1) / 20).await;
    }
    // It waited a second, and its fetch goes on.
    assert_eq!(first.await.unwrap(), "keys_unavailable");
    pass(&clock, secs(1) / 4).await;
    let before = (directory.resolutions(), customer.fetches());
    assert_eq!(verdict(&verifier, &customer.token()).await, "accepted");
    assert_eq!((directory.resolutions(), customer.fetches()), before);
    assert_eq!(customer.fetches(), 1);
    // From now on it is an issuer with callers.
    for token in &forged[36..] {
        assert_ne!(verdict(&verifier, token).await, "accepted");
    }
    let resolutions = directory.resolutions();
    assert_eq!(verdict(&verifier, &customer.token()).await, "accepted");
    assert_eq!(directory.resolutions(), resolutions);
}

/// Rule 144.
///
/// Evicting an issuer grants no further fetches.
#[tokio::test(start_paused = true)]
async fn budget_belongs_to_the_name_of_the_issuer() {
    let (directory, clock) = (Arc::new(IssuerDirectory::default()), Clock::manual(NOW));
    let asked = Arc::clone(&directory);
    let verifier = Verifier::builder([])
        .resolve_issuers_with(move |iss| Arc::clone(&asked).resolve(iss))
        .max_resolved_issuers(1)
        .clock(clock.clone())
        .build()
        .unwrap();
    let fakes = ["https://a.example", "https://b.example"].map(|iss| directory.add(iss));
    let mut outcomes = HashMap::new();
    for _ in 0..30 {
        for fake in &fakes {
            // A token that is valid except for its signature.
            let token = fake.token();
            let (signed, _) = token.rsplit_once('.').unwrap();
            let outcome = verdict(&verifier, &format!("{signed}.AAAA")).await;
            *outcomes.entry(outcome).or_insert(0) += 1;
        }
    }
    // The first fetch, and two out of the budget.
    assert_eq!(fakes.each_ref().map(|fake| fake.fetches()), [3, 3]);
    assert_eq!(outcomes["invalid_signature"], 6, "{outcomes:?}");
    assert_eq!(outcomes["keys_unavailable"], 54, "{outcomes:?}");
    // One is earned per cooldown, and a customer uses it.
    pass(&clock, secs(10)).await;
    assert_eq!(verdict(&verifier, &fakes[0].token()).await, "accepted");
    assert!(fakes[0].fetches() <= 5);
}
