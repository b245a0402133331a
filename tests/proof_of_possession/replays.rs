//! Each proof counts once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tower_m2m::testing::ProofBuilder;
use tower_m2m::{BoxError, ProofUse, ReplayStore, UsedProof};

use crate::support::{Fixture, NOW, call, invoices, proof_of};

/// Rules 114, 242, 250.
#[tokio::test]
async fn cached_token_needs_a_fresh_proof_each_time() {
    let fixture = Fixture::new();
    let token = fixture.token();
    let first = fixture.proof(&token);
    assert_eq!(fixture.send(&first, &token).await.summary(), (200, "none"));
    let replayed = fixture.send(&first, &token).await;
    assert_eq!(replayed.summary(), (401, "proof_replayed"));
    replayed.assert_error("DPoP", "invalid_dpop_proof");
    let other = fixture.proof(&token);
    assert_eq!(fixture.send(&other, &token).await.summary(), (200, "none"));
    // The proof is stored for longer than it is valid.
    fixture.clock.advance(Duration::from_secs(60));
    assert_eq!(
        fixture.send(&first, &token).await.summary(),
        (401, "proof_replayed")
    );
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(
        fixture.send(&first, &token).await.summary(),
        (401, "proof_too_old")
    );
    // The same ID in a new proof of the same key is a replay too.
    let again = fixture.proof(&token).claim("jti", "fixed");
    assert_eq!(fixture.send(&again, &token).await.summary(), (200, "none"));
    let changed = again.claim("iat", NOW + 60);
    assert_eq!(
        fixture.send(&changed, &token).await.summary(),
        (401, "proof_replayed")
    );
}

/// Rule 117.
///
/// An invalid or rejected request does not use up its proof.
#[tokio::test]
async fn rejected_request_does_not_store_its_proof() {
    let fixture = Fixture::new();
    let expired = fixture
        .token_builder()
        .bound_to(&fixture.client)
        .expired_by(Duration::from_secs(60))
        .token();
    let token = fixture.token();
    let proof = fixture.proof(&token);
    for deviation in [
        proof.clone().claim("htm", "POST"),
        proof.clone().header("typ", "JWT"),
        proof.clone().claim("iat", NOW - 100),
    ] {
        assert_eq!(fixture.send(&deviation, &token).await.status.as_u16(), 401);
    }
    assert_eq!(
        fixture.send(&proof, &expired).await.summary(),
        (401, "expired")
    );
    assert_eq!(fixture.send(&proof, &token).await.summary(), (200, "none"));
}

/// Sends copies of one request at the same time.
fn send_copies(
    fixture: &Arc<Fixture>,
    proof: &ProofBuilder,
    token: &Arc<str>,
    count: usize,
) -> Vec<JoinHandle<(u16, &'static str)>> {
    let calls = (0..count).map(|_| {
        let (fixture, proof, token) = (Arc::clone(fixture), proof.clone(), Arc::clone(token));
        tokio::spawn(async move { fixture.send(&proof, &token).await.summary() })
    });
    calls.collect()
}

/// Rule 117.
///
/// 100 copies at once, in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_100_simultaneous_copies_is_admitted() {
    let fixture = Arc::new(Fixture::new());
    let token: Arc<str> = fixture.token().into();
    for _ in 0..5 {
        let proof = fixture.proof(&token);
        let calls = send_copies(&fixture, &proof, &token, 100);
        let mut admitted = 0;
        for call in calls {
            match call.await.unwrap() {
                (200, _) => admitted += 1,
                rejected => assert_eq!(rejected, (401, "proof_replayed")),
            }
        }
        assert_eq!(admitted, 1);
    }
}

/// Rule 244.
#[tokio::test]
async fn full_share_is_503_for_that_key_only() {
    let fixture = Fixture::with(|builder| builder.max_proofs(100, 2));
    let token = fixture.token();
    for _ in 0..2 {
        let outcome = fixture.send(&fixture.proof(&token), &token).await;
        assert_eq!(outcome.summary(), (200, "none"));
    }
    let outcome = fixture.send(&fixture.proof(&token), &token).await;
    assert_eq!(outcome.summary(), (503, "too_many_proofs"));
    assert_eq!(outcome.response.headers()["retry-after"], "10");
    assert!(outcome.challenges.is_empty());
    let (other, others) = fixture.other_client();
    let proof = proof_of(&other, &others);
    assert_eq!(fixture.send(&proof, &others).await.summary(), (200, "none"));
    fixture.clock.advance(Duration::from_secs(70));
    let outcome = fixture.send(&fixture.proof(&token), &token).await;
    assert_eq!(outcome.summary(), (200, "none"));
}

/// A store whose next result the test decides.
struct Scripted {
    calls: Arc<AtomicUsize>,
    script: fn() -> ScriptedResult,
}

enum ScriptedResult {
    Result(Result<ProofUse, BoxError>),
    Hang,
    Panic,
}

impl ReplayStore for Scripted {
    async fn insert(&self, proof: UsedProof) -> Result<ProofUse, BoxError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        assert_eq!(proof.key().len(), 43);
        assert_eq!(proof.remaining(), Duration::from_secs(70));
        match (self.script)() {
            ScriptedResult::Result(result) => result,
            ScriptedResult::Hang => std::future::pending().await,
            ScriptedResult::Panic => panic!("the store panics"),
        }
    }
}

/// Rule 243.
///
/// A failed write is 503 and is not repeated.
#[tokio::test(start_paused = true)]
async fn uncertain_store_is_503_and_never_retried() {
    for (script, expected) in [
        (
            (|| ScriptedResult::Result(Ok(ProofUse::First))) as fn() -> ScriptedResult,
            (200, "none"),
        ),
        (
            || ScriptedResult::Result(Ok(ProofUse::Repeated)),
            (401, "proof_replayed"),
        ),
        (
            || ScriptedResult::Result(Err("connection reset".into())),
            (503, "replay_store_unavailable"),
        ),
        (|| ScriptedResult::Hang, (503, "replay_store_unavailable")),
        (|| ScriptedResult::Panic, (503, "replay_store_unavailable")),
    ] {
        let calls = Arc::new(AtomicUsize::new(0));
        let store = Scripted {
            calls: Arc::clone(&calls),
            script,
        };
        let fixture = Fixture::with(|builder| builder.replay_store(store));
        let token = fixture.token();
        let proof = fixture.proof(&token);
        let outcome = fixture.send(&proof, &token).await;
        assert_eq!(outcome.summary(), expected);
        if expected.0 == 503 {
            assert_eq!(outcome.response.headers()["retry-after"], "1");
        }
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        // The write may have succeeded, so the proof stays used.
        assert_eq!(
            fixture.send(&proof, &token).await.summary(),
            (401, "proof_replayed")
        );
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }
}

/// A store that keeps what it is given, or forgets it.
#[derive(Default)]
struct SetStore {
    used: std::sync::Mutex<std::collections::HashSet<String>>,
    forgets: bool,
}

impl ReplayStore for SetStore {
    async fn insert(&self, proof: UsedProof) -> Result<ProofUse, BoxError> {
        let is_new = self.used.lock().unwrap().insert(proof.key());
        Ok(if is_new || self.forgets {
            ProofUse::First
        } else {
            ProofUse::Repeated
        })
    }
}

#[tokio::test]
async fn contract_finds_a_store_that_forgets() {
    use tower_m2m::testing::check_replay_store;

    assert_eq!(check_replay_store(SetStore::default()).await, Ok(()));
    let forgetful = SetStore {
        forgets: true,
        ..SetStore::default()
    };
    let error = check_replay_store(forgetful).await.unwrap_err();
    assert_eq!(
        error,
        "the same proof again: expected Repeated, found First"
    );
}

/// Rules 117, 242.
///
/// Two replicas share a store: a proof that one of them stored is a replay at the other.
#[tokio::test]
async fn replicas_with_one_store_accept_a_proof_once() {
    use std::sync::Arc;

    #[derive(Clone, Default)]
    struct SharedStore(Arc<SetStore>);

    impl ReplayStore for SharedStore {
        async fn insert(&self, proof: UsedProof) -> Result<ProofUse, BoxError> {
            self.0.insert(proof).await
        }
    }

    let store = SharedStore::default();
    let first = Fixture::with(|builder| builder.replay_store(store.clone()));
    let second = first.other_verifier(|builder| builder.replay_store(store));
    let second = invoices().layer(second.layer());
    let token = first.token();
    let proof = first.proof(&token);
    assert_eq!(first.send(&proof, &token).await.summary(), (200, "none"));
    let request = http::Request::get("/invoices")
        .body(axum::body::Body::empty())
        .unwrap();
    let outcome = call(&second, proof.authorize(request, &token)).await;
    assert_eq!(outcome.summary(), (401, "proof_replayed"));
}

/// A caller check that waits until the test continues it.
struct SlowCheck {
    waiting: Arc<AtomicUsize>,
    go: Arc<tokio::sync::Semaphore>,
}

impl tower_m2m::CallerCheck for SlowCheck {
    async fn check(
        &self,
        _: tower_m2m::Caller,
    ) -> Result<tower_m2m::CallerStatus, tower_m2m::BoxError> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _permit = self.go.acquire().await?;
        Ok(tower_m2m::CallerStatus::Active)
    }
}

/// Rules 117, 242.
///
/// A proof that expires while the caller check runs is not admitted, neither once nor per copy.
#[tokio::test]
async fn proof_that_expires_during_the_caller_check_is_rejected() {
    for (seconds, admitted) in [(0, 1), (1, 0), (11, 0)] {
        let waiting = Arc::new(AtomicUsize::new(0));
        let go = Arc::new(tokio::sync::Semaphore::new(0));
        let check = SlowCheck {
            waiting: Arc::clone(&waiting),
            go: Arc::clone(&go),
        };
        let writes = Arc::new(AtomicUsize::new(0));
        let store = Counting(Arc::clone(&writes));
        let fixture = Arc::new(Fixture::with(|builder| {
            let timeout = Duration::from_secs(30);
            let builder = builder.check_caller(check).caller_check_timeout(timeout);
            builder.replay_store(store)
        }));
        let token: Arc<str> = fixture.token().into();
        let proof = fixture.proof(&token).claim("iat", NOW - 60);
        let calls = send_copies(&fixture, &proof, &token, 10);
        while waiting.load(Ordering::SeqCst) < 10 {
            tokio::task::yield_now().await;
        }
        fixture.clock.advance(Duration::from_secs(seconds));
        go.add_permits(10);
        let mut found = 0;
        for call in calls {
            found += usize::from(call.await.unwrap().0 == 200);
        }
        assert_eq!(found, admitted, "{seconds}");
        assert_eq!(writes.load(Ordering::SeqCst), admitted, "{seconds}");
    }
}

/// A store that counts its writes and accepts all of them.
struct Counting(Arc<AtomicUsize>);

impl ReplayStore for Counting {
    async fn insert(&self, _: UsedProof) -> Result<ProofUse, BoxError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(ProofUse::First)
    }
}

/// Rule 242.
///
/// The clock goes forward, expired proofs are removed, and the clock goes back.
#[tokio::test]
async fn clock_that_goes_back_makes_no_proof_usable_again() {
    let fixture = Fixture::new();
    let token = fixture.token();
    let proof = fixture.proof(&token);
    assert_eq!(fixture.send(&proof, &token).await.summary(), (200, "none"));
    fixture.clock.advance(Duration::from_secs(80));
    for _ in 0..2 {
        let other = fixture.proof(&token);
        assert_eq!(fixture.send(&other, &token).await.summary(), (200, "none"));
    }
    fixture.clock.set(NOW + 20);
    assert_eq!(
        fixture.send(&proof, &token).await.summary(),
        (401, "proof_too_old")
    );
    let newer = fixture.proof(&token);
    assert_eq!(fixture.send(&newer, &token).await.summary(), (200, "none"));
}

/// Rules 114, 243.
///
/// An entry cannot contain such a date, so no proof is accepted, and never one twice.
#[tokio::test]
async fn proof_after_the_year_2106_is_not_accepted() {
    let fixture = Fixture::new();
    for (now, expected) in [(0xFFFF_FFFF_i64 - 70, 200), (0xFFFF_FFFF_i64 - 69, 503)] {
        fixture.clock.set(now);
        let token = fixture.token();
        let proof = fixture.proof(&token);
        let first = fixture.send(&proof, &token).await;
        assert_eq!(first.status.as_u16(), expected);
        assert_ne!(fixture.send(&proof, &token).await.status.as_u16(), 200);
    }
}

/// Rule 244.
///
/// A full store is an event at WARN once in 10 s, and each rejection by it is at WARN too.
#[tokio::test]
async fn full_store_writes_one_event_in_10_s() {
    let recorder = crate::recorder::Recorder::lines(tracing::Level::INFO);
    let _guard = crate::subscriber::set_subscriber(recorder.clone());
    let fixture = Fixture::with(|builder| builder.max_proofs(1, 1));
    let token = fixture.token();
    let first = fixture.send(&fixture.proof(&token), &token).await;
    assert_eq!(first.summary(), (200, "none"));
    let (other, others) = fixture.other_client();
    for _ in 0..12 {
        let proof = proof_of(&other, &others);
        let outcome = fixture.send(&proof, &others).await;
        assert_eq!(outcome.summary(), (503, "replay_store_unavailable"));
        fixture.clock.advance(Duration::from_secs(1));
    }
    let lines = recorder.take();
    let with = |text: &str| -> Vec<&String> {
        let lines = lines.iter();
        lines.filter(|line| line.contains(text)).collect()
    };
    assert_eq!(with("replay store failed").len(), 2, "{lines:?}");
    let rejected = with("request rejected");
    assert!(!rejected.is_empty());
    assert!(
        rejected.iter().all(|line| line.starts_with("WARN")),
        "{lines:?}"
    );
}
