//! Whether a credential that was active still is, for its open streams.

use tokio::time::Instant;

use super::cache::Freshness;
use super::digest::CredentialDigest;
use super::introspector::Introspector;
use crate::token::IntrospectedCredential;

/// Whether a credential that was active still is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CredentialState {
    Active,
    Inactive,
    /// The issuer is queried, or it fails.
    Unknown,
}

impl Introspector {
    /// Returns whether a credential that was active still is, without waiting. If its response is
    /// due for a refresh and the credential is given, the issuer is queried in the background.
    /// `now` is the wall clock.
    ///
    /// Without the credential, the issuer cannot be queried. Then it counts as active until a
    /// request with it finds out otherwise.
    pub(crate) fn recheck(
        &self,
        active: IntrospectedCredential,
        credential: Option<&[u8]>,
        now: i64,
    ) -> CredentialState {
        let (state, at) = (&self.0, Instant::now());
        let digest = CredentialDigest(active.digest);
        if state.cache.rejected(&digest, at).is_some() {
            return CredentialState::Inactive;
        }
        let cached = state.cache.active(&digest);
        let is_usable = match cached.map(|entry| entry.freshness(at, now)) {
            Some(Freshness::Fresh | Freshness::StaleAfterFailure) => {
                return CredentialState::Active;
            }
            Some(Freshness::DueForRefresh | Freshness::Stale | Freshness::StaleAndDue) => true,
            Some(Freshness::Expired) | None => false,
        };
        let Some(credential) = credential else {
            return CredentialState::Active;
        };
        if is_usable || !state.cache.has_failed(&digest, at) {
            state.refresh(digest, credential, at);
        }
        if is_usable {
            CredentialState::Active
        } else {
            CredentialState::Unknown
        }
    }
}
