//! How an issuer is queried about a credential.

use tokio::time::Instant;

use super::error::IntrospectionFailure;
use super::kinde::KindeApi;
use super::outcome::CredentialStatus;
use super::token_introspection::TokenIntrospection;
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
    ) -> Result<CredentialStatus, IntrospectionFailure> {
        match self {
            Self::Kinde(kinde) => kinde.fetch(credential, deadline).await,
            Self::Rfc7662(endpoint) => endpoint.fetch(credential, deadline).await,
        }
    }
}
