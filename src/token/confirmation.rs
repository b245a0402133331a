//! The `cnf` claim: the key that a token is bound to (RFC 7800 §3.1, RFC 9449 §6.1).

use std::fmt;

use super::{JsonObject, JsonValue, TokenError, base64url};

/// The key that a token is bound to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Confirmation {
    jkt: Thumbprint,
}

/// The SHA-256 thumbprint of a public key (RFC 7638).
pub(crate) type Thumbprint = [u8; 32];

/// The ways to bind a token that this crate can check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "dpop"), allow(dead_code))]
pub(crate) enum BindingMethod {
    /// `jkt`: the key that signs the DPoP proofs (RFC 9449 §6.1).
    Key,
}

impl Confirmation {
    /// Reads `cnf`. `null` is absent. A member that no configured method checks is an error, such
    /// as `x5t#S256` (RFC 8705 §3.1), because the token would be accepted without what its issuer
    /// requires.
    pub(crate) fn read(
        json: &JsonObject<'_>,
        configured: &[BindingMethod],
    ) -> Result<Option<Box<Self>>, TokenError> {
        let members = match json.get("cnf") {
            None | Some(JsonValue::Null) => return Ok(None),
            Some(JsonValue::Object(members)) if !configured.is_empty() => members,
            Some(_) => return Err(TokenError::SenderConstrained),
        };
        let mut jkt = None;
        for (name, value) in json.members_of(members) {
            if name != "jkt" || !configured.contains(&BindingMethod::Key) {
                return Err(TokenError::SenderConstrained);
            }
            let JsonValue::String(text) = value else {
                return Err(TokenError::MalformedClaim("cnf"));
            };
            jkt = Some(decode(text).ok_or(TokenError::MalformedClaim("cnf"))?);
        }
        let jkt = jkt.ok_or(TokenError::SenderConstrained)?;
        Ok(Some(Box::new(Self { jkt })))
    }

    /// Returns the thumbprint of the key that must sign a proof.
    #[cfg_attr(not(feature = "dpop"), allow(dead_code))]
    pub(crate) fn key(&self) -> &Thumbprint {
        &self.jkt
    }
}

/// Decodes base64url without padding to exactly 32 bytes.
fn decode(text: &str) -> Option<Thumbprint> {
    let mut bytes = Thumbprint::default();
    // Another length has more or fewer characters.
    if text.len() != 43 {
        return None;
    }
    (base64url::decode(text.as_bytes(), &mut bytes) == Some(bytes.len())).then_some(bytes)
}

impl fmt::Debug for Confirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Confirmation").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
