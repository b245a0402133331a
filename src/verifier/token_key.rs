//! The key of a token: signature verification, or the wait for a key that is not in the current key
//! set.

use super::issuers::trusted::{ActiveIssuer, TrustedIssuer};
use super::verification::{PendingKey, VerifyError, WaitFor};
use crate::jwks::{KeyLookup, KeyRequest, VersionedKeySet};
use crate::rejection::Rejection;
use crate::token::{Algorithm, KeyFingerprint, TokenError};

/// The signature of a token with all values that its verification needs.
pub(super) struct SignedInput<'t> {
    pub(super) kid: Option<&'t str>,
    pub(super) algorithm: Algorithm,
    pub(super) signing_input: &'t [u8],
    pub(super) signature: &'t [u8],
}

/// The key that verified a signature, and the generation of its key set.
pub(super) struct VerifiedWith {
    pub(super) key: KeyFingerprint,
    pub(super) generation: u64,
}

impl SignedInput<'_> {
    /// Verifies the signature with a key of the current key set, and returns the key. Returns
    /// `None` if the token's key is not in the set. If the token has no `kid` and no current key
    /// verifies it, a newer key may have signed it, unless the keys are static.
    pub(super) fn verify<'t>(
        &self,
        trusted: &TrustedIssuer,
        current_set: Option<&VersionedKeySet>,
        tid: impl Fn() -> Option<&'t str>,
    ) -> Result<Option<VerifiedWith>, TokenError> {
        let Some(keys) = current_set.filter(|keys| keys.set.contains_kid(self.kid)) else {
            return Ok(None);
        };
        let (set, generation, algorithm) = (&keys.set, keys.generation, self.algorithm);
        if self.kid.is_some() {
            let key =
                set.verify_for(self.kid, algorithm, self.signing_input, self.signature, tid)?;
            return Ok(Some(VerifiedWith { key, generation }));
        }
        let max = trusted.rules.max_keys_without_kid;
        match set.verify_without_kid(algorithm, self.signing_input, self.signature, tid, max) {
            Ok(key) => Ok(Some(VerifiedWith { key, generation })),
            Err(_) if !trusted.keys.is_fixed() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Returns the fetch that the token must wait for if its key is not in the current key set, or the
/// reason for its rejection.
pub(super) fn request_key(
    issuer: &ActiveIssuer,
    trusted: &TrustedIssuer,
    lookup: &KeyLookup<'_>,
    current_set: Option<&VersionedKeySet>,
) -> VerifyError {
    let rejection = match trusted.keys.request_key(lookup, current_set) {
        KeyRequest::Wait(ticket) => {
            let pending = PendingKey {
                issuer: issuer.clone(),
                ticket,
                kid: lookup.kid.map(str::to_owned),
            };
            return VerifyError::Pending(Box::new(WaitFor::KeyFetch(pending)));
        }
        KeyRequest::Missing => TokenError::UnknownKey.into(),
        KeyRequest::Undecided { retry_after } => Rejection::KeyUnavailable { retry_after },
        KeyRequest::NoKeys { retry_after } => Rejection::KeysUnavailable { retry_after },
    };
    VerifyError::Rejected(rejection.into())
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
