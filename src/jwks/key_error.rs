//! Reasons why a key cannot be used.

use std::fmt;

/// A reason why one key of a set is not used. The other keys are not affected (RFC 7517 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyError {
    /// Not an object, or a member is absent or of the wrong type.
    Malformed,
    /// `kty` or `crv` is not supported.
    UnsupportedKeyType,
    /// The key is symmetric. Such a key must not be published.
    SymmetricKey,
    /// The private part is published too. Any party that fetches the set can sign tokens.
    PrivateKey,
    /// `use` or `key_ops` excludes verifying signatures (RFC 7517 §4.2, §4.3).
    NotForSignatures,
    /// `alg` names no supported algorithm, or one that does not fit the type of the key.
    UnsupportedAlgorithm,
    /// The issuer is not allowed to use the key's algorithm.
    AlgorithmNotAllowed,
    /// An RSA modulus under 2048 or over 8192 bits (RFC 7518 §3.3).
    UnsupportedKeySize,
    /// An RSA exponent that is even, 1, or longer than 33 bits.
    InvalidExponent,
    /// Not a point of the curve, or one of small order (RFC 8725 §3.4).
    InvalidPoint,
    /// The `issuer` member names another issuer than that of the key set.
    OtherIssuer,
    /// The set has as many earlier usable keys as
    /// [`max_usable_keys`](crate::Issuer::max_usable_keys) allows.
    TooManyKeys,
}

impl KeyError {
    /// Returns `true` if the key is well-formed but not for this verifier. Many sets contain such
    /// keys.
    pub(crate) const fn is_unsupported(self) -> bool {
        matches!(
            self,
            Self::UnsupportedKeyType
                | Self::NotForSignatures
                | Self::UnsupportedAlgorithm
                | Self::AlgorithmNotAllowed
                | Self::OtherIssuer
        )
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "a member is absent or malformed",
            Self::UnsupportedKeyType => "the key type or curve is not supported",
            Self::SymmetricKey => "the key is symmetric and must not be published",
            Self::PrivateKey => "the private part of the key is published",
            Self::NotForSignatures => "use or key_ops excludes verifying signatures",
            Self::UnsupportedAlgorithm => "alg is not supported or does not fit this type of key",
            Self::AlgorithmNotAllowed => "alg is not allowed for the issuer",
            Self::UnsupportedKeySize => "the RSA modulus has less than 2048 or more than 8192 bits",
            Self::InvalidExponent => "the RSA exponent is even, 1 or longer than 33 bits",
            Self::InvalidPoint => "the point is not on the curve or has small order",
            Self::OtherIssuer => {
                "issuer names another issuer, so the key verifies no token of this one"
            }
            Self::TooManyKeys => "the set has more usable keys than max_usable_keys allows",
        })
    }
}

impl std::error::Error for KeyError {}
