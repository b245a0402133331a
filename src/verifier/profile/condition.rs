//! The conditions that claims of a machine token must satisfy.

use std::borrow::Cow;

use crate::token::{JsonObject, JsonValue};

/// A condition on a claim, for [`Issuer::require_claim`](crate::Issuer::require_claim) and
/// [`Issuer::require_header`](crate::Issuer::require_header). A string is the condition
/// [`is`](Self::is).
///
/// A claim that is `null` is present and satisfies no condition.
///
/// ```
/// use tower_m2m::{ClaimCondition, Verifier};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // A machine is its own subject (RFC 9068 §2.2).
/// let verifier = Verifier::issuer("https://issuer.example")
///     .audience("https://api.acme.com")
///     .require_claim("/sub", ClaimCondition::client())
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ClaimCondition(pub(crate) ClaimMatcher);

impl ClaimCondition {
    /// Requires that the claim is this string, or an array that contains it.
    #[must_use]
    pub fn is(value: impl Into<String>) -> Self {
        Self(ClaimMatcher::Is(value.into().into()))
    }

    /// Requires that the claim is this string, or an array that contains it, or that it is absent.
    #[must_use]
    pub fn is_or_absent(value: impl Into<String>) -> Self {
        Self(ClaimMatcher::IsUnlessAbsent(value.into().into()))
    }

    /// Requires that the claim is absent.
    #[must_use]
    pub fn absent() -> Self {
        Self(ClaimMatcher::Absent)
    }

    /// Requires that the claim is a string that begins with this one, which must not be empty.
    #[must_use]
    pub fn starts_with(prefix: impl Into<String>) -> Self {
        Self(ClaimMatcher::StartsWith(prefix.into().into()))
    }

    /// Requires that the claim is the client ID of the token.
    #[must_use]
    pub fn client() -> Self {
        Self(ClaimMatcher::IsClient { suffix: "" })
    }

    /// Requires that the claim is the same string as the claim at this JSON Pointer (RFC 6901).
    /// Empty strings do not count.
    #[must_use]
    pub fn same_as(pointer: impl Into<String>) -> Self {
        Self(ClaimMatcher::SameAs(pointer.into()))
    }

    /// Requires that the claim is `true`.
    #[must_use]
    pub fn is_true() -> Self {
        Self(ClaimMatcher::Boolean(true))
    }

    /// Requires that the claim is `false`.
    #[must_use]
    pub fn is_false() -> Self {
        Self(ClaimMatcher::Boolean(false))
    }
}

impl From<&str> for ClaimCondition {
    fn from(value: &str) -> Self {
        Self::is(value)
    }
}

impl From<String> for ClaimCondition {
    fn from(value: String) -> Self {
        Self::is(value)
    }
}

impl From<&String> for ClaimCondition {
    fn from(value: &String) -> Self {
        Self::is(value)
    }
}

/// A condition with the place of the claim.
#[derive(Clone, Debug)]
pub(crate) struct ClaimRule {
    pub(crate) location: RuleLocation,
    /// A JSON Pointer (RFC 6901).
    pub(crate) claim: Cow<'static, str>,
    pub(crate) matcher: ClaimMatcher,
}

/// The part of the token that contains the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RuleLocation {
    Claims,
    Header,
}

/// The condition on one claim.
#[derive(Clone, Debug)]
pub(crate) enum ClaimMatcher {
    /// It is this string, or an array that contains it.
    Is(Cow<'static, str>),
    /// It is this string, or an array that contains it, or it is absent.
    IsUnlessAbsent(Cow<'static, str>),
    /// It is this string, or an array that contains it, and contains none of the others.
    ContainsWithout {
        required: &'static str,
        excluded: &'static [&'static str],
    },
    Absent,
    StartsWith(Cow<'static, str>),
    /// It is the client ID followed by this suffix, or the ID itself if the suffix is empty.
    IsClient {
        suffix: &'static str,
    },
    /// It is the string at this pointer into the claims.
    SameAs(String),
    Boolean(bool),
}

impl ClaimRule {
    pub(super) const fn is(claim: &'static str, value: &'static str) -> Self {
        Self::new(claim, ClaimMatcher::Is(Cow::Borrowed(value)))
    }

    pub(super) const fn new(claim: &'static str, matcher: ClaimMatcher) -> Self {
        Self {
            location: RuleLocation::Claims,
            claim: Cow::Borrowed(claim),
            matcher,
        }
    }

    /// Returns `true` if the rule compares the claim with the client.
    pub(crate) fn is_about_client(&self) -> bool {
        matches!(self.matcher, ClaimMatcher::IsClient { .. })
    }

    /// Returns `true` if the token satisfies the rule. `client_id` is `None` if the token does not
    /// clearly name a client.
    pub(crate) fn matches(
        &self,
        header: &JsonObject<'_>,
        claims: &JsonObject<'_>,
        client_id: Option<&str>,
    ) -> bool {
        let json = match self.location {
            RuleLocation::Claims => claims,
            RuleLocation::Header => header,
        };
        let value = json.pointer(&self.claim);
        match &self.matcher {
            ClaimMatcher::Is(expected) => {
                value.is_some_and(|value| contains_string(json, value, expected))
            }
            ClaimMatcher::IsUnlessAbsent(expected) => {
                value.is_none_or(|value| contains_string(json, value, expected))
            }
            ClaimMatcher::ContainsWithout { required, excluded } => value.is_some_and(|value| {
                contains_string(json, value, required)
                    && !excluded
                        .iter()
                        .any(|excluded| contains_string(json, value, excluded))
            }),
            ClaimMatcher::Absent => value.is_none(),
            ClaimMatcher::StartsWith(prefix) => {
                matches!(value, Some(JsonValue::String(text)) if text.starts_with(&**prefix))
            }
            ClaimMatcher::IsClient { suffix } => match (value, client_id) {
                (Some(JsonValue::String(text)), Some(client_id)) => {
                    text.strip_suffix(suffix) == Some(client_id)
                }
                _ => false,
            },
            ClaimMatcher::SameAs(pointer) => match (value, claims.pointer(pointer)) {
                (Some(JsonValue::String(text)), Some(JsonValue::String(other))) => {
                    !text.is_empty() && text == other
                }
                _ => false,
            },
            ClaimMatcher::Boolean(expected) => {
                matches!(value, Some(JsonValue::Bool(found)) if found == *expected)
            }
        }
    }
}

fn contains_string(json: &JsonObject<'_>, value: JsonValue<'_>, expected: &str) -> bool {
    match value {
        JsonValue::String(text) => text == expected,
        JsonValue::Array(list) => json
            .items(list)
            .any(|item| matches!(item, JsonValue::String(text) if text == expected)),
        _ => false,
    }
}
