//! The verification of an opaque credential: what the issuer says about it, or the wait for it.

use std::sync::Arc;

use super::explain::described;
use super::rejected_response::expected_in_response;
use super::verification::{
    AcceptedCredentials, PendingIntrospection, PriorWaits, VerificationFailure, VerifyError,
    WaitFor,
};
use super::verifier::Verifier;
use crate::introspection::{
    CredentialPath, IntrospectionLookup, IntrospectionOutcome, IntrospectionStatus,
    OpaqueCredentials, RejectedClaims, RejectedCredential, SavedCredentials,
};
use crate::rejection::Rejection;
use crate::telemetry::decision::are_rejections_recorded;
use crate::token::{Claims, RejectedToken, TokenError};

impl Verifier {
    /// Returns how the introspection of each issuer's opaque credentials is going, without any I/O:
    /// for status pages and alerts.
    #[must_use]
    pub fn introspection_status(&self) -> Vec<IntrospectionStatus> {
        let opaque = self.0.opaque.as_ref();
        opaque.map_or_else(Vec::new, OpaqueCredentials::status)
    }

    /// Returns the keyed digests of the opaque credentials that were active, for
    /// [`restore_known_credentials`](crate::VerifierBuilder::restore_known_credentials) at the next
    /// start. Returns `None` if no issuer has opaque credentials.
    ///
    /// The export contains the key of the digests, so keep it like a secret.
    #[must_use]
    pub fn export_known_credentials(&self) -> Option<SavedCredentials> {
        let opaque = self.0.opaque.as_ref();
        opaque.map(OpaqueCredentials::export)
    }

    /// Finds out at start how each issuer reports unknown credentials.
    pub(super) async fn prepare_introspection(&self) {
        let introspectors = self
            .0
            .opaque
            .iter()
            .flat_map(OpaqueCredentials::introspectors);
        for introspector in introspectors {
            introspector.prepare().await;
        }
    }

    /// Returns the header that API keys are read from, besides `Authorization`.
    pub(crate) fn api_key_header(&self) -> Option<&http::HeaderName> {
        self.0.api_key_header.as_ref()
    }

    /// Verifies an opaque credential. Returns `None` if the credential is to be read as a JWT.
    pub(super) fn verify_opaque(
        &self,
        credential: &[u8],
        now: i64,
        accepted: AcceptedCredentials,
        prior: &PriorWaits,
    ) -> Option<Result<Claims, VerifyError>> {
        let opaque = self.0.opaque.as_ref()?;
        let number = match (opaque.classify(credential), accepted) {
            (CredentialPath::Jwt, AcceptedCredentials::Opaque) => {
                return Some(Err(TokenError::MalformedCredential.into()));
            }
            (CredentialPath::Jwt, _) => return None,
            (_, AcceptedCredentials::Jwt) => return Some(Err(Rejection::JwtRequired.into())),
            (CredentialPath::Malformed, _) => {
                return Some(Err(TokenError::MalformedCredential.into()));
            }
            (CredentialPath::Opaque(number), _) => number,
        };
        let introspector = opaque.introspector(number)?;
        let outcome = match &prior.introspection {
            Some(outcome) => outcome.clone(),
            None => match opaque.lookup(introspector, credential, now) {
                IntrospectionLookup::Done(outcome) => outcome,
                IntrospectionLookup::Wait(wait) => {
                    let wait = WaitFor::Introspection(PendingIntrospection { wait });
                    return Some(Err(VerifyError::Pending(Box::new(wait))));
                }
            },
        };
        Some(match outcome {
            IntrospectionOutcome::Active(claims) => Ok(claims),
            IntrospectionOutcome::Rejected(RejectedCredential::Inactive) => {
                Err(TokenError::InactiveCredential.into())
            }
            IntrospectionOutcome::Rejected(RejectedCredential::Claims(rejected)) => {
                Err(self.rejected_response(credential, introspector.issuer(), &rejected))
            }
            IntrospectionOutcome::Failed { retry_after } => {
                Err(Rejection::IntrospectionUnavailable { retry_after }.into())
            }
        })
    }

    /// Describes a rejected response for the event. The issuer says that the credential is active,
    /// so the response may be described.
    fn rejected_response(
        &self,
        credential: &[u8],
        issuer: &Arc<str>,
        rejected: &RejectedClaims,
    ) -> VerifyError {
        let rejection = Rejection::InvalidClaims(rejected.error);
        let token = are_rejections_recorded().then(|| {
            let mut listed = self.0.issuers.listed().iter();
            let trusted = listed.find(|trusted| trusted.issuer == *issuer);
            let as_for_jwt = || described(self, credential, trusted?, &rejection).0;
            let expected = expected_in_response(rejected.error).map(str::to_owned);
            Box::new(RejectedToken {
                issuer: Arc::clone(issuer),
                client_id: None,
                organization: None,
                jti: None,
                expected: expected.or_else(as_for_jwt),
                found: rejected.found.as_deref().map(str::to_owned),
            })
        });
        VerifyError::Rejected(VerificationFailure { rejection, token })
    }
}
