//! The requirements of the configuration at each check, for explanations.

use super::inspect::TokenInspection;
use super::step::CheckKind;
use crate::jwks::UnusableKeys;
use crate::token::BindingMethod;
use crate::verifier::issuers::trusted::TrustedIssuer;
use crate::verifier::organization::OrganizationForm;
use crate::verifier::profile::{ClaimMatcher, ClaimRule, Profile, RuleLocation};
use crate::verifier::rules::{Rules, Strictness};

impl TokenInspection<'_> {
    /// Returns the requirement of the configuration, or `None` if there is none or if no issuer's
    /// rules apply.
    pub(super) fn expected(&self, step: CheckKind) -> Option<String> {
        let text = |text: &str| Some(text.to_owned());
        match step {
            CheckKind::Length => Some(format!("at most {} bytes", self.verifier.max_token_bytes())),
            CheckKind::Characters => text("only characters of a bearer token"),
            CheckKind::Segments => text("2 dots and a signature"),
            CheckKind::Encoding => text("canonical base64url without padding"),
            CheckKind::Header => text("one JSON object with a known alg, without crit and b64"),
            CheckKind::ClaimsSet => text("one JSON object, no duplicate claim"),
            CheckKind::Issuer => Some(format!(
                "exactly {}",
                self.verifier.issuers().collect::<Vec<_>>().join(" or ")
            )),
            CheckKind::Signature => text("made with the issuer's key"),
            CheckKind::TokenKind => text("no claim of ID, logout or proof tokens"),
            CheckKind::DateFormats => text("a number in exp, and in nbf and iat if present"),
            CheckKind::Binding => {
                let bindings = &self.trusted()?.rules.bindings;
                text(match bindings.as_slice() {
                    [] => "absent, because it is used as a bearer token",
                    [BindingMethod::Key] => "absent, or jkt with a DPoP proof in the request",
                    [BindingMethod::Certificate] => {
                        "absent, or x5t#S256 with the client certificate of the connection"
                    }
                    _ => "absent, or jkt or x5t#S256 with what the request proves",
                })
            }
            CheckKind::Delegation => text("absent"),
            _ => expected_by_issuer(step, self.trusted()?),
        }
    }
}

pub(super) fn expected_by_issuer(step: CheckKind, trusted: &TrustedIssuer) -> Option<String> {
    let rules: &Rules = &trusted.rules;
    match step {
        CheckKind::Type => Some(match rules.strictness {
            Strictness::Lenient => "absent, JWT or at+jwt".to_owned(),
            Strictness::Rfc9068 => "at+jwt".to_owned(),
        }),
        CheckKind::Algorithm => Some(joined(
            rules.algorithms.iter().map(|algorithm| algorithm.name()),
        )),
        CheckKind::Key => Some(match trusted.keys.current() {
            Some(keys) => {
                let named = keys.set.keys().map(|key| {
                    format!(
                        "{} {}",
                        key.kid.as_deref().unwrap_or("(unnamed)"),
                        key.algorithm
                    )
                });
                format!("one of {}", named.collect::<Vec<_>>().join(", "))
            }
            None => match trusted.keys.status().unusable_keys.as_slice() {
                [] => "one of the issuer's keys, but none are available".to_owned(),
                keys => format!(
                    "one of the issuer's keys, but none can be used: {}",
                    UnusableKeys(keys.iter().collect())
                ),
            },
        }),
        CheckKind::Expiry => Some(format!("in the future, {} s tolerated", rules.leeway)),
        CheckKind::NotBefore => Some(format!(
            "in the past if present, {} s tolerated",
            rules.leeway
        )),
        CheckKind::IssuedAt => Some(match rules.max_age {
            Some(age) => format!("at most {age} s ago, {} s tolerated", rules.leeway),
            None => format!("not in the future, {} s tolerated", rules.leeway),
        }),
        CheckKind::Audience => rules
            .audiences
            .as_ref()
            .map(|audiences| joined(audiences.iter().map(String::as_str))),
        CheckKind::MachineClaims if rules.profile.machine_claims.is_empty() => None,
        CheckKind::MachineClaims => Some(
            rules
                .profile
                .machine_claims
                .iter()
                .map(|rule| describe_rule(rule, &rules.profile))
                .collect::<Vec<_>>()
                .join(", "),
        ),
        CheckKind::Identifiers => Some(match rules.strictness {
            Strictness::Lenient => "strings if present".to_owned(),
            Strictness::Rfc9068 => "sub, client_id, iat and jti present".to_owned(),
        }),
        CheckKind::Client => Some(format!(
            "a string in {}",
            joined(rules.profile.client_id.iter().map(AsRef::as_ref))
        )),
        CheckKind::Organization => Some(
            match rules.organization.form {
                OrganizationForm::Value => "absent, or an organization code",
                OrganizationForm::MemberName => {
                    "absent, or an object with one member, named like an organization code"
                }
            }
            .to_owned(),
        ),
        CheckKind::Scope => Some("an array or a space-separated string if present".to_owned()),
        CheckKind::Custom => rules.custom.map(|_| "the application's type".to_owned()),
        CheckKind::ClientAllowed => rules
            .allow_lists
            .as_ref()
            .and_then(|lists| lists.clients())
            .map(|clients| format!("one of {clients} allowed clients")),
        CheckKind::OrganizationAllowed => rules
            .allow_lists
            .as_ref()
            .and_then(|lists| lists.organizations())
            .map(|codes| format!("one of {codes} allowed organizations")),
        _ => None,
    }
}

fn describe_rule(rule: &ClaimRule, profile: &Profile) -> String {
    let claim = match rule.location {
        RuleLocation::Claims => rule.claim.to_string(),
        RuleLocation::Header => format!("header {}", rule.claim),
    };
    match &rule.matcher {
        ClaimMatcher::Is(value) => format!("{claim} is or contains {value}"),
        ClaimMatcher::IsUnlessAbsent(value) => format!("{claim} is absent or {value}"),
        ClaimMatcher::ContainsWithout { required, excluded } => format!(
            "{claim} is or contains {required}, and none of {}",
            excluded.join(" or ")
        ),
        ClaimMatcher::Absent => format!("{claim} is absent"),
        ClaimMatcher::StartsWith(prefix) => format!("{claim} begins with {prefix}"),
        ClaimMatcher::IsClient { suffix } => {
            let names = joined(profile.client_id.iter().map(AsRef::as_ref));
            format!("{claim} is the client{suffix}, and the client is in {names}")
        }
        ClaimMatcher::SameAs(pointer) => format!("{claim} is the same as {pointer}"),
        ClaimMatcher::Boolean(expected) => format!("{claim} is {expected}"),
    }
}

fn joined<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    texts.collect::<Vec<_>>().join(" or ")
}
