//! Keys that are generated in each run. No repository contains one.

use std::fmt;
use std::io;
use std::sync::Arc;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use serde_json::{Map, Value};

use super::algorithm::{Family, SigningAlgorithm};
use super::encoding::{base64url, hex, pem, random, rsa_components, signing_input};

/// A key pair that signs tokens, with one algorithm and one `kid`.
///
/// Clones share the key. `Debug` shows only `kid` and algorithm.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use tower_m2m::testing::{SigningAlgorithm, SigningKey};
///
/// let key = SigningKey::generate(SigningAlgorithm::Es256)?;
/// assert_eq!(key.public_jwk()["crv"], "P-256");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SigningKey {
    kid: String,
    algorithm: SigningAlgorithm,
    material: Arc<Material>,
}

impl SigningKey {
    /// Generates a new key pair: RSA with 2048 bits (about 100 ms), P-256, P-384, P-521 or Ed25519.
    ///
    /// The `kid` is random and has Kinde's form: a fingerprint in hexadecimal pairs with colons.
    ///
    /// # Errors
    ///
    /// Returns an error if the system has no randomness.
    pub fn generate(algorithm: SigningAlgorithm) -> io::Result<Self> {
        let kid = hex(&random::<16>()?, ":");
        let material = Arc::new(Material::generate(algorithm)?);
        Ok(Self {
            kid,
            algorithm,
            material,
        })
    }

    /// Returns the same key with another `kid`.
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = kid.into();
        self
    }

    /// Returns the same key with another algorithm of its family, such as PS256 for an RSA key, or
    /// `None` if the key cannot sign with it.
    #[must_use]
    pub fn with_algorithm(mut self, algorithm: SigningAlgorithm) -> Option<Self> {
        let fits = algorithm.family() == self.algorithm.family();
        self.algorithm = algorithm;
        fits.then_some(self)
    }

    /// Returns the key's ID.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Returns the algorithm that it signs with.
    #[must_use]
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// Returns the public key as a JWK (RFC 7517 §4) with `kid`, `alg` and `use`.
    #[must_use]
    pub fn public_jwk(&self) -> Value {
        let mut jwk = self.material.jwk.clone();
        jwk.insert("use".into(), "sig".into());
        jwk.insert("alg".into(), self.algorithm.as_str().into());
        jwk.insert("kid".into(), self.kid.as_str().into());
        Value::Object(jwk)
    }

    /// Returns the public key as PEM, a `SubjectPublicKeyInfo` (RFC 7468 §13).
    #[must_use]
    pub fn public_pem(&self) -> String {
        pem("PUBLIC KEY", &self.material.spki)
    }

    /// Returns the public key as DER, a `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
    #[must_use]
    pub fn public_der(&self) -> &[u8] {
        &self.material.spki
    }

    /// Signs `message` and returns the signature in the form of a JWS (RFC 7518 §3).
    ///
    /// # Errors
    ///
    /// Returns an error if the cryptographic library fails.
    pub fn sign(&self, message: &[u8]) -> io::Result<Vec<u8>> {
        let rng = SystemRandom::new();
        match &self.material.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(self.algorithm.rsa_encoding(), &rng, message, &mut signature)
                    .map(|()| signature)
            }
            Pair::Ec(pair) => pair
                .sign(&rng, message)
                .map(|signature| signature.as_ref().to_vec()),
            Pair::Ed(pair) => pair
                .try_sign(message)
                .map(|signature| signature.as_ref().to_vec()),
        }
        .map_err(|_| io::Error::other("failed to sign"))
    }

    /// Returns the public key without an envelope: the PKCS#1 structure of an RSA key, or the point
    /// of another key.
    pub(super) fn public_bare(&self) -> &[u8] {
        &self.material.bare
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// Signs exactly these bytes and returns a compact JWS (RFC 7515 §7.1).
///
/// If signing fails, the signature is empty. No verifier accepts such a token, so the test fails.
pub(super) fn compact(
    header: impl AsRef<[u8]>,
    payload: impl AsRef<[u8]>,
    key: &SigningKey,
) -> String {
    let input = signing_input(header, payload);
    let signature = key.sign(input.as_bytes()).unwrap_or_default();
    format!("{input}.{}", base64url(signature))
}

struct Material {
    pair: Pair,
    jwk: Map<String, Value>,
    spki: Vec<u8>,
    bare: Vec<u8>,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Material {
    fn generate(algorithm: SigningAlgorithm) -> io::Result<Self> {
        match algorithm.family() {
            Family::Rsa => Self::rsa(),
            Family::P256 => Self::ec("P-256", &signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            Family::P384 => Self::ec("P-384", &signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            Family::P521 => Self::ec("P-521", &signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            Family::Ed25519 => Self::ed25519(),
        }
        .ok_or_else(|| io::Error::other(format!("failed to generate a key for {algorithm}")))
    }

    fn rsa() -> Option<Self> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).ok()?;
        let bare = pair.public_key().as_ref().to_vec();
        let (n, e) = rsa_components(&bare)?;
        let jwk = members([
            ("kty", "RSA".into()),
            ("n", base64url(n)),
            ("e", base64url(e)),
        ]);
        let spki = pair.public_key().as_der().ok()?.as_ref().to_vec();
        Some(Self {
            pair: Pair::Rsa(pair),
            jwk,
            spki,
            bare,
        })
    }

    fn ec(curve: &str, algorithm: &'static signature::EcdsaSigningAlgorithm) -> Option<Self> {
        let pair = EcdsaKeyPair::generate(algorithm).ok()?;
        let bare = pair.public_key().as_ref().to_vec();
        // An uncompressed point: 4, x, y (SEC 1 §2.3.3).
        let (_, xy) = bare.split_first()?;
        let (x, y) = xy.split_at_checked(xy.len() / 2)?;
        let jwk = members([
            ("kty", "EC".into()),
            ("crv", curve.into()),
            ("x", base64url(x)),
            ("y", base64url(y)),
        ]);
        let spki = pair.public_key().as_der().ok()?.as_ref().to_vec();
        Some(Self {
            pair: Pair::Ec(pair),
            jwk,
            spki,
            bare,
        })
    }

    fn ed25519() -> Option<Self> {
        let pair = Ed25519KeyPair::generate().ok()?;
        let bare = pair.public_key().as_ref().to_vec();
        let jwk = members([
            ("kty", "OKP".into()),
            ("crv", "Ed25519".into()),
            ("x", base64url(&bare)),
        ]);
        let spki = pair.public_key().as_der().ok()?.as_ref().to_vec();
        Some(Self {
            pair: Pair::Ed(pair),
            jwk,
            spki,
            bare,
        })
    }
}

fn members<const N: usize>(pairs: [(&str, String); N]) -> Map<String, Value> {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Value::String(value)))
        .collect()
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
