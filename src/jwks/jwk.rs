//! The members of a JWK that are read (RFC 7517 §4, RFC 7518 §6), and their encodings.
//!
//! A public key is not a credential, and issuers publish keys in more than one encoding of the same
//! bytes. The decoders accept these encodings, which the JWK types of `jsonwebtoken` do not. All
//! checks are made on the decoded key. Tokens are decoded strictly, elsewhere.

use base64::Engine as _;
use base64::alphabet::{self, Alphabet};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jsonwebtoken::jwk::{KeyOperations, PublicKeyUse};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::KeyError;

/// One JWK. Other members, such as `x5u`, `x5c` and `x5t`, are not read.
#[derive(Deserialize)]
pub(super) struct Jwk {
    pub(super) kty: String,
    pub(super) crv: Option<String>,
    pub(super) alg: Option<String>,
    pub(super) kid: Option<String>,
    #[serde(rename = "use")]
    public_key_use: Option<PublicKeyUse>,
    key_ops: Option<Vec<KeyOperations>>,
    /// The issuer that the key belongs to. Microsoft Entra writes it, and no RFC defines it.
    #[serde(default, deserialize_with = "present_string")]
    pub(super) issuer: Option<String>,
    pub(super) n: Option<String>,
    pub(super) e: Option<String>,
    pub(super) x: Option<String>,
    pub(super) y: Option<String>,
    k: Option<IgnoredAny>,
    d: Option<IgnoredAny>,
    p: Option<IgnoredAny>,
    q: Option<IgnoredAny>,
    dp: Option<IgnoredAny>,
    dq: Option<IgnoredAny>,
    qi: Option<IgnoredAny>,
    /// The seed of an AKP key (RFC 9964 §3).
    #[serde(rename = "priv")]
    seed: Option<IgnoredAny>,
}

/// Reads a string that is present. `null` is an error, because it would remove the restriction that
/// the member expresses.
fn present_string<'de, D: Deserializer<'de>>(member: D) -> Result<Option<String>, D::Error> {
    String::deserialize(member).map(Some)
}

impl Jwk {
    pub(super) fn parse(text: &str) -> Result<Self, KeyError> {
        serde_json::from_str(text).map_err(|_| KeyError::Malformed)
    }

    /// Checks that the key is not symmetric, and that its private part is absent.
    pub(super) fn check_is_public(&self) -> Result<(), KeyError> {
        if self.kty == "oct" || self.k.is_some() {
            return Err(KeyError::SymmetricKey);
        }
        let private = [
            &self.d, &self.p, &self.q, &self.dp, &self.dq, &self.qi, &self.seed,
        ];
        if private.iter().any(|member| member.is_some()) {
            return Err(KeyError::PrivateKey);
        }
        Ok(())
    }

    /// Checks `use` and `key_ops` (RFC 7517 §4.2, §4.3).
    pub(super) fn check_verifies(&self) -> Result<(), KeyError> {
        let used_for_tokens = match &self.public_key_use {
            None | Some(PublicKeyUse::Signature) => true,
            // SPIFFE bundles name the kind of document that a key signs, and this one is a JWT.
            Some(PublicKeyUse::Other(name)) => name == "jwt-svid",
            Some(PublicKeyUse::Encryption) => false,
        };
        let operations = self.key_ops.as_ref();
        if used_for_tokens
            && operations.is_none_or(|operations| operations.contains(&KeyOperations::Verify))
        {
            Ok(())
        } else {
            Err(KeyError::NotForSignatures)
        }
    }
}

/// Returns the member that is malformed, or `None` if the JWK is not an object or no single member
/// is malformed. It is for messages; the parser decides.
pub(super) fn malformed_member(text: &str) -> Option<&'static str> {
    const STRINGS: [&str; 10] = [
        "kty", "crv", "alg", "kid", "use", "issuer", "n", "e", "x", "y",
    ];
    let jwk: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    let is_wrong = |name: &&str| match jwk.get(*name) {
        None => false,
        Some(serde_json::Value::Null) => *name == "issuer" || *name == "kty",
        Some(value) => !value.is_string(),
    };
    if let Some(name) = STRINGS.iter().find(|name| is_wrong(name)) {
        return Some(name);
    }
    let operations = jwk.get("key_ops").filter(|value| !value.is_null());
    let are_strings = |value: &serde_json::Value| {
        value
            .as_array()
            .is_some_and(|names| names.iter().all(serde_json::Value::is_string))
    };
    if operations.is_some_and(|value| !are_strings(value)) {
        return Some("key_ops");
    }
    let string = |name: &str| jwk.get(name).and_then(serde_json::Value::as_str);
    let coordinate_size = match string("crv") {
        Some("P-384") => 48,
        _ => 32,
    };
    let unsigned_is_wrong = |name: &str| unsigned(string(name)).is_err();
    let coordinate_is_wrong = |name: &str| coordinate(string(name), coordinate_size).is_err();
    let member = match string("kty") {
        None => "kty",
        Some("EC" | "OKP") if string("crv").is_none() => "crv",
        Some("RSA") if unsigned_is_wrong("n") => "n",
        Some("RSA") if unsigned_is_wrong("e") => "e",
        Some("EC" | "OKP") if coordinate_is_wrong("x") => "x",
        Some("EC") if coordinate_is_wrong("y") => "y",
        Some("OKP") if exact_octets(string("x"), 32).is_err() => "x",
        Some(_) => return None,
    };
    Some(member)
}

/// Decodes a `Base64urlUInt` (RFC 7518 §2) and removes leading zero bytes.
pub(super) fn unsigned(member: Option<&str>) -> Result<Vec<u8>, KeyError> {
    let bytes = octets(member)?;
    let leading = bytes.iter().take_while(|byte| **byte == 0).count();
    Ok(bytes.get(leading..).unwrap_or_default().to_vec())
}

/// Decodes a coordinate of a curve with field elements of `size` bytes (RFC 7518 §6.2.1.2).
///
/// Some issuers omit the leading zero bytes of a coordinate, and some write one too many.
pub(super) fn coordinate(member: Option<&str>, size: usize) -> Result<Vec<u8>, KeyError> {
    let significant = unsigned(member)?;
    let padding = size
        .checked_sub(significant.len())
        .ok_or(KeyError::Malformed)?;
    let mut bytes = vec![0; padding];
    bytes.extend(significant);
    Ok(bytes)
}

/// Decodes a member that has exactly `len` bytes.
pub(super) fn exact_octets(member: Option<&str>, len: usize) -> Result<Vec<u8>, KeyError> {
    octets(member)
        .ok()
        .filter(|bytes| bytes.len() == len)
        .ok_or(KeyError::Malformed)
}

/// Decodes base64url or base64, with or without padding. At least one byte.
fn octets(member: Option<&str>) -> Result<Vec<u8>, KeyError> {
    const fn engine(alphabet: &Alphabet) -> GeneralPurpose {
        let config =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        GeneralPurpose::new(alphabet, config)
    }
    const ENGINES: [GeneralPurpose; 2] = [engine(&alphabet::URL_SAFE), engine(&alphabet::STANDARD)];
    let text = member.filter(|text| !text.is_empty());
    text.and_then(|text| ENGINES.iter().find_map(|engine| engine.decode(text).ok()))
        .ok_or(KeyError::Malformed)
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
