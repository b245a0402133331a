//! The settings about DPoP that do not belong to one issuer.

use super::builder::VerifierBuilder;
use super::config_error::SettingSource;
use crate::proof_of_possession::{NonceKey, ReplayLimits, ReplayStore, StoreRunner};

impl VerifierBuilder {
    /// Sets the store of used DPoP proofs that all replicas of the service share. Default: the
    /// proofs are stored in the memory of this verifier only.
    ///
    /// Without it, a proof can be used once at each replica. A second store is an error of
    /// `build()`, and so is a store if no issuer has DPoP and none can be resolved. If layers of
    /// two verifiers apply to the same request, each verifier writes the proof into its own store,
    /// so they must not share one: in Redis, give each its own namespace.
    pub fn replay_store(mut self, store: impl ReplayStore) -> Self {
        self.dpop.stores.push(StoreRunner::new(store));
        self
    }

    /// Requires a nonce of this server in each DPoP proof (RFC 9449 §9). Default: no nonces.
    ///
    /// The key is a secret of at least 32 unpredictable bytes. Replicas with the same key accept
    /// each other's nonces, and share nothing else. A client gets a nonce with a 401. It is valid
    /// for 110 to 230 s from then on, and responses contain a newer one before it becomes too old.
    /// A key is an error of `build()` if no issuer has DPoP and none can be resolved.
    ///
    /// ```
    /// use tower_m2m::{ProofOfPossession, Verifier};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let key = [0; 32];
    /// let issuer = Verifier::issuer("https://issuer.example")
    ///     .audience("https://api.acme.com")
    ///     .proof_of_possession(ProofOfPossession::dpop("https://api.acme.com"));
    /// let verifier = Verifier::builder([issuer]).dpop_nonce_key(key).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn dpop_nonce_key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.dpop.nonce_key = Some(NonceKey::new(key.as_ref()));
        self
    }

    /// Sets how many used DPoP proofs are stored until they expire, in total and for one key.
    /// Default: 1,000,000 and 100,000.
    ///
    /// A proof is stored for 70 s, or for 10 s more than
    /// [`max_proof_age`](crate::Dpop::max_proof_age). The defaults are therefore 14,285 requests
    /// per second, and 1,428 for one key. Beyond that, requests with proofs get a 503: those of the
    /// one key, or all. The setting is an error of `build()` if no issuer has DPoP and none can be
    /// resolved. No proof is removed before it expires. With the defaults, the proofs need
    /// at most 39 MiB, also if each of them is of another key.
    pub fn max_proofs(mut self, total: usize, per_key: usize) -> Self {
        self.dpop.limits = Some(ReplayLimits { total, per_key });
        self
    }

    /// Sets the source of these settings, for errors.
    pub(crate) fn with_dpop_source(mut self, source: SettingSource) -> Self {
        self.dpop.source = source;
        self
    }
}
