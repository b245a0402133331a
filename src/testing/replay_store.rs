//! The contract of a replay store.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::encoding::{base64url, random};
use crate::clock::Clock;
use crate::proof_of_possession::{ProofUse, ReplayStore, UsedProof};

/// The copies of one proof that are stored at the same time.
const COPIES: usize = 100;

/// Checks that a [`ReplayStore`] stores each proof once: one after the other, and 100 copies at the
/// same time. The store may already have other entries. It needs a Tokio runtime.
///
/// It does not check that entries stay for [`UsedProof::remaining`] and that a full store evicts no
/// entry.
///
/// # Errors
///
/// Returns a sentence that says what the store did wrong.
///
/// ```
/// use std::collections::HashSet;
/// use std::sync::Mutex;
/// use tower_m2m::{BoxError, ProofUse, ReplayStore, UsedProof, testing};
///
/// #[derive(Default)]
/// struct SetStore(Mutex<HashSet<String>>);
///
/// impl ReplayStore for SetStore {
///     async fn insert(&self, proof: UsedProof) -> Result<ProofUse, BoxError> {
///         let mut used = self.0.lock().map_err(|error| error.to_string())?;
///         Ok(if used.insert(proof.key()) { ProofUse::First } else { ProofUse::Repeated })
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), String> {
/// testing::check_replay_store(SetStore::default()).await
/// # }
/// ```
pub async fn check_replay_store(store: impl ReplayStore) -> Result<(), String> {
    let store = Arc::new(store);
    let key = random::<32>().map_err(|_| "the system has no randomness".to_owned())?;
    let mut other = key;
    if let Some(byte) = other.first_mut() {
        *byte ^= 1;
    }
    let now = Clock::system().unix_seconds();
    let proof = |key: &[u8; 32], jti: &str| UsedProof::new(key, jti, now + 60, now);
    let jti = base64url(key);
    for (step, used, expected) in [
        ("a new proof", proof(&key, &jti), ProofUse::First),
        (
            "the same proof again",
            proof(&key, &jti),
            ProofUse::Repeated,
        ),
        (
            "another ID of the same key",
            proof(&key, "other"),
            ProofUse::First,
        ),
        (
            "the same ID of another key",
            proof(&other, &jti),
            ProofUse::First,
        ),
        (
            "the first proof once more",
            proof(&key, &jti),
            ProofUse::Repeated,
        ),
    ] {
        let found = insert(&*store, used).await?;
        if found != expected {
            return Err(format!("{step}: expected {expected:?}, found {found:?}"));
        }
    }
    let copy = proof(&key, "copies");
    let mut copies = JoinSet::new();
    for _ in 0..COPIES {
        let store = Arc::clone(&store);
        copies.spawn(async move { insert(&*store, copy).await });
    }
    let mut first = 0;
    while let Some(copy) = copies.join_next().await {
        let found = copy.map_err(|error| format!("a copy failed: {error}"))??;
        first += usize::from(found == ProofUse::First);
    }
    if first == 1 {
        Ok(())
    } else {
        Err(format!(
            "{COPIES} copies at the same time: expected 1 that is the first, found {first}"
        ))
    }
}

async fn insert(store: &impl ReplayStore, used: UsedProof) -> Result<ProofUse, String> {
    let stored = store.insert(used).await;
    stored.map_err(|error| format!("the store failed: {error}"))
}
