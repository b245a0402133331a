//! A store of used proofs that replicas share.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::short_bytes::{ShortBytes, sha256};
use crate::token::Thumbprint;
use crate::util::BoxError;

/// The seconds by which `iat` may be in the future.
pub(super) const FUTURE: i64 = 10;

/// A store of used DPoP proofs that all replicas of a service share, so that a proof is accepted
/// once and not once per replica (RFC 9449 §11.1).
///
/// Without one, each verifier has a store of its own in memory, which is enough for a single
/// process.
///
/// A store must be able to write a key only if it is absent, in one step. It must not evict an
/// entry that has not expired: a full store returns an error, and the request gets a 503. The
/// verifier calls the store once per request, after every other check. It never repeats a call that
/// failed or timed out, because the first one may have written the entry.
///
/// The verifier drops the call after 1 s, and also if the client ends its request. A store that
/// notices a broken connection by a timeout of its own therefore needs a shorter one, and a task in
/// which it waits.
///
/// The limits of [`max_proofs`](crate::VerifierBuilder::max_proofs) are counted by each replica for
/// the proofs that it stored itself. A store that N replicas share therefore contains at most N
/// times as many entries.
///
/// ```
/// use std::collections::HashSet;
/// use std::sync::Mutex;
/// use tower_m2m::{BoxError, ProofUse, ReplayStore, UsedProof};
///
/// /// A store for tests, which keeps entries indefinitely.
/// #[derive(Default)]
/// struct SetStore(Mutex<HashSet<String>>);
///
/// impl ReplayStore for SetStore {
///     async fn insert(&self, proof: UsedProof) -> Result<ProofUse, BoxError> {
///         let mut used = self.0.lock().map_err(|error| error.to_string())?;
///         Ok(if used.insert(proof.key()) { ProofUse::First } else { ProofUse::Repeated })
///     }
/// }
/// ```
pub trait ReplayStore: Send + Sync + 'static {
    /// Stores a proof as used, in one step and only if it is absent. The entry must stay for
    /// [`remaining`](UsedProof::remaining).
    ///
    /// # Errors
    ///
    /// Returns an error if it is not certain whether the proof was used before. The request is then
    /// rejected with 503. The error's message is logged, so it must not contain secrets.
    fn insert(&self, proof: UsedProof) -> impl Future<Output = Result<ProofUse, BoxError>> + Send;
}

/// Whether a proof was used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_enums,
    reason = "there is no third result; an error is uncertainty"
)]
pub enum ProofUse {
    /// The store did not have it and has it now.
    First,
    /// The store already had it.
    Repeated,
}

/// A proof that was used: its key and its ID, as one digest (RFC 9449 §11.1).
///
/// ```
/// use tower_m2m::UsedProof;
///
/// fn redis_key(prefix: &str, proof: &UsedProof) -> String {
///     format!("{prefix}:{}", proof.key())
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UsedProof {
    /// SHA-256 of the thumbprint of the key, followed by `jti`.
    pub(super) digest: [u8; 32],
    pub(super) thumbprint: Thumbprint,
    pub(super) expires_at: i64,
    now: i64,
}

impl UsedProof {
    pub(crate) fn new(thumbprint: &Thumbprint, jti: &str, expires_at: i64, now: i64) -> Self {
        // The thumbprint has a fixed length, so no other pair has the same bytes.
        let mut name = ShortBytes::new();
        name.push(thumbprint);
        name.push(jti.as_bytes());
        Self {
            digest: sha256(name.as_bytes()),
            thumbprint: *thumbprint,
            expires_at,
            now,
        }
    }

    /// Returns `true` if both have the same key and the same ID.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    /// Returns the name of the entry: 43 characters of base64url. Two proofs have the same name
    /// only if they have the same key and the same `jti`.
    #[must_use]
    pub fn key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.digest)
    }

    /// Returns the time until which the entry must stay, in seconds since the Unix epoch.
    #[must_use]
    pub fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// Returns how long the entry must stay: at least one second.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        let seconds = self.expires_at.saturating_sub(self.now).max(1);
        Duration::from_secs(u64::try_from(seconds).unwrap_or(1))
    }
}

impl fmt::Debug for UsedProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UsedProof")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

pub(super) type StoreFuture = Pin<Box<dyn Future<Output = Result<ProofUse, BoxError>> + Send>>;

/// The store that the application set.
#[derive(Clone)]
pub(crate) struct StoreRunner(Arc<dyn Fn(UsedProof) -> StoreFuture + Send + Sync>);

impl StoreRunner {
    pub(crate) fn new(store: impl ReplayStore) -> Self {
        let store = Arc::new(store);
        Self(Arc::new(move |proof| -> StoreFuture {
            let store = Arc::clone(&store);
            Box::pin(async move { store.insert(proof).await })
        }))
    }

    pub(super) fn insert(&self, proof: UsedProof) -> StoreFuture {
        (self.0)(proof)
    }
}

impl fmt::Debug for StoreRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreRunner").finish_non_exhaustive()
    }
}
