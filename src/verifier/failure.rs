//! The description of a rejected token with a valid signature, for events.

use super::explain::described;
use super::issuers::trusted::TrustedIssuer;
use super::verification::{VerificationFailure, VerifyError};
use super::verifier::Verifier;
use crate::rejection::Rejection;
use crate::telemetry::decision::are_rejections_recorded;
use crate::token::{JsonObject, RejectedToken, TokenError};

impl Verifier {
    /// Describes the token for the event. It must be called only if the signature is valid.
    pub(super) fn claims_failure(
        &self,
        token: &[u8],
        trusted: &TrustedIssuer,
        json: &JsonObject<'_>,
        error: TokenError,
    ) -> VerifyError {
        let rejection = Rejection::InvalidClaims(error);
        if !are_rejections_recorded() {
            return rejection.into();
        }
        let (expected, found) = described(self, token, trusted, &rejection);
        let identity = trusted.rules.identify(json);
        let token = RejectedToken {
            issuer: trusted.issuer.clone(),
            client_id: identity.client_id.map(Into::into),
            organization: identity.organization.map(Into::into),
            jti: identity.jti.map(Into::into),
            expected,
            found,
        };
        VerifyError::Rejected(VerificationFailure {
            rejection,
            token: Some(Box::new(token)),
        })
    }
}
