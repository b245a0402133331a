//! The reasons why a DPoP proof is rejected.

use std::fmt;

/// The reason why a DPoP proof is rejected (RFC 9449 §4.3), in the order of the checks.
///
/// The message never contains the proof or a value of it.
///
/// ```
/// use tower_m2m::Rejection;
/// use tower_m2m::token::ProofError;
///
/// let rejection = Rejection::InvalidProof(ProofError::Replayed);
/// assert_eq!(rejection.code(), "proof_replayed");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProofError {
    /// The request has no `DPoP` header.
    Missing,
    /// The request has more than one proof: two headers, or a list in one.
    Multiple,
    /// The proof is longer than the longest token.
    TooLong,
    /// The proof is not one signed JWT with a header and claims that have one clear meaning.
    Malformed,
    /// `typ` is not `dpop+jwt`.
    InvalidType,
    /// `alg` is not one of the configured algorithms. All of them are asymmetric.
    AlgorithmNotAllowed,
    /// `jwk` is absent, or is not a public key that fits `alg`.
    InvalidKey,
    /// `jwk` contains a private or a symmetric key.
    PrivateKey,
    /// A required claim is absent, or a claim has an invalid type.
    InvalidClaim(&'static str),
    /// `htm` is not the method of the request.
    WrongMethod,
    /// `htu` is not the URL of the request.
    WrongUrl,
    /// `iat` is too long ago, or `exp` has passed.
    TooOld,
    /// `iat` or `nbf` is in the future.
    IssuedInFuture,
    /// `ath` is not the hash of the access token.
    WrongToken,
    /// Signature verification failed.
    InvalidSignature,
    /// The proof was used before.
    Replayed,
}

impl ProofError {
    /// Returns a stable machine-readable name: for logs, metrics and tests.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "proof_missing",
            Self::Multiple => "multiple_proofs",
            Self::TooLong => "proof_too_long",
            Self::Malformed => "proof_malformed",
            Self::InvalidType => "proof_invalid_type",
            Self::AlgorithmNotAllowed => "proof_algorithm_not_allowed",
            Self::InvalidKey => "proof_invalid_key",
            Self::PrivateKey => "proof_private_key",
            Self::InvalidClaim(_) => "proof_invalid_claim",
            Self::WrongMethod => "proof_wrong_method",
            Self::WrongUrl => "proof_wrong_url",
            Self::TooOld => "proof_too_old",
            Self::IssuedInFuture => "proof_issued_in_future",
            Self::WrongToken => "proof_wrong_token",
            Self::InvalidSignature => "proof_invalid_signature",
            Self::Replayed => "proof_replayed",
        }
    }

    /// Returns the description for the client. It is a constant and is safe in a quoted string (RFC
    /// 6750 §3).
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::Missing => "the request has no DPoP proof",
            Self::Multiple => "the request must have exactly one DPoP header with one proof",
            Self::TooLong => "the DPoP proof is too long",
            Self::Malformed => "the DPoP proof is malformed",
            Self::InvalidType => "typ of the DPoP proof must be dpop+jwt",
            Self::AlgorithmNotAllowed => "alg of the DPoP proof is not accepted",
            Self::InvalidKey => "jwk of the DPoP proof is not a public key that fits alg",
            Self::PrivateKey => "jwk of the DPoP proof contains a private key",
            Self::InvalidClaim(_) => "a claim of the DPoP proof is absent or malformed",
            Self::WrongMethod => "htm of the DPoP proof is not the method of the request",
            Self::WrongUrl => "htu of the DPoP proof is not the URL of the request",
            Self::TooOld => "the DPoP proof is too old",
            Self::IssuedInFuture => "the DPoP proof is dated in the future",
            Self::WrongToken => "ath of the DPoP proof is not the hash of the access token",
            Self::InvalidSignature => "the signature of the DPoP proof is invalid",
            Self::Replayed => "the DPoP proof was used before",
        }
    }
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidClaim(name) => {
                write!(f, "the claim {name} of the DPoP proof is absent or malformed")
            }
            Self::WrongUrl => f.write_str(
                "htu of the DPoP proof is not the URL of the request (compare the base URL of ProofOfPossession::dpop with \
                 the URL that clients use)",
            ),
            Self::TooOld | Self::IssuedInFuture => {
                write!(f, "{} (compare the clocks)", self.description())
            }
            error => f.write_str(error.description()),
        }
    }
}

impl std::error::Error for ProofError {}
