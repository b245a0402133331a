//! The claims of a token that satisfies the rules.

use std::sync::Arc;

use super::claim::as_string;
use crate::token::{
    Confirmation, CredentialFacts, CredentialProof, JsonChildren, JsonObject, JsonValue, Scope,
    Scopes, TokenError,
};

/// The claims of a token that satisfies the rules, still borrowed from it. Its signature may not be
/// verified yet.
pub(crate) struct ValidatedClaims<'j> {
    pub(super) client_id: &'j str,
    pub(super) subject: Option<&'j str>,
    pub(super) org_code: Option<&'j str>,
    pub(super) scopes: RawScopes<'j>,
    pub(super) audience: Option<JsonValue<'j>>,
    pub(super) jti: Option<&'j str>,
    pub(super) confirmation: Option<Box<Confirmation>>,
    pub(super) expires_at: i64,
    pub(super) issued_at: Option<i64>,
    pub(super) not_before: Option<i64>,
}

/// By which APIs and when a token may be used.
pub(super) struct TokenLimits<'j> {
    pub(super) audience: Option<JsonValue<'j>>,
    pub(super) confirmation: Option<Box<Confirmation>>,
    pub(super) issued_at: Option<i64>,
    pub(super) not_before: Option<i64>,
}

/// The client, the organization and the ID of a token.
pub(crate) struct TokenIdentity<'j> {
    pub(crate) client_id: Option<&'j str>,
    pub(crate) organization: Option<&'j str>,
    pub(crate) jti: Option<&'j str>,
}

/// The form in which the scopes are written.
#[derive(Clone, Copy)]
pub(super) enum RawScopes<'j> {
    Absent,
    String(&'j str),
    Array(JsonChildren),
}

/// The verifier and the issuer of a verified token.
pub(crate) struct Provenance<'s> {
    pub(crate) verifier: u64,
    pub(crate) issuer: &'s Arc<str>,
    pub(crate) credential: CredentialFacts,
    pub(crate) proof: CredentialProof,
    pub(crate) limit: UseLimit,
}

/// The seconds until which a result is used, apart from the token's own dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UseLimit {
    /// The first second in which the issuer is queried again.
    pub(crate) fresh_until: i64,
    /// The first second in which the result is not used any more.
    pub(crate) stale_until: i64,
}

impl UseLimit {
    pub(crate) const NONE: Self = Self {
        fresh_until: i64::MAX,
        stale_until: i64::MAX,
    };
}

/// The period in which a verified token is valid, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ValidityPeriod {
    /// The first second in which the token is valid.
    pub(crate) start: i64,
    /// The first second in which the token is no longer valid.
    pub(crate) end: i64,
}

impl<'j> ValidatedClaims<'j> {
    pub(crate) fn client_id(&self) -> &'j str {
        self.client_id
    }

    /// Checks that the scopes are valid. It is for a token with an unverified signature.
    pub(crate) fn check_scopes(&self, json: &JsonObject<'_>) -> Result<(), TokenError> {
        self.scopes.read(json).map(|_| ())
    }
}

impl RawScopes<'_> {
    pub(super) fn read(self, json: &JsonObject<'_>) -> Result<Scopes, TokenError> {
        const MALFORMED: TokenError = TokenError::MalformedClaim("scope");
        match self {
            Self::Absent => Ok(Scopes::default()),
            Self::String(text) => Scopes::parse(text).map_err(|_| MALFORMED),
            Self::Array(list) => {
                let scopes: Vec<&str> = json.items(list).filter_map(scope_entry).collect();
                Scopes::parse(&scopes.join(" ")).map_err(|_| MALFORMED)
            }
        }
    }
}

/// Returns the scope of an array's entry, or `None` if the entry cannot be a scope: another type,
/// an empty string, or a character outside of RFC 6749 §3.3. An entry with a space is one name, and
/// is never split into several scopes.
pub(crate) fn scope_entry(entry: JsonValue<'_>) -> Option<&str> {
    as_string(entry).filter(|name| Scope::is_valid_name(name))
}
