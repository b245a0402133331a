//! The condition on a claim, as it is written in a configuration.

use serde::Deserialize;

use crate::verifier::ClaimCondition;

/// A condition on a claim.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a string, a boolean, or one of { is_or_absent }, { starts_with }, { same_as }, \
                 { condition = \"absent\" }, { condition = \"client\" }"
)]
pub(super) enum Condition {
    Is(String),
    Boolean(bool),
    Named(NamedCondition),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum NamedCondition {
    IsOrAbsent(String),
    StartsWith(String),
    SameAs(String),
    Condition(WordCondition),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum WordCondition {
    Absent,
    Client,
}

impl Condition {
    pub(super) fn to_condition(&self) -> ClaimCondition {
        match self {
            Self::Is(value) => ClaimCondition::is(value),
            Self::Boolean(true) => ClaimCondition::is_true(),
            Self::Boolean(false) => ClaimCondition::is_false(),
            Self::Named(NamedCondition::IsOrAbsent(value)) => ClaimCondition::is_or_absent(value),
            Self::Named(NamedCondition::StartsWith(prefix)) => ClaimCondition::starts_with(prefix),
            Self::Named(NamedCondition::SameAs(pointer)) => ClaimCondition::same_as(pointer),
            Self::Named(NamedCondition::Condition(WordCondition::Absent)) => {
                ClaimCondition::absent()
            }
            Self::Named(NamedCondition::Condition(WordCondition::Client)) => {
                ClaimCondition::client()
            }
        }
    }
}
