//! What is left to do after a proof of possession: the proof counts once, and the client may need a
//! newer nonce.

use http::Extensions;

#[cfg(feature = "dpop")]
use crate::proof_of_possession::{CheckedProof, NonceRenewal, ReplayVerdict, UsedProof};
#[cfg(feature = "dpop")]
use crate::rejection::Rejection;
#[cfg(feature = "dpop")]
use crate::response::DPOP_NONCE;
use crate::verifier::{CallerVerdict, ClaimsWatch, Verifier};

/// What is left to do for a sender that has what its token is bound to. Most tokens are not bound,
/// so it is one word.
#[derive(Default)]
pub(super) struct Possession(#[cfg(feature = "dpop")] Option<Box<KeyPossession>>);

/// The proof of a sender that has the key of its token.
#[cfg(feature = "dpop")]
struct KeyPossession {
    /// The proof, to be stored as used after every other check. Then it is `None`.
    proof: Option<CheckedProof>,
    nonce: ResponseNonce,
}

impl Possession {
    /// The sender proved that it has the key of the token.
    #[cfg(feature = "dpop")]
    pub(super) fn of_key(proof: CheckedProof) -> Self {
        Self(Some(Box::new(KeyPossession {
            proof: Some(proof),
            nonce: ResponseNonce::default(),
        })))
    }

    /// Returns `true` if there is a proof that is not stored as used yet.
    #[cfg_attr(not(feature = "dpop"), allow(clippy::unused_self))]
    #[inline]
    pub(super) fn has_unused_proof(&self) -> bool {
        #[cfg(feature = "dpop")]
        if let Some(key) = &self.0 {
            return key.proof.is_some();
        }
        false
    }

    /// Stores the proof as used, if there is one. It must be the last check.
    #[cfg_attr(not(feature = "dpop"), allow(clippy::unused_self))]
    pub(super) fn use_proof(
        &mut self,
        verifier: &Verifier,
        extensions: &mut Extensions,
    ) -> CallerVerdict {
        #[cfg(feature = "dpop")]
        if let Some(key) = &mut self.0
            && let Some(proof) = key.proof.take()
        {
            key.nonce = verifier.response_nonce(&proof);
            return match verifier.record_proof(&proof, extensions) {
                ReplayVerdict::Known(result) => CallerVerdict::Known(result),
                ReplayVerdict::Pending(write) => CallerVerdict::Pending(write),
            };
        }
        let _ = (verifier, extensions);
        CallerVerdict::Known(Ok(()))
    }

    /// Returns what the response has to contain, after the proof was stored.
    #[cfg_attr(not(feature = "dpop"), allow(clippy::unused_self))]
    #[inline]
    pub(super) fn into_changes(self) -> ResponseChanges {
        #[cfg(feature = "dpop")]
        if let Some(key) = self.0
            && key.nonce.0.is_some()
        {
            return ResponseChanges(Some(Box::new(ResponseChange {
                ends: None,
                nonce: key.nonce,
            })));
        }
        ResponseChanges::default()
    }
}

/// What the layer changes in the response of an admitted request. Most layers change nothing, so it
/// is one word.
#[derive(Default)]
pub(super) struct ResponseChanges(pub(super) Option<Box<ResponseChange>>);

/// A change of a response: its end, a nonce, or both.
#[derive(Default)]
pub(super) struct ResponseChange {
    /// If the layer ends streams, the response ends when these claims are no longer valid.
    pub(super) ends: Option<ClaimsWatch>,
    pub(super) nonce: ResponseNonce,
}

impl ResponseChanges {
    /// The response also ends when these claims are no longer valid.
    #[cold]
    pub(super) fn end_with(&mut self, watch: ClaimsWatch) {
        self.0.get_or_insert_default().ends = Some(watch);
    }
}

/// The nonce that the response of an admitted request provides, because that of the proof is about
/// to become too old (RFC 9449 §8.2).
#[derive(Debug, Default)]
pub(super) struct ResponseNonce(#[cfg(feature = "dpop")] Option<http::HeaderValue>);

#[cfg(feature = "dpop")]
impl Verifier {
    /// Returns the nonce for the response of an admitted request.
    fn response_nonce(&self, proof: &CheckedProof) -> ResponseNonce {
        let needed = proof.needs_nonce == NonceRenewal::Needed;
        ResponseNonce(needed.then(|| self.nonce_header()).flatten())
    }

    fn nonce_header(&self) -> Option<http::HeaderValue> {
        http::HeaderValue::try_from(self.dpop_nonce()?).ok()
    }

    /// Adds the nonce to the rejection of a request with the scheme `DPoP`. Rejections are never
    /// cached.
    pub(super) fn add_nonce<B>(&self, response: &mut http::Response<B>) {
        if let Some(nonce) = self.nonce_header() {
            response.headers_mut().insert(DPOP_NONCE, nonce);
        }
    }
}

impl ResponseNonce {
    /// Adds the nonce to a response, which must then not be cached.
    #[cfg_attr(not(feature = "dpop"), allow(clippy::unused_self))]
    pub(super) fn add_to<B>(&mut self, response: &mut http::Response<B>) {
        #[cfg(feature = "dpop")]
        if let Some(nonce) = self.0.take() {
            let headers = response.headers_mut();
            headers.insert(DPOP_NONCE, nonce);
            headers.insert(
                http::header::CACHE_CONTROL,
                http::HeaderValue::from_static("no-store"),
            );
        }
        #[cfg(not(feature = "dpop"))]
        let _ = response;
    }
}

/// The proof that layers stored as used for this request, so that an inner layer of the same
/// verifier does not reject it as a replay. Another verifier has another store.
#[cfg(feature = "dpop")]
#[derive(Clone)]
struct StoredProof {
    proof: UsedProof,
    /// The verifier that stored it.
    verifier: u64,
    /// The other verifiers that stored it too. Few services have layers of two verifiers.
    others: Vec<u64>,
}

/// Returns the proof that an outer layer of this verifier stored as used for this request.
#[cfg(feature = "dpop")]
pub(super) fn stored_proof<'e>(
    extensions: &'e Extensions,
    verifier: &Verifier,
) -> Option<&'e UsedProof> {
    let stored = extensions.get::<StoredProof>()?;
    let id = verifier.id();
    let is_by_this = stored.verifier == id || stored.others.contains(&id);
    is_by_this.then_some(&stored.proof)
}

#[cfg(feature = "dpop")]
impl Verifier {
    /// Stores a proof as used, once for each request.
    fn record_proof(&self, proof: &CheckedProof, extensions: &mut Extensions) -> ReplayVerdict {
        let Some(state) = self.dpop() else {
            let retry_after = std::time::Duration::from_secs(1);
            return ReplayVerdict::Known(Err(Rejection::ReplayStoreUnavailable { retry_after }));
        };
        let used = proof.used;
        if stored_proof(extensions, self).is_some_and(|stored| stored.is_same(&used)) {
            return ReplayVerdict::Known(Ok(()));
        }
        let earlier = extensions.remove::<StoredProof>();
        let stored = match earlier.filter(|stored| stored.proof.is_same(&used)) {
            Some(mut stored) => {
                stored.others.push(self.id());
                stored
            }
            None => StoredProof {
                proof: used,
                verifier: self.id(),
                others: Vec::new(),
            },
        };
        extensions.insert(stored);
        state.replays.record(used)
    }
}
