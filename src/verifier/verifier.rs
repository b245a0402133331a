//! The verifier that applications call.

use std::fmt;
use std::sync::Arc;

use super::cache::TokenCache;
use super::issuers::IssuerRegistry;
use super::readiness::Readiness;
use crate::bearer::CredentialsIdentity;
use crate::clock::Clock;
use crate::extensions::{Rechecks, VerifiedRequest};
#[cfg(feature = "introspection")]
use crate::introspection::OpaqueCredentials;
#[cfg(feature = "dpop")]
use crate::proof_of_possession::DpopState;
use crate::revocation::ReplicationTasks;
use crate::telemetry::limit::EventLimit;
use crate::token::Claims;
use crate::util::Changes;

/// Verifies access tokens: returns [`Claims`] or a [`Rejection`](crate::Rejection).
///
/// Clones are cheap and share the keys, the token cache and the background refresh. The refresh
/// ends when the last clone is dropped.
///
/// ```
/// use tower_m2m::Verifier;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::kinde("acme").audience("https://api.acme.com").build()?;
/// # Ok(())
/// # }
/// ```
///
/// An issuer without an audience does not compile:
///
/// ```compile_fail
/// let verifier = tower_m2m::Verifier::kinde("acme").build();
/// ```
///
/// ```compile_fail
/// let verifier = tower_m2m::Verifier::builder([tower_m2m::Verifier::kinde("acme")]).build();
/// ```
#[derive(Clone)]
pub struct Verifier(pub(super) Arc<VerifierInner>);

pub(super) struct VerifierInner {
    /// The number of this verifier in the process.
    pub(super) id: u64,
    pub(super) issuers: IssuerRegistry,
    pub(super) readiness: Readiness,
    pub(super) clock: Clock,
    pub(super) max_token_bytes: usize,
    pub(super) max_claim_values: u32,
    pub(super) tokens: Option<TokenCache>,
    pub(super) rechecks: Option<Arc<Rechecks>>,
    pub(super) event_limit: Option<EventLimit>,
    /// The signal of changes that can end open streams.
    pub(super) changes: Changes,
    #[cfg(feature = "dpop")]
    pub(super) dpop: Option<Arc<DpopState>>,
    #[cfg(feature = "mtls")]
    pub(super) checks_certificates: bool,
    /// The tasks of a replicated denylist. They end with the last verifier.
    pub(super) replication: Option<Arc<ReplicationTasks>>,
    #[cfg(feature = "introspection")]
    pub(super) opaque: Option<OpaqueCredentials>,
    /// The header that API keys are read from, besides `Authorization`.
    #[cfg(feature = "introspection")]
    pub(super) api_key_header: Option<http::HeaderName>,
}

impl Verifier {
    /// Returns the listed issuers, exactly as configured.
    pub fn issuers(&self) -> impl Iterator<Item = &str> {
        self.0
            .issuers
            .listed()
            .iter()
            .map(|trusted| trusted.issuer.as_ref())
    }

    pub(super) fn max_claim_values(&self) -> u32 {
        self.0.max_claim_values
    }

    pub(crate) fn max_token_bytes(&self) -> usize {
        self.0.max_token_bytes
    }

    /// Returns the claims for the extensions of a request, with all data that later checks need. If
    /// `caller_checked_at` is `None`, the caller check ran just now.
    pub(crate) fn verified_request(
        &self,
        claims: Claims,
        credentials: CredentialsIdentity,
        caller_checked_at: Option<i64>,
    ) -> VerifiedRequest {
        let VerifierInner {
            clock, rechecks, ..
        } = &*self.0;
        let has_caller_check = || {
            let checks = rechecks.as_ref();
            checks.is_some_and(|checks| checks.caller_check.is_some())
        };
        // A denylist alone does not need the time, which costs more than its comparison.
        let checked_at = match caller_checked_at {
            Some(at) => at,
            None if has_caller_check() => clock.unix_seconds(),
            None => 0,
        };
        VerifiedRequest::new(
            claims,
            credentials,
            clock.clone(),
            rechecks.clone(),
            checked_at,
        )
    }

    /// Returns `true` if this caller can be rejected although its token is valid: there is a
    /// denylist, a caller check or an allow-list.
    #[inline]
    pub(crate) fn restricts(&self, claims: &Claims) -> bool {
        self.0.rechecks.is_some() || claims.has_allow_lists()
    }

    /// Returns the limit on events about rejected requests, if there is one.
    pub(crate) fn event_limit(&self) -> Option<&EventLimit> {
        self.0.event_limit.as_ref()
    }

    /// Returns `true` if this verifier verified the claims, so that a second layer does not verify
    /// them again.
    pub(crate) fn has_verified(&self, claims: &Claims) -> bool {
        claims.verified_by() == self.0.id
    }

    /// Returns the approximate number of cached tokens.
    #[must_use]
    pub fn cached_tokens(&self) -> u64 {
        self.0.tokens.as_ref().map_or(0, TokenCache::len)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issuers: Vec<&str> = self
            .0
            .issuers
            .listed()
            .iter()
            .map(|trusted| trusted.issuer.as_ref())
            .collect();
        f.debug_struct("Verifier")
            .field("issuers", &issuers)
            .finish_non_exhaustive()
    }
}
