//! A JWK Set: lenient per key, strict per set (RFC 7517 §5).

use std::fmt;
use std::sync::atomic::AtomicUsize;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::jwk::malformed_member;
use super::unusable_key::UnusableKey;
use super::{JwksError, KeyError, KeySetLimits, KeySetScope, VerificationKey, keyed_hash};
use crate::token::{Algorithm, KeyFingerprint, TokenError};

/// The usable keys of an issuer, each bound to one algorithm, and the unusable keys.
///
/// ```
/// use tower_m2m::Algorithm;
/// use tower_m2m::jwks::{JwksError, KeySet};
///
/// let weak = br#"{"keys":[{"kty":"RSA","kid":"k","n":"AQAB","e":"AQAB"}]}"#;
/// let set = KeySet::parse(weak, &[Algorithm::RS256])?;
/// assert_eq!(set.keys().count(), 0);
/// assert_eq!(set.unusable_keys().len(), 1);
/// # Ok::<(), JwksError>(())
/// ```
pub struct KeySet {
    pub(super) keys: Vec<VerificationKey>,
    unusable_keys: Vec<UnusableKey>,
    /// The names that only unusable keys have, as keyed hashes.
    unusable_kids: Vec<u64>,
    pub(super) kid_matching: KidMatching,
    /// The key that verified the last token without `kid`.
    pub(super) last_without_kid: AtomicUsize,
}

/// A key set and its generation. Each change of an issuer's set has another number, which is never
/// reused and never 0.
#[derive(Debug)]
pub(crate) struct VersionedKeySet {
    pub(crate) set: KeySet,
    pub(crate) generation: u64,
}

/// The rule whether a token's `kid` must name the key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum KidMatching {
    Required,
    /// A single key without a name fits any `kid`.
    Ignored,
}

/// A usable key of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyInfo {
    /// The key's name (RFC 7517 §4.5).
    pub kid: Option<String>,
    /// The only algorithm that the key is used with.
    pub algorithm: Algorithm,
}

/// The maximum number of unusable keys that are kept with their reasons.
const MAX_UNUSABLE_KEYS: usize = 100;

/// The maximum number of names of unusable keys that are kept. A token with one of these names
/// causes no fetch.
const MAX_UNUSABLE_KIDS: usize = 1000;

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

impl KeySet {
    /// Parses a JWK Set for an issuer that may use the `allowed` algorithms. A key that cannot be
    /// used is ignored and does not affect the others. A set without a usable key is valid too.
    ///
    /// A key can name the issuer that it belongs to (the `issuer` member, which Microsoft Entra
    /// writes). A [`Verifier`](crate::Verifier) compares it with its own issuer. This function
    /// knows no issuer, so [`verify`](Self::verify) does not use such a key.
    ///
    /// # Errors
    ///
    /// Returns [`JwksError::Malformed`] if it is not a JSON object with a `keys` array.
    pub fn parse(json: &[u8], allowed: &[Algorithm]) -> Result<Self, JwksError> {
        let scope = KeySetScope {
            allowed_algorithms: allowed,
            issuer: None,
            limits: KeySetLimits::LISTED,
        };
        Self::parse_for(json, scope)
    }

    /// Reads the JWK Set of an issuer.
    pub(crate) fn parse_for(json: &[u8], scope: KeySetScope<'_>) -> Result<Self, JwksError> {
        let text = std::str::from_utf8(json).map_err(|_| JwksError::Malformed)?;
        let document: Document<'_> = serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .map_err(|_| JwksError::Malformed)?;
        let mut set = Self {
            keys: Vec::new(),
            unusable_keys: Vec::new(),
            unusable_kids: Vec::new(),
            kid_matching: KidMatching::Required,
            last_without_kid: AtomicUsize::new(0),
        };
        for jwk in document.keys {
            let parsed = if set.keys.len() < scope.limits.usable_keys {
                VerificationKey::from_jwk(jwk.get(), scope)
            } else {
                Err(KeyError::TooManyKeys)
            };
            match parsed {
                Ok(key) => set.keys.push(key),
                Err(reason) => set.add_unusable(jwk, reason),
            }
        }
        Ok(set)
    }

    fn add_unusable(&mut self, jwk: &RawValue, reason: KeyError) {
        let kid = kid_of(jwk);
        if self.unusable_kids.len() < MAX_UNUSABLE_KIDS {
            self.unusable_kids.extend(kid.as_deref().map(keyed_hash));
        }
        let is_full = self.unusable_keys.len() >= MAX_UNUSABLE_KEYS;
        let is_recorded = self.unusable_keys.iter().any(|key| key.reason == reason);
        // The reached limit is always reported.
        if is_full && (reason != KeyError::TooManyKeys || is_recorded) {
            return;
        }
        self.unusable_keys.truncate(MAX_UNUSABLE_KEYS - 1);
        let member = (reason == KeyError::Malformed)
            .then(|| malformed_member(jwk.get()))
            .flatten();
        self.unusable_keys.push(UnusableKey {
            kid,
            reason,
            member,
        });
    }

    /// Creates a set of one key in PEM form. The key fits any `kid`.
    pub(crate) fn from_pem(algorithm: Algorithm, pem: &str) -> Result<Self, KeyError> {
        let key = VerificationKey::from_pem(algorithm, pem)?;
        Ok(Self {
            keys: vec![key],
            unusable_keys: Vec::new(),
            unusable_kids: Vec::new(),
            kid_matching: KidMatching::Ignored,
            last_without_kid: AtomicUsize::new(0),
        })
    }

    /// Lets a single key without a `kid` verify tokens of any `kid`, as a key in PEM form does. It
    /// is only for static keys, because a fetched set can get a second key at any time.
    pub(crate) fn with_nameless_key(mut self) -> Self {
        if let ([key], []) = (self.keys.as_slice(), self.unusable_keys.as_slice())
            && key.kid().is_none()
        {
            self.kid_matching = KidMatching::Ignored;
        }
        self
    }

    /// Returns the usable keys.
    pub fn keys(&self) -> impl Iterator<Item = KeyInfo> {
        self.keys.iter().map(|key| KeyInfo {
            kid: key.kid().map(Into::into),
            algorithm: key.algorithm(),
        })
    }

    /// Returns the unusable keys with their reasons, at most 100.
    #[must_use]
    pub fn unusable_keys(&self) -> &[UnusableKey] {
        &self.unusable_keys
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns `true` if the set has a key with this name, also if the key is unusable. Then
    /// another fetch would not help.
    pub(crate) fn contains_kid(&self, kid: Option<&str>) -> bool {
        match (self.kid_matching, kid) {
            (KidMatching::Ignored, _) | (KidMatching::Required, None) => true,
            (KidMatching::Required, Some(kid)) => {
                self.keys.iter().any(|key| key.kid() == Some(kid))
                    || (!self.unusable_kids.is_empty()
                        && self.unusable_kids.contains(&keyed_hash(kid)))
            }
        }
    }

    /// Returns `true` if the set has this key and can use it.
    pub(crate) fn contains_key(&self, fingerprint: KeyFingerprint) -> bool {
        self.keys.iter().any(|key| key.fingerprint() == fingerprint)
    }

    /// Returns the names of the keys, usable or not.
    pub(crate) fn kids(&self) -> impl Iterator<Item = &str> {
        let unusable = self.unusable_keys.iter().map(|key| key.kid.as_deref());
        self.keys
            .iter()
            .map(VerificationKey::kid)
            .chain(unusable)
            .flatten()
    }

    /// Verifies a signature with the key that a token's header names (RFC 7515 §5.2). A key is used
    /// only with the algorithm that it is bound to. This function never fetches.
    ///
    /// A [`Verifier`](crate::Verifier) uses keys only in this way. The claims are not verified
    /// here. The function is public for test vectors and fuzzers.
    ///
    /// ```
    /// use tower_m2m::Algorithm;
    /// use tower_m2m::jwks::KeySet;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // RFC 8037 appendix A.2
    /// let json = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    /// let set = KeySet::parse(json, &[Algorithm::EdDSA])?;
    /// assert!(set.verify(None, Algorithm::EdDSA, b"message", &[0; 64]).is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`TokenError::UnknownKey`] if no key has this `kid` and algorithm,
    /// [`TokenError::KeyOfOtherIssuer`] if the keys belong to another issuer, and
    /// [`TokenError::InvalidSignature`] if the signature is invalid.
    pub fn verify(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        signing_input: &[u8],
        signature: &[u8],
    ) -> Result<(), TokenError> {
        self.verify_for(kid, algorithm, signing_input, signature, || None)
            .map(drop)
    }
}

fn kid_of(jwk: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        kid: Option<String>,
    }
    let named: Named = serde_json::from_str(jwk.get()).ok()?;
    named.kid.filter(|kid| kid.len() <= 256)
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet")
            .field("keys", &self.keys.len())
            .field("left_out", &self.unusable_keys.len())
            .finish_non_exhaustive()
    }
}
