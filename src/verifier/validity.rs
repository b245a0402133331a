//! Whether verified claims are still valid: the expiry, the denylist, the issuer and its key.

use super::issuers::trusted::Resolution;
use super::verifier::Verifier;
#[cfg(feature = "introspection")]
use crate::introspection::CredentialState;
use crate::revocation::InvalidationReason;
use crate::token::{Claims, CredentialProof, IntrospectedCredential, KeyFingerprint, OrgCode};

/// Whether verified claims are still valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validity {
    Valid,
    /// Data that decides it is being fetched, or the fetch failed.
    Unknown,
    Invalid(InvalidationReason),
}

impl From<Result<(), InvalidationReason>> for Validity {
    fn from(result: Result<(), InvalidationReason>) -> Self {
        result.map_or_else(Self::Invalid, |()| Self::Valid)
    }
}

impl Verifier {
    /// Returns whether claims of this verifier are still valid, without waiting. It follows the
    /// rules for requests with a cached token: if the issuer replaced its key set, the token's key
    /// must be in the new one. The caller check does not run.
    ///
    /// The issuer of an opaque credential can be queried again only if the credential is given.
    pub(super) fn validity(
        &self,
        claims: &Claims,
        acting: Option<&OrgCode>,
        credential: Option<&[u8]>,
    ) -> Validity {
        let now = self.0.clock.unix_seconds();
        if now >= expiry(claims) {
            return Validity::Invalid(InvalidationReason::Expired);
        }
        if let Err(rejection) = self.check_lists(claims, acting) {
            let reason = InvalidationReason::from_rejection(&rejection);
            return reason.map_or(Validity::Unknown, Validity::Invalid);
        }
        match claims.proof() {
            CredentialProof::Key(key) => self.key_validity(claims, acting, key, now),
            CredentialProof::Introspection(active) => {
                self.credential_validity(claims, active, credential, now)
            }
        }
    }

    #[cfg(feature = "introspection")]
    fn credential_validity(
        &self,
        claims: &Claims,
        active: IntrospectedCredential,
        credential: Option<&[u8]>,
        now: i64,
    ) -> Validity {
        let Some(opaque) = &self.0.opaque else {
            return Validity::Unknown;
        };
        match opaque.recheck(claims.issuer(), active, credential, now) {
            CredentialState::Active => Validity::Valid,
            CredentialState::Inactive => Validity::Invalid(InvalidationReason::Inactive),
            CredentialState::Unknown => Validity::Unknown,
        }
    }

    /// Without the feature, no credential is opaque.
    #[cfg(not(feature = "introspection"))]
    #[allow(clippy::unused_self, reason = "the same function as with the feature")]
    fn credential_validity(
        &self,
        _: &Claims,
        _: IntrospectedCredential,
        _: Option<&[u8]>,
        _: i64,
    ) -> Validity {
        Validity::Unknown
    }

    fn key_validity(
        &self,
        claims: &Claims,
        acting: Option<&OrgCode>,
        key: KeyFingerprint,
        now: i64,
    ) -> Validity {
        let issuers = &self.0.issuers;
        let issuer = match issuers.lookup(claims.issuer()) {
            Some(Resolution::Trusted(issuer)) => issuer,
            Some(Resolution::NotTrusted) => {
                return Validity::Invalid(InvalidationReason::IssuerWithdrawn);
            }
            Some(Resolution::Unavailable { .. }) => return Validity::Unknown,
            // The issuer was evicted, or its lifetime ended.
            None => {
                issuers.start_resolution(claims.issuer());
                return Validity::Unknown;
            }
        };
        let Some(trusted) = issuers.get(&issuer) else {
            return Validity::Invalid(InvalidationReason::IssuerWithdrawn);
        };
        // An issuer with open streams is not the first to be evicted.
        trusted.mark_used(now);
        if let Some(lists) = &trusted.rules.allow_lists {
            let organization = claims.org_code().or(acting).map(OrgCode::as_str);
            if lists.check(claims.client_id(), organization).is_err() {
                return Validity::Invalid(InvalidationReason::NotAllowed);
            }
        }
        match trusted.keys.current() {
            Some(keys) if keys.set.contains_key(key) => Validity::Valid,
            Some(_) => Validity::Invalid(InvalidationReason::KeyRemoved),
            None => Validity::Unknown,
        }
    }

    pub(super) fn wall_clock(&self) -> &crate::clock::Clock {
        &self.0.clock
    }
}

/// Returns the first second in which the token is expired. The result of an introspection has a
/// shorter lifetime, after which the issuer is queried again.
pub(super) fn expiry(claims: &Claims) -> i64 {
    match claims.proof() {
        CredentialProof::Key(_) => claims.valid_until(),
        CredentialProof::Introspection(credential) => credential.expires_at,
    }
}
