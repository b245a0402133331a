//! How an issuer is queried about a credential.

use tokio::time::Instant;

use super::error::IntrospectionFailure;
use super::kinde::KindeApi;
use super::outage::PauseGate;
use super::outcome::CredentialStatus;
use super::rfc7662::MissingTokenType;
use super::token_introspection::TokenIntrospection;

/// A weakness in the verification of an issuer's credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weakness {
    /// A credential can be for another API of the same issuer.
    AnyApi,
    /// A response need not say that the credential is an access token.
    MissingTokenType,
    /// An unknown key looks like a rejection of this service's own credentials.
    UnknownKeys,
}

/// The endpoint of one issuer.
#[derive(Debug)]
pub(crate) enum Backend {
    Kinde(Box<KindeApi>),
    Rfc7662(TokenIntrospection),
}

impl Backend {
    /// Queries the issuer about a credential once.
    pub(super) async fn fetch(
        &self,
        credential: &str,
        deadline: Instant,
        gate: PauseGate<'_>,
    ) -> Result<CredentialStatus, IntrospectionFailure> {
        match self {
            Self::Kinde(kinde) => kinde.fetch(credential, deadline, gate).await,
            Self::Rfc7662(endpoint) => endpoint.fetch(credential, deadline, gate).await,
        }
    }

    /// Returns what weakens the verification.
    pub(super) fn weaknesses(&self) -> impl Iterator<Item = Weakness> + use<> {
        let found = match self {
            Self::Kinde(kinde) => [
                kinde.api_id.is_none().then_some(Weakness::AnyApi),
                (kinde.canary.is_distinguishable() == Some(false)).then_some(Weakness::UnknownKeys),
            ],
            Self::Rfc7662(endpoint) => {
                let is_allowed = endpoint.missing_token_type == MissingTokenType::Allowed;
                [is_allowed.then_some(Weakness::MissingTokenType), None]
            }
        };
        found.into_iter().flatten()
    }

    /// Returns whether an unknown key differs from a rejection of this service's own credentials,
    /// or `None` if that is not known.
    pub(super) fn distinguishes_unknown_keys(&self) -> Option<bool> {
        match self {
            Self::Kinde(kinde) => kinde.canary.is_distinguishable(),
            Self::Rfc7662(_) => None,
        }
    }
}
