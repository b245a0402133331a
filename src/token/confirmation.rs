//! The `cnf` claim: the key or the certificate that a token is bound to (RFC 7800 §3.1, RFC 9449
//! §6.1, RFC 8705 §3.1).

use std::fmt;
#[cfg(feature = "dpop")]
use std::sync::OnceLock;

use super::base64url::decode_32_bytes;
use super::{JsonObject, JsonValue, TokenError};

/// What a token is bound to. If it names both, the sender must have both.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Confirmation {
    jkt: Option<Thumbprint>,
    x5t: Option<Thumbprint>,
    #[cfg(feature = "dpop")]
    token_hash: OnceLock<[u8; 32]>,
}

/// A SHA-256 thumbprint: of a public key (RFC 7638), or of a certificate in DER.
pub(crate) type Thumbprint = [u8; 32];

/// The ways to bind a token that this crate can check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(all(feature = "dpop", feature = "mtls")), allow(dead_code))]
pub(crate) enum BindingMethod {
    /// `jkt`: the key that signs the DPoP proofs (RFC 9449 §6.1).
    Key,
    /// `x5t#S256`: the certificate of the connection (RFC 8705 §3.1).
    Certificate,
}

impl Confirmation {
    /// Reads `cnf`. `null` is absent. A member that is unknown or that no configured method checks
    /// is an error, because the token would be accepted without what its issuer requires.
    pub(crate) fn read(
        json: &JsonObject<'_>,
        configured: &[BindingMethod],
    ) -> Result<Option<Box<Self>>, TokenError> {
        let members = match json.get("cnf") {
            None | Some(JsonValue::Null) => return Ok(None),
            Some(JsonValue::Object(members)) if !configured.is_empty() => members,
            Some(_) => return Err(TokenError::SenderConstrained),
        };
        let mut confirmation = Self {
            jkt: None,
            x5t: None,
            #[cfg(feature = "dpop")]
            token_hash: OnceLock::new(),
        };
        for (name, value) in json.members_of(members) {
            let (method, thumbprint) = match name {
                "jkt" => (BindingMethod::Key, &mut confirmation.jkt),
                "x5t#S256" => (BindingMethod::Certificate, &mut confirmation.x5t),
                _ => return Err(TokenError::SenderConstrained),
            };
            if !configured.contains(&method) {
                return Err(TokenError::SenderConstrained);
            }
            let JsonValue::String(text) = value else {
                return Err(TokenError::MalformedClaim("cnf"));
            };
            *thumbprint = Some(decode_32_bytes(text).ok_or(TokenError::MalformedClaim("cnf"))?);
        }
        if confirmation.jkt.is_none() && confirmation.x5t.is_none() {
            return Err(TokenError::SenderConstrained);
        }
        Ok(Some(Box::new(confirmation)))
    }

    /// Returns the thumbprint of the key that must sign a proof.
    #[cfg_attr(not(feature = "dpop"), allow(dead_code))]
    pub(crate) fn key(&self) -> Option<&Thumbprint> {
        self.jkt.as_ref()
    }

    /// Returns the thumbprint of the certificate that the connection must have.
    #[cfg_attr(not(any(feature = "dpop", feature = "mtls")), allow(dead_code))]
    pub(crate) fn certificate(&self) -> Option<&Thumbprint> {
        self.x5t.as_ref()
    }

    /// Returns the hash of the token, which each of its proofs contains (`ath`, RFC 9449 §4.2). It
    /// is computed at the first proof, and a cached token keeps it.
    #[cfg(feature = "dpop")]
    pub(crate) fn token_hash(&self, compute: impl FnOnce() -> [u8; 32]) -> &[u8; 32] {
        self.token_hash.get_or_init(compute)
    }
}

impl fmt::Debug for Confirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Confirmation")
            .field("key", &self.jkt.is_some())
            .field("certificate", &self.x5t.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
