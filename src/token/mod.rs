//! The values in a token, without I/O and without a clock, so that a fuzzer can drive every parser.
//!
//! | parser | reads | RFC |
//! |---|---|---|
//! | [`CompactJws::split`] | the compact serialization: three segments | 7515 §3.1, 8725bis §3.14 |
//! | [`JoseHeader::parse`] | `alg`, `kid`, `typ`, `crit` | 7515 §4 |
//! | [`JsonObject::parse`] | one JSON object, no duplicate member, bounded depth and size | 8259, 7519 §4 |
//! | [`Scope::new`], [`Scopes::parse`] | a scope token, a scope list | 6749 §3.3 |
//! | [`OrgCode::is_valid_code`] | an organization code | Kinde |
//!
//! No parser checks that a token is *authentic*. A [`Verifier`](crate::Verifier) does that.

mod algorithm;
mod allow_lists;
mod base64url;
mod certificate_error;
mod claim_strings;
mod claims;
mod code_pattern;
mod compact;
mod confirmation;
mod credential;
mod error;
mod header;
mod identifier;
mod json;
mod org_code;
mod proof_error;
mod rejected_token;
mod requirement;
mod scope;
mod unlisted;

pub(crate) use algorithm::KeyKind;
pub use algorithm::{Algorithm, UnknownAlgorithm};
pub(crate) use allow_lists::{AllowLists, NotAllowed};
#[cfg(feature = "dpop")]
pub(crate) use base64url::decode_32_bytes;
pub use certificate_error::CertificateHeaderError;
pub(crate) use claim_strings::{ClaimStrings, ClaimStrs};
pub use claims::Claims;
pub(crate) use claims::{ClaimsInner, Custom};
pub(crate) use code_pattern::OrgCodePattern;
pub use compact::CompactJws;
pub(crate) use compact::DecodeBuffer;
#[cfg(any(feature = "dpop", feature = "mtls"))]
pub(crate) use confirmation::Thumbprint;
pub(crate) use confirmation::{BindingMethod, Confirmation};
pub use credential::CredentialKind;
#[cfg(feature = "introspection")]
pub(crate) use credential::{ApiBinding, CredentialHolder};
pub(crate) use credential::{
    CredentialFacts, CredentialProof, IntrospectedCredential, KeyFingerprint,
};
pub use error::TokenError;
pub use header::{JoseHeader, TokenType};
pub(crate) use identifier::is_identifier;
pub(crate) use json::unescape;
pub use json::{JsonChildren, JsonError, JsonObject, JsonValue};
pub use org_code::OrgCode;
pub use proof_error::ProofError;
pub(crate) use rejected_token::RejectedToken;
pub use requirement::ScopeRequirement;
pub use scope::{InvalidScope, Scope, Scopes};
pub(crate) use unlisted::UnlistedIn;
