//! One key, parsed once, bound to one algorithm (RFC 7517 §4, RFC 7518 §6).

use std::fmt;

use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{
    self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Deserialize;

use super::KeyError;
use crate::token::{Algorithm, KeyKind};

/// A public key that is ready to verify with, and can be used with exactly one algorithm.
pub(crate) struct VerificationKey {
    kid: Option<Box<str>>,
    algorithm: Algorithm,
    key: ParsedPublicKey,
    /// Signatures of any other length are refused unread.
    signature_len: usize,
}

/// What matters of a JWK besides the parameters that `jsonwebtoken` reads: `alg` and `crv` as texts, because names that it
/// does not know are told apart here, and whether a private or symmetric part is present.
#[derive(Deserialize)]
struct Extra {
    alg: Option<String>,
    kty: String,
    crv: Option<String>,
    d: Option<serde::de::IgnoredAny>,
    p: Option<serde::de::IgnoredAny>,
    q: Option<serde::de::IgnoredAny>,
    dp: Option<serde::de::IgnoredAny>,
    dq: Option<serde::de::IgnoredAny>,
    qi: Option<serde::de::IgnoredAny>,
    k: Option<serde::de::IgnoredAny>,
}

impl VerificationKey {
    /// Reads one JWK of a set. A key without `alg` is bound to the first of the allowed algorithms that its type is for.
    pub(crate) fn from_jwk(text: &str, allowed: &[Algorithm]) -> Result<Self, KeyError> {
        let extra: Extra = serde_json::from_str(text).map_err(|_| KeyError::Malformed)?;
        if extra.kty == "oct" || extra.k.is_some() {
            return Err(KeyError::SymmetricKey);
        }
        if [extra.d, extra.p, extra.q, extra.dp, extra.dq, extra.qi]
            .iter()
            .any(Option::is_some)
        {
            return Err(KeyError::PrivateKey);
        }
        match (extra.kty.as_str(), extra.crv.as_deref()) {
            ("RSA", _)
            | ("EC" | "OKP", None)
            | ("EC", Some("P-256" | "P-384"))
            | ("OKP", Some("Ed25519")) => {}
            _ => return Err(KeyError::UnsupportedKeyType),
        }
        let jwk: Jwk = serde_json::from_str(text).map_err(|_| KeyError::Malformed)?;
        let verifies =
            |operations: &Vec<KeyOperations>| operations.contains(&KeyOperations::Verify);
        if !matches!(
            jwk.common.public_key_use,
            None | Some(PublicKeyUse::Signature)
        ) || !jwk.common.key_operations.as_ref().is_none_or(verifies)
        {
            return Err(KeyError::NotForSignatures);
        }
        let kind = key_kind(&jwk.algorithm)?;
        let algorithm = match extra.alg.as_deref().map(Algorithm::from_name) {
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
        let (key, signature_len) = public_key(&jwk.algorithm, algorithm)?;
        Ok(Self {
            kid: jwk.common.key_id.map(Into::into),
            algorithm,
            key,
            signature_len,
        })
    }

    /// Reads a PEM public key (RFC 7468 §13). It has no `kid`.
    pub(crate) fn from_pem(algorithm: Algorithm, pem: &str) -> Result<Self, KeyError> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| KeyError::Malformed)?;
        let signature_len = match (rsa_parameters(algorithm), algorithm.key_kind()) {
            (Some(_), _) => {
                // Parsing refuses exponents that are even, 1 or longer than 33 bits.
                let key = PublicEncryptingKey::from_der(&der)
                    .map_err(|_| KeyError::UnsupportedKeySize)?;
                if !(2048..=8192).contains(&key.key_size_bits()) {
                    return Err(KeyError::UnsupportedKeySize);
                }
                key.key_size_bytes()
            }
            (None, KeyKind::P384) => 96,
            (None, _) => 64,
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
            key,
            signature_len,
        })
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The raw signature check: the only expensive step of a verification.
    pub(crate) fn verifies(&self, signing_input: &[u8], signature: &[u8]) -> bool {
        signature.len() == self.signature_len
            && self.key.verify_sig(signing_input, signature).is_ok()
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerificationKey")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

fn key_kind(parameters: &AlgorithmParameters) -> Result<KeyKind, KeyError> {
    match parameters {
        AlgorithmParameters::RSA(_) => Ok(KeyKind::Rsa),
        AlgorithmParameters::EllipticCurve(point) => match point.curve {
            EllipticCurve::P256 => Ok(KeyKind::P256),
            EllipticCurve::P384 => Ok(KeyKind::P384),
            _ => Err(KeyError::UnsupportedKeyType),
        },
        AlgorithmParameters::OctetKeyPair(point) => match point.curve {
            EllipticCurve::Ed25519 => Ok(KeyKind::Ed25519),
            _ => Err(KeyError::UnsupportedKeyType),
        },
        _ => Err(KeyError::Malformed),
    }
}

fn public_key(
    parameters: &AlgorithmParameters,
    algorithm: Algorithm,
) -> Result<(ParsedPublicKey, usize), KeyError> {
    match (parameters, rsa_parameters(algorithm)) {
        (AlgorithmParameters::RSA(rsa), Some(padding)) => {
            let (n, e) = (unsigned(&rsa.n)?, unsigned(&rsa.e)?);
            let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
            if !(2048..=8192).contains(&bits) {
                return Err(KeyError::UnsupportedKeySize);
            }
            check_exponent(&e)?;
            // An even modulus has the factor two: no RSA key, and some arithmetic does not end on it.
            if n.last().is_none_or(|byte| byte % 2 == 0) {
                return Err(KeyError::Malformed);
            }
            let signature_len = n.len();
            let key = RsaPublicKeyComponents { n, e }
                .to_parsed_public_key(padding)
                .map_err(|_| KeyError::Malformed)?;
            Ok((key, signature_len))
        }
        (AlgorithmParameters::EllipticCurve(point), None) => {
            let size = if algorithm == Algorithm::ES384 {
                48
            } else {
                32
            };
            let mut uncompressed = vec![4];
            uncompressed.extend(octets(&point.x, size)?);
            uncompressed.extend(octets(&point.y, size)?);
            let key = ParsedPublicKey::new(verification_algorithm(algorithm), &uncompressed)
                .map_err(|_| KeyError::InvalidPoint)?;
            Ok((key, size * 2))
        }
        (AlgorithmParameters::OctetKeyPair(point), None) => {
            let x = octets(&point.x, 32)?;
            if is_small_order(&x) {
                return Err(KeyError::InvalidPoint);
            }
            let key = ParsedPublicKey::new(verification_algorithm(algorithm), &x)
                .map_err(|_| KeyError::InvalidPoint)?;
            Ok((key, 64))
        }
        _ => Err(KeyError::Malformed),
    }
}

/// A `Base64urlUInt` (RFC 7518 §2) without leading zeros, which some issuers write all the same.
fn unsigned(text: &str) -> Result<Vec<u8>, KeyError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| KeyError::Malformed)?;
    let leading = bytes.iter().take_while(|byte| **byte == 0).count();
    Ok(bytes.get(leading..).unwrap_or_default().to_vec())
}

fn octets(text: &str, len: usize) -> Result<Vec<u8>, KeyError> {
    match URL_SAFE_NO_PAD.decode(text) {
        Ok(bytes) if bytes.len() == len => Ok(bytes),
        _ => Err(KeyError::Malformed),
    }
}

/// Odd, more than 1, at most 33 bits: anything longer makes each check slow and no key stronger.
fn check_exponent(e: &[u8]) -> Result<(), KeyError> {
    match e {
        [] | [1] => Err(KeyError::InvalidExponent),
        [.., last] if last % 2 == 0 => Err(KeyError::InvalidExponent),
        [1, _, _, _, _] => Ok(()),
        e if e.len() <= 4 => Ok(()),
        _ => Err(KeyError::InvalidExponent),
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
        Algorithm::ES256 | Algorithm::ES384 | Algorithm::EdDSA => None,
    }
}

fn verification_algorithm(algorithm: Algorithm) -> &'static dyn VerificationAlgorithm {
    match (rsa_parameters(algorithm), algorithm.key_kind()) {
        (Some(padding), _) => padding,
        (None, KeyKind::P384) => &signature::ECDSA_P384_SHA384_FIXED,
        (None, KeyKind::Ed25519) => &signature::ED25519,
        (None, _) => &signature::ECDSA_P256_SHA256_FIXED,
    }
}

/// Whether an Ed25519 public key is one of the points of small order, for which some signatures hold for every message
/// (RUSTSEC-2026-0240). The list is that of all their encodings, canonical or not, the sign bit aside.
fn is_small_order(x: &[u8]) -> bool {
    const fn filled(first: u8, middle: u8, last: u8) -> [u8; 32] {
        let mut bytes = [middle; 32];
        [bytes[0], bytes[31]] = [first, last];
        bytes
    }
    const ORDER_8: [u8; 32] = [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ];
    const ORDER_8_NEGATIVE: [u8; 32] = [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ];
    const ENCODINGS: [[u8; 32]; 7] = [
        filled(0, 0, 0),
        filled(1, 0, 0),
        ORDER_8,
        ORDER_8_NEGATIVE,
        filled(0xec, 0xff, 0x7f),
        filled(0xed, 0xff, 0x7f),
        filled(0xee, 0xff, 0x7f),
    ];
    let Some((last, rest)) = x.split_last() else {
        return true;
    };
    ENCODINGS
        .iter()
        .filter_map(|encoding| encoding.split_last())
        .any(|(top, others)| rest == others && last & 0x7f == *top)
}
