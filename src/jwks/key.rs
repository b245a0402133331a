//! One key, parsed once, bound to one algorithm (RFC 7517 §4, RFC 7518 §6).

use std::fmt;

use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{
    self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;

use super::KeyError;
use super::jwk::{Jwk, coordinate, exact_octets, unsigned};
use super::key_binding::KeyBinding;
use super::keyed_hash;
use super::weak_keys::{check_exponent, is_small_order};
use crate::token::{Algorithm, KeyFingerprint, KeyKind};

/// A public key that is ready for verification, with exactly one algorithm.
pub(crate) struct VerificationKey {
    kid: Option<Box<str>>,
    algorithm: Algorithm,
    key: ParsedPublicKey,
    /// The length of valid signatures. Others are rejected before they are verified.
    signature_len: usize,
    binding: KeyBinding,
    fingerprint: KeyFingerprint,
}

/// The issuer, the algorithms and the limits for which a key set is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeySetScope<'a> {
    pub(crate) allowed_algorithms: &'a [Algorithm],
    /// The issuer of the tokens that the keys verify. If it is `None`, keys that name an issuer
    /// verify no token.
    pub(crate) issuer: Option<&'a str>,
    pub(crate) limits: KeySetLimits,
}

/// The limits of a key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeySetLimits {
    /// The largest document, in bytes.
    pub(crate) bytes: usize,
    /// The largest number of usable keys. Unusable keys do not count.
    pub(crate) usable_keys: usize,
}

impl KeySetLimits {
    /// The limits for issuers that the application lists.
    pub(crate) const LISTED: Self = Self {
        bytes: 1024 * 1024,
        usable_keys: 1_000,
    };
    /// The limits for issuers that the application resolves, because there can be many.
    pub(crate) const RESOLVED: Self = Self {
        bytes: 256 * 1024,
        usable_keys: 100,
    };
}

impl VerificationKey {
    /// Reads one JWK of a set. A key without `alg` is bound to the first allowed algorithm that
    /// fits its type.
    pub(super) fn from_jwk(text: &str, scope: KeySetScope<'_>) -> Result<Self, KeyError> {
        let jwk = Jwk::parse(text)?;
        jwk.check_is_public()?;
        let kind = key_kind(&jwk)?;
        jwk.check_verifies()?;
        let allowed = scope.allowed_algorithms;
        let algorithm = match jwk.alg.as_deref().map(Algorithm::from_name) {
            Some(Some(algorithm)) if algorithm.key_kind() == kind => algorithm,
            Some(_) => return Err(KeyError::UnsupportedAlgorithm),
            None => *allowed
                .iter()
                .find(|algorithm| algorithm.key_kind() == kind)
                .ok_or(KeyError::AlgorithmNotAllowed)?,
        };
        if !allowed.contains(&algorithm) {
            return Err(KeyError::AlgorithmNotAllowed);
        }
        let binding =
            KeyBinding::new(jwk.issuer.as_deref(), scope.issuer).ok_or(KeyError::OtherIssuer)?;
        let (key, signature_len) = public_key(&jwk, algorithm)?;
        Ok(Self {
            fingerprint: fingerprint(jwk.kid.as_deref(), algorithm, &key, &binding),
            kid: jwk.kid.map(Into::into),
            algorithm,
            key,
            signature_len,
            binding,
        })
    }

    /// Reads the key in a DPoP proof (RFC 9449 §4.2), whose header names the algorithm.
    #[cfg(feature = "dpop")]
    pub(crate) fn from_public_jwk(text: &str, algorithm: Algorithm) -> Result<Self, KeyError> {
        let scope = KeySetScope {
            allowed_algorithms: &[algorithm],
            issuer: None,
            limits: KeySetLimits::LISTED,
        };
        Self::from_jwk(text, scope)
    }

    /// Reads a PEM public key (RFC 7468 §13). It has no `kid`.
    pub(crate) fn from_pem(algorithm: Algorithm, pem: &str) -> Result<Self, KeyError> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| KeyError::Malformed)?;
        let signature_len = match (rsa_parameters(algorithm), algorithm.key_kind()) {
            (Some(_), _) => {
                // Parsing rejects exponents that are even, 1 or longer than 33 bits.
                let key = PublicEncryptingKey::from_der(&der)
                    .map_err(|_| KeyError::UnsupportedKeySize)?;
                if !(2048..=8192).contains(&key.key_size_bits()) {
                    return Err(KeyError::UnsupportedKeySize);
                }
                key.key_size_bytes()
            }
            (None, _) => coordinate_size(algorithm).map_or(64, |size| size * 2),
        };
        let key = ParsedPublicKey::new(verification_algorithm(algorithm), &der)
            .map_err(|_| KeyError::UnsupportedKeyType)?;
        if algorithm == Algorithm::EdDSA
            && der
                .get(der.len().saturating_sub(32)..)
                .is_none_or(is_small_order)
        {
            return Err(KeyError::InvalidPoint);
        }
        Ok(Self {
            kid: None,
            algorithm,
            fingerprint: fingerprint(None, algorithm, &key, &KeyBinding::Any),
            key,
            signature_len,
            binding: KeyBinding::Any,
        })
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(super) fn fingerprint(&self) -> KeyFingerprint {
        self.fingerprint
    }

    /// Returns `true` if the key belongs to the issuer of a token with this `tid`.
    pub(super) fn belongs_to_issuer<'t>(&self, tid: impl FnOnce() -> Option<&'t str>) -> bool {
        self.binding.allows(tid)
    }

    /// Verifies a signature. This is the only expensive step of a verification.
    pub(crate) fn verifies(&self, signing_input: &[u8], signature: &[u8]) -> bool {
        #[cfg(all(test, tower_m2m_unit_tests))]
        SIGNATURE_CHECKS.set(SIGNATURE_CHECKS.get() + 1);
        signature.len() == self.signature_len
            && self.key.verify_sig(signing_input, signature).is_ok()
    }
}

#[cfg(all(test, tower_m2m_unit_tests))]
thread_local! {
    /// The signature checks of this thread. Tests count what a token costs.
    pub(crate) static SIGNATURE_CHECKS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerificationKey")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

fn fingerprint(
    kid: Option<&str>,
    algorithm: Algorithm,
    key: &ParsedPublicKey,
    binding: &KeyBinding,
) -> KeyFingerprint {
    KeyFingerprint(keyed_hash((kid, algorithm, key.as_ref(), binding)))
}

fn key_kind(jwk: &Jwk) -> Result<KeyKind, KeyError> {
    match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => Ok(KeyKind::Rsa),
        ("EC", Some("P-256")) => Ok(KeyKind::P256),
        ("EC", Some("P-384")) => Ok(KeyKind::P384),
        ("EC", Some("P-521")) => Ok(KeyKind::P521),
        ("OKP", Some("Ed25519")) => Ok(KeyKind::Ed25519),
        ("EC" | "OKP", None) => Err(KeyError::Malformed),
        _ => Err(KeyError::UnsupportedKeyType),
    }
}

fn public_key(jwk: &Jwk, algorithm: Algorithm) -> Result<(ParsedPublicKey, usize), KeyError> {
    if let Some(padding) = rsa_parameters(algorithm) {
        return rsa_key(jwk, padding);
    }
    let (point, signature_len) = if let Some(size) = coordinate_size(algorithm) {
        let mut uncompressed = vec![4];
        uncompressed.extend(coordinate(jwk.x.as_deref(), size)?);
        uncompressed.extend(coordinate(jwk.y.as_deref(), size)?);
        (uncompressed, size * 2)
    } else {
        let x = exact_octets(jwk.x.as_deref(), 32)?;
        if is_small_order(&x) {
            return Err(KeyError::InvalidPoint);
        }
        (x, 64)
    };
    let key = ParsedPublicKey::new(verification_algorithm(algorithm), &point)
        .map_err(|_| KeyError::InvalidPoint)?;
    Ok((key, signature_len))
}

fn rsa_key(
    jwk: &Jwk,
    padding: &'static RsaParameters,
) -> Result<(ParsedPublicKey, usize), KeyError> {
    let (n, e) = (unsigned(jwk.n.as_deref())?, unsigned(jwk.e.as_deref())?);
    let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if !(2048..=8192).contains(&bits) {
        return Err(KeyError::UnsupportedKeySize);
    }
    check_exponent(&e)?;
    // An even modulus has the factor two, so it is not from an RSA key. Some arithmetic would not
    // end with it.
    if n.last().is_none_or(|byte| byte % 2 == 0) {
        return Err(KeyError::Malformed);
    }
    let signature_len = n.len();
    let key = RsaPublicKeyComponents { n, e }
        .to_parsed_public_key(padding)
        .map_err(|_| KeyError::Malformed)?;
    Ok((key, signature_len))
}

/// Returns the bytes of one coordinate, which is half of a signature, or `None` for algorithms
/// without coordinates.
fn coordinate_size(algorithm: Algorithm) -> Option<usize> {
    match algorithm.key_kind() {
        KeyKind::P256 => Some(32),
        KeyKind::P384 => Some(48),
        KeyKind::P521 => Some(66),
        KeyKind::Rsa | KeyKind::Ed25519 => None,
    }
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::RS256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
        Algorithm::ES256 | Algorithm::ES384 | Algorithm::ES512 | Algorithm::EdDSA => None,
    }
}

fn verification_algorithm(algorithm: Algorithm) -> &'static dyn VerificationAlgorithm {
    match (rsa_parameters(algorithm), algorithm.key_kind()) {
        (Some(padding), _) => padding,
        (None, KeyKind::P384) => &signature::ECDSA_P384_SHA384_FIXED,
        (None, KeyKind::P521) => &signature::ECDSA_P521_SHA512_FIXED,
        (None, KeyKind::Ed25519) => &signature::ED25519,
        (None, _) => &signature::ECDSA_P256_SHA256_FIXED,
    }
}
