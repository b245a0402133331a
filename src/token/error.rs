//! The reasons why a token is rejected.

use std::fmt;

use super::JsonError;

/// The reason why a token is rejected, in the order of the checks.
///
/// The message names the cause. It never contains the token or the value of a claim. The response
/// for a *client* has fewer details: see [`Rejection`](crate::Rejection).
///
/// ```
/// use tower_m2m::token::{CompactJws, TokenError};
///
/// assert_eq!(CompactJws::split("one.two").unwrap_err(), TokenError::NotThreeSegments);
/// assert_eq!(TokenError::NotThreeSegments.code(), "not_three_segments");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenError {
    /// The token does not have three segments: an opaque token, an API key, or another string (RFC
    /// 7515 §3.1).
    NotThreeSegments,
    /// The token has five segments: it is encrypted (JWE), which this crate does not support.
    Encrypted,
    /// The signature is empty (RFC 7515 §5.2).
    NoSignature,
    /// A segment is not canonical base64url without padding (RFC 7515 §2, RFC 8725bis §3.14).
    InvalidBase64,
    /// The header is not a single JSON object with one clear meaning (RFC 7515 §4).
    InvalidHeader(JsonError),
    /// The header has no `alg`, or a parameter of the wrong type (RFC 7515 §4.1).
    InvalidHeaderParameter(&'static str),
    /// `alg` names no supported algorithm. `none` and HMAC are not supported (RFC 8725 §3.1).
    UnknownAlgorithm,
    /// `crit` is present: it lists extensions that must be understood, and none is supported (RFC
    /// 7515 §4.1.11).
    UnsupportedCrit,
    /// `b64` is present, which is not allowed in JWTs (RFC 7797 §7).
    UnencodedPayload,
    /// `typ` is not that of an access token (RFC 9068 §4, RFC 8725 §3.11).
    InvalidType,
    /// The claims are not a single JSON object with one clear meaning (RFC 7519 §7.2).
    InvalidClaimsSet(JsonError),
    /// `iss` is absent or is not a trusted issuer (RFC 9068 §4).
    UntrustedIssuer,
    /// The issuer is not allowed to use this algorithm (RFC 8725 §3.1).
    AlgorithmNotAllowed,
    /// The header has no `kid`, and the issuer's tokens must have one.
    MissingKid,
    /// The issuer has published no key with this `kid` that fits the algorithm.
    UnknownKey,
    /// The keys with this `kid` belong to another issuer: their `issuer` member does not match
    /// `iss` and `tid`.
    KeyOfOtherIssuer,
    /// Signature verification failed (RFC 7515 §5.2).
    InvalidSignature,
    /// The issuer does not know the opaque credential, or it is not active any more (RFC 7662
    /// §2.2).
    InactiveCredential,
    /// The credential begins like an opaque credential and cannot be one.
    MalformedCredential,
    /// A required claim is absent.
    MissingClaim(&'static str),
    /// A claim has an invalid type or form.
    MalformedClaim(&'static str),
    /// `exp` is in the past (RFC 7519 §4.1.4).
    Expired,
    /// `nbf` is in the future (RFC 7519 §4.1.5).
    NotYetValid,
    /// `iat` is in the future (RFC 7519 §4.1.6).
    IssuedInFuture,
    /// The token is older than the verifier's maximum age.
    TooOld,
    /// `aud` names none of the accepted audiences (RFC 7519 §4.1.3).
    InvalidAudience,
    /// The token is not a machine-to-machine token: its grant type is not client credentials.
    WrongGrantType,
    /// The token is an ID token, a logout token or of another kind, and not an access token (RFC
    /// 8725 §3.12).
    NotAnAccessToken,
    /// The token is bound to a key or certificate (`cnf`), so it must not be used as a bearer token
    /// (RFC 9449 §7.2).
    SenderConstrained,
    /// The token is bound to another key than the one that signed the proof (RFC 9449 §7.1).
    WrongProofKey,
    /// The token came with the scheme `DPoP` and is not bound to a key (RFC 9449 §7.1).
    NotBoundToKey,
    /// The token is bound to a client certificate, and none is known for the request (RFC 8705 §3).
    CertificateMissing,
    /// The token is bound to another certificate than that of the client (RFC 8705 §3).
    WrongCertificate,
    /// The token was issued to an actor that acts for another subject (`act`, RFC 8693 §4.1).
    /// Machine-to-machine use forbids this.
    Delegated,
    /// The organization claim is present but is not an organization code.
    InvalidOrganization,
    /// The application revoked the token.
    Revoked,
}

impl TokenError {
    /// Returns a stable machine-readable name: for logs, metrics and tests.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotThreeSegments => "not_three_segments",
            Self::Encrypted => "encrypted",
            Self::NoSignature => "no_signature",
            Self::InvalidBase64 => "invalid_base64",
            Self::InvalidHeader(_) => "invalid_header",
            Self::InvalidHeaderParameter(_) => "invalid_header_parameter",
            Self::UnknownAlgorithm => "unknown_algorithm",
            Self::UnsupportedCrit => "unsupported_crit",
            Self::UnencodedPayload => "unencoded_payload",
            Self::InvalidType => "invalid_type",
            Self::InvalidClaimsSet(_) => "invalid_claims_set",
            Self::UntrustedIssuer => "untrusted_issuer",
            Self::AlgorithmNotAllowed => "algorithm_not_allowed",
            Self::MissingKid => "missing_kid",
            Self::UnknownKey => "unknown_key",
            Self::KeyOfOtherIssuer => "key_of_other_issuer",
            Self::InvalidSignature => "invalid_signature",
            Self::InactiveCredential => "inactive_credential",
            Self::MalformedCredential => "malformed_credential",
            Self::MissingClaim(_) => "missing_claim",
            Self::MalformedClaim(_) => "malformed_claim",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedInFuture => "issued_in_future",
            Self::TooOld => "too_old",
            Self::InvalidAudience => "invalid_audience",
            Self::WrongGrantType => "wrong_grant_type",
            Self::NotAnAccessToken => "not_an_access_token",
            Self::SenderConstrained => "sender_constrained",
            Self::WrongProofKey => "wrong_proof_key",
            Self::NotBoundToKey => "not_bound_to_key",
            Self::CertificateMissing => "certificate_missing",
            Self::WrongCertificate => "wrong_certificate",
            Self::Delegated => "delegated",
            Self::InvalidOrganization => "invalid_organization",
            Self::Revoked => "revoked",
        }
    }

    /// Returns the description for the client, if the signature is valid. It is a constant and is
    /// safe in a quoted string (RFC 6750 §3).
    pub(crate) const fn description(&self) -> &'static str {
        match self {
            Self::MissingClaim(_) => "the access token lacks a required claim",
            Self::MalformedClaim(_) => "the access token has a malformed claim",
            Self::Expired => "the access token expired",
            Self::NotYetValid => "the access token is not valid yet",
            Self::IssuedInFuture => "the access token is dated in the future",
            Self::TooOld => "the access token is too old",
            Self::InvalidAudience => "the access token is for another audience",
            Self::WrongGrantType => "the access token is not a machine-to-machine token",
            Self::NotAnAccessToken => "the token is not an access token",
            Self::SenderConstrained => {
                "the access token is bound to a key or a certificate and cannot be used as a bearer token"
            }
            Self::WrongProofKey => {
                "the access token is bound to another key than that of the proof"
            }
            Self::NotBoundToKey => "the access token is not bound to a key",
            Self::CertificateMissing => {
                "the access token is bound to a client certificate, and the request has none"
            }
            Self::WrongCertificate => "the access token is bound to another client certificate",
            Self::Delegated => "delegated access tokens are not accepted",
            Self::InvalidOrganization => "the access token names no valid organization",
            Self::Revoked => "the access token was revoked",
            _ => "the access token is invalid",
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotThreeSegments => {
                f.write_str(
                    "not a signed JWT: it does not have three segments (an opaque token or an API key is accepted only if the \
                     issuer has introspection or api_keys)",
                )
            }
            Self::Encrypted => f.write_str("an encrypted token (JWE), which is not supported"),
            Self::NoSignature => f.write_str("the signature is empty"),
            Self::InvalidBase64 => f.write_str("a segment is not canonical base64url"),
            Self::InvalidHeader(error) => write!(f, "the header is {error}"),
            Self::InvalidHeaderParameter(name) => write!(f, "the header's {name} is absent or malformed"),
            Self::UnknownAlgorithm => f.write_str("alg names no supported algorithm"),
            Self::UnsupportedCrit => f.write_str("crit lists extensions, and none is supported"),
            Self::UnencodedPayload => f.write_str("b64 is present, which is not allowed in JWTs"),
            Self::InvalidType => f.write_str("typ is not that of an accepted access token"),
            Self::InvalidClaimsSet(error) => write!(f, "the claims set is {error}"),
            Self::UntrustedIssuer => f.write_str(
                "iss is not a trusted issuer (compared character for character: look for a trailing slash or a custom domain)",
            ),
            Self::AlgorithmNotAllowed => f.write_str("alg is not allowed for the issuer"),
            Self::MissingKid => f.write_str("the header has no kid, which the issuer's tokens must have"),
            Self::UnknownKey => f.write_str("the issuer has published no key with this kid that fits alg"),
            Self::KeyOfOtherIssuer => f.write_str(
                "the keys with this kid belong to another issuer: their issuer member does not match iss and tid",
            ),
            Self::InvalidSignature => f.write_str("signature verification failed"),
            Self::InactiveCredential => {
                f.write_str("the issuer does not know the credential, or it is not active any more")
            }
            Self::MalformedCredential => {
                f.write_str("the credential has the prefix of an opaque credential and not its length or characters")
            }
            Self::MissingClaim("aud") => f.write_str(
                "the claim aud is required and absent (register an audience at the issuer; if it writes none, see \
                 dangerous_accept_any_audience)",
            ),
            Self::MissingClaim("client id") => f.write_str(
                "the claim of the client ID is required and absent (client_id_claim names the one of this issuer)",
            ),
            Self::MissingClaim(name) => write!(f, "the claim {name} is required and absent"),
            Self::MalformedClaim(name) => write!(f, "the claim {name} is malformed"),
            Self::Expired => f.write_str("exp is in the past (if the token is new, compare the clocks)"),
            Self::NotYetValid => f.write_str("nbf is in the future (if the token is new, compare the clocks)"),
            Self::IssuedInFuture => f.write_str("iat is in the future (compare the clocks)"),
            Self::TooOld => f.write_str("iat is older than the maximum age allows"),
            Self::InvalidAudience => {
                f.write_str("aud names none of the accepted audiences (check that the client requests the API's audience)")
            }
            Self::WrongGrantType => {
                f.write_str(
                    "not a client-credentials token: a claim that distinguishes machine tokens from user tokens is absent or has \
                     another value (user tokens of the same issuer are not accepted)",
                )
            }
            Self::NotAnAccessToken => f.write_str("an ID token, a logout token or another kind, not an access token"),
            Self::SenderConstrained => f.write_str(
                "cnf binds the token to a key or a certificate, and it came as a bearer token, or nothing is configured that \
                 checks the binding (proof_of_possession)",
            ),
            Self::WrongProofKey => f.write_str("cnf binds the token to another key than the one that signed the proof"),
            Self::NotBoundToKey => {
                f.write_str("the token came with the scheme DPoP, and no cnf.jkt binds it to a key (send it as a bearer token)")
            }
            Self::CertificateMissing => f.write_str(
                "cnf binds the token to a client certificate, and none is known for the request (the server passes \
                 ClientCertificate, or a configured peer sends Client-Cert)",
            ),
            Self::WrongCertificate => f.write_str("cnf binds the token to another certificate than that of the client"),
            Self::Delegated => f.write_str("act is present: delegated tokens are not accepted"),
            Self::InvalidOrganization => f.write_str("the organization claim is present but is not an organization code"),
            Self::Revoked => f.write_str("the application revoked the token"),
        }
    }
}

impl std::error::Error for TokenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::InvalidHeader(error) | Self::InvalidClaimsSet(error) => Some(error),
            _ => None,
        }
    }
}
