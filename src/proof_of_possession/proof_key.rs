//! The public key in a proof (`jwk`, RFC 7517), its thumbprint (RFC 7638), and the cache of parsed
//! keys.

use std::fmt;
use std::sync::Arc;

use moka::sync::Cache;

use super::short_bytes::{ShortBytes, sha256};
use crate::jwks::VerificationKey;
use crate::token::{
    Algorithm, JsonChildren, JsonObject, JsonValue, ProofError, Thumbprint, TokenError,
};

/// The required members of a public key, as they were written. The names are in the order of the
/// thumbprint (RFC 7638 §3.2).
pub(super) enum PublicJwk<'j> {
    Ec {
        crv: &'j str,
        x: &'j str,
        y: &'j str,
    },
    Okp {
        crv: &'j str,
        x: &'j str,
    },
    Rsa {
        e: &'j str,
        n: &'j str,
    },
}

/// Members that only a private or a symmetric key has (RFC 7518 §6, RFC 9964 §3).
const PRIVATE_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

impl<'j> PublicJwk<'j> {
    /// Reads `jwk`. The `alg` in it must be that of the header.
    pub(super) fn read(
        json: &'j JsonObject<'_>,
        jwk: JsonChildren,
        algorithm: Algorithm,
    ) -> Result<Self, ProofError> {
        let (mut kty, mut crv, mut x, mut y, mut n, mut e) = (None, None, None, None, None, None);
        for (name, value) in json.members_of(jwk) {
            let member = match name {
                name if PRIVATE_MEMBERS.contains(&name) => return Err(ProofError::PrivateKey),
                "kty" => &mut kty,
                "crv" => &mut crv,
                "x" => &mut x,
                "y" => &mut y,
                "n" => &mut n,
                "e" => &mut e,
                "alg" => {
                    let named = match value {
                        JsonValue::String(name) => Algorithm::from_name(name),
                        _ => None,
                    };
                    if named != Some(algorithm) {
                        return Err(ProofError::InvalidKey);
                    }
                    continue;
                }
                _ => continue,
            };
            match value {
                JsonValue::String(text) if is_plain(text) => *member = Some(text),
                _ => return Err(ProofError::InvalidKey),
            }
        }
        let key = match (kty, crv, x, y, n, e) {
            (Some("EC"), Some(crv), Some(x), Some(y), ..) => Self::Ec { crv, x, y },
            (Some("OKP"), Some(crv), Some(x), ..) => Self::Okp { crv, x },
            (Some("RSA"), _, _, _, Some(n), Some(e)) => Self::Rsa { e, n },
            (Some("oct"), ..) => return Err(ProofError::PrivateKey),
            _ => return Err(ProofError::InvalidKey),
        };
        Ok(key)
    }

    /// Returns the canonical form of the key.
    pub(super) fn canonical(&self) -> CanonicalJwk {
        let mut canonical = ShortBytes::new();
        self.write(|part| canonical.push(part.as_bytes()));
        CanonicalJwk(canonical)
    }

    /// Writes the canonical JSON object of the thumbprint. No value needs an escape.
    fn write(&self, mut write: impl FnMut(&str)) {
        let parts: [(&str, &str); 4] = match *self {
            Self::Ec { crv, x, y } => [("crv", crv), ("kty", "EC"), ("x", x), ("y", y)],
            Self::Okp { crv, x } => [("crv", crv), ("kty", "OKP"), ("x", x), ("", "")],
            Self::Rsa { e, n } => [("e", e), ("kty", "RSA"), ("n", n), ("", "")],
        };
        let mut separator = "{\"";
        for (name, value) in parts.into_iter().filter(|(name, _)| !name.is_empty()) {
            for part in [separator, name, "\":\"", value, "\""] {
                write(part);
            }
            separator = ",\"";
        }
        write("}");
    }
}

/// The JSON object that the thumbprint of a key is computed of: its required members, without white
/// space (RFC 7638 §3). Two keys have the same form only if they are equal.
pub(super) struct CanonicalJwk(ShortBytes);

impl CanonicalJwk {
    /// Returns the thumbprint with SHA-256 (RFC 7638 §3).
    fn thumbprint(&self) -> Thumbprint {
        sha256(self.0.as_bytes())
    }

    /// Parses the key for one algorithm. Only the members of the thumbprint are read.
    fn parse(&self, algorithm: Algorithm) -> Result<VerificationKey, ProofError> {
        let text = std::str::from_utf8(self.0.as_bytes()).map_err(|_| ProofError::InvalidKey)?;
        VerificationKey::from_public_jwk(text, algorithm).map_err(|_| ProofError::InvalidKey)
    }
}

/// Returns `true` if a value is written without escapes in JSON, as base64url and the names of
/// curves are.
fn is_plain(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Parsed keys by thumbprint and algorithm. Only keys that a verified token is bound to are stored.
pub(crate) struct ProofKeys(Cache<(Thumbprint, Algorithm), Arc<ProofKey>>);

/// A parsed key that a verified token is bound to.
pub(super) struct ProofKey {
    pub(super) key: VerificationKey,
    canonical: Box<[u8]>,
}

/// The number of parsed keys that are stored.
const KEYS_MAX: u64 = 10_000;

impl ProofKeys {
    pub(super) fn new() -> Self {
        Self(Cache::new(KEYS_MAX))
    }

    /// Checks that the key has this thumbprint, and returns it if it was parsed before.
    ///
    /// A key that equals a stored key has its thumbprint, so the thumbprint is not computed again.
    pub(super) fn find(
        &self,
        thumbprint: &Thumbprint,
        algorithm: Algorithm,
        jwk: &CanonicalJwk,
    ) -> Result<Option<Arc<ProofKey>>, TokenError> {
        let found = self.0.get(&(*thumbprint, algorithm));
        let is_bound = match &found {
            Some(found) => *found.canonical == *jwk.0.as_bytes(),
            None => jwk.thumbprint() == *thumbprint,
        };
        if is_bound {
            Ok(found)
        } else {
            Err(TokenError::WrongProofKey)
        }
    }

    /// Parses a key with this thumbprint and stores it. The token must be bound to it.
    pub(super) fn parse(
        &self,
        thumbprint: &Thumbprint,
        algorithm: Algorithm,
        jwk: &CanonicalJwk,
    ) -> Result<Arc<ProofKey>, ProofError> {
        let key = Arc::new(ProofKey {
            key: jwk.parse(algorithm)?,
            canonical: jwk.0.as_bytes().into(),
        });
        self.0.insert((*thumbprint, algorithm), Arc::clone(&key));
        Ok(key)
    }
}

impl fmt::Debug for ProofKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProofKeys").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
