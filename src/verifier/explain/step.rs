//! The checks of a token, and the check that each rejection comes from.

use crate::bearer::BearerError;
use crate::rejection::Rejection;
use crate::token::TokenError;

/// The checks, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CheckKind {
    Length,
    Characters,
    Segments,
    Encoding,
    Header,
    ClaimsSet,
    Issuer,
    Type,
    Algorithm,
    Key,
    Signature,
    TokenKind,
    DateFormats,
    Expiry,
    NotBefore,
    IssuedAt,
    Audience,
    Binding,
    Delegation,
    MachineClaims,
    Identifiers,
    Client,
    Organization,
    Scope,
    Custom,
    ClientAllowed,
    OrganizationAllowed,
    Application,
}

impl CheckKind {
    pub(super) const ALL: [(Self, &'static str); 28] = [
        (Self::Length, "length"),
        (Self::Characters, "characters"),
        (Self::Segments, "segments"),
        (Self::Encoding, "encoding"),
        (Self::Header, "header"),
        (Self::ClaimsSet, "claims set"),
        (Self::Issuer, "issuer"),
        (Self::Type, "type"),
        (Self::Algorithm, "algorithm"),
        (Self::Key, "key"),
        (Self::Signature, "signature"),
        (Self::TokenKind, "kind of token"),
        (Self::DateFormats, "dates"),
        (Self::Expiry, "expiry"),
        (Self::NotBefore, "not before"),
        (Self::IssuedAt, "issued at"),
        (Self::Audience, "audience"),
        (Self::Binding, "binding"),
        (Self::Delegation, "delegation"),
        (Self::MachineClaims, "machine"),
        (Self::Identifiers, "identifiers"),
        (Self::Client, "client"),
        (Self::Organization, "organization"),
        (Self::Scope, "scope"),
        (Self::Custom, "custom claims"),
        (Self::ClientAllowed, "client allowed"),
        (Self::OrganizationAllowed, "organization allowed"),
        (Self::Application, "application's check"),
    ];

    /// Returns `true` if the check compares a time of the token with the clock.
    pub(super) fn is_time(self) -> bool {
        matches!(self, Self::Expiry | Self::NotBefore | Self::IssuedAt)
    }

    /// Returns the check that a rejection comes from. The token passed every check before it.
    pub(super) fn from_rejection(rejection: &Rejection) -> Self {
        match rejection {
            Rejection::InvalidRequest(BearerError::TooLong { .. }) => Self::Length,
            Rejection::InvalidRequest(_) => Self::Characters,
            Rejection::InvalidToken(error) | Rejection::InvalidClaims(error) => {
                Self::from_token_error(*error)
            }
            Rejection::KeysUnavailable { .. } | Rejection::KeyUnavailable { .. } => Self::Key,
            Rejection::ClientNotAllowed => Self::ClientAllowed,
            Rejection::OrganizationNotAllowed => Self::OrganizationAllowed,
            _ => Self::Application,
        }
    }

    fn from_token_error(error: TokenError) -> Self {
        use TokenError as E;
        match error {
            E::NotThreeSegments | E::Encrypted | E::NoSignature => Self::Segments,
            E::InvalidBase64 => Self::Encoding,
            E::InvalidHeader(_)
            | E::InvalidHeaderParameter(_)
            | E::UnknownAlgorithm
            | E::UnsupportedCrit
            | E::UnencodedPayload => Self::Header,
            E::InvalidClaimsSet(_) => Self::ClaimsSet,
            E::UntrustedIssuer => Self::Issuer,
            E::InvalidType => Self::Type,
            E::AlgorithmNotAllowed => Self::Algorithm,
            E::UnknownKey | E::KeyOfOtherIssuer => Self::Key,
            E::InvalidSignature => Self::Signature,
            E::NotAnAccessToken => Self::TokenKind,
            E::MissingClaim("exp" | "iat") | E::MalformedClaim("exp" | "nbf" | "iat") => {
                Self::DateFormats
            }
            E::Expired => Self::Expiry,
            E::NotYetValid => Self::NotBefore,
            E::IssuedInFuture | E::TooOld => Self::IssuedAt,
            E::InvalidAudience | E::MissingClaim("aud") | E::MalformedClaim("aud") => {
                Self::Audience
            }
            E::SenderConstrained | E::CertificateMissing | E::WrongCertificate => Self::Binding,
            E::Delegated => Self::Delegation,
            E::WrongGrantType => Self::MachineClaims,
            E::MissingClaim("client id") | E::MalformedClaim("client id") => Self::Client,
            E::InvalidOrganization => Self::Organization,
            E::MalformedClaim("scope") => Self::Scope,
            E::MalformedClaim("custom claims") => Self::Custom,
            E::MissingClaim(_) | E::MalformedClaim(_) => Self::Identifiers,
            _ => Self::Application,
        }
    }
}

/// Returns `true` if the signature was verified before the token was rejected.
pub(super) fn signature_was_valid(rejection: &Rejection) -> bool {
    !matches!(
        rejection,
        Rejection::InvalidRequest(_)
            | Rejection::InvalidToken(_)
            | Rejection::KeysUnavailable { .. }
            | Rejection::KeyUnavailable { .. }
            | Rejection::IntrospectionUnavailable { .. }
            | Rejection::JwtRequired
            | Rejection::MissingToken
            | Rejection::UnsupportedScheme
    )
}
