//! Explanations why a token is accepted or rejected, check by check, for operators of an API.

mod expected;
mod inspect;
#[cfg(feature = "introspection")]
mod opaque;
mod scopes;
mod step;
mod values;

use std::fmt;

use serde::Serialize;

use self::expected::expected_by_issuer;
use self::inspect::TokenInspection;
use self::step::{CheckKind, signature_was_valid};
use self::values::Values;
#[cfg(feature = "introspection")]
pub(super) use self::values::type_name;
use super::Verifier;
use super::issuers::trusted::TrustedIssuer;
use crate::rejection::Rejection;

/// Every check of a token: the value that was found, the requirement of the configuration, and the
/// outcome.
///
/// It contains no claim values. Of the token it contains only `alg`, `typ`, `kid`, the host of
/// `iss`, and types, lengths and times. `Display` writes a table, and with serde it becomes JSON.
/// It is for terminals and support, and never for a response. [`Verifier::explain`] creates it.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    checks: Vec<Check>,
    personal_data: Vec<&'static str>,
    #[serde(skip)]
    rejection: Option<Rejection>,
}

/// The decision of the verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Accepted,
    Rejected,
}

/// One check.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    name: &'static str,
    outcome: Outcome,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
}

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// The token satisfies the requirement.
    Passed,
    /// The token is rejected because of this check.
    Failed,
    /// The check did not run, because the token is rejected for another reason.
    NotReached,
    /// The configuration has no requirement at this check.
    NotRequired,
}

impl Verifier {
    /// Verifies a token as [`verify`](Self::verify) does, and explains the result check by check.
    ///
    /// The result is that of `verify` itself, so the two cannot disagree.
    ///
    /// ```
    /// # async fn example(verifier: tower_m2m::Verifier, token: &str) {
    /// let explanation = verifier.explain(token).await;
    /// println!("{explanation}");
    /// # }
    /// ```
    pub async fn explain(&self, token: &str) -> Explanation {
        self.explain_credential(token, Values::Hidden).await
    }

    /// Explains as [`explain`](Self::explain) does, and adds the token's issuer, audience, scopes,
    /// organization and client. Show this explanation only to the person who holds the token. The
    /// token itself is never shown.
    pub async fn explain_with_values(&self, token: &str) -> Explanation {
        self.explain_credential(token, Values::Shown).await
    }

    async fn explain_credential(&self, credential: &str, values: Values) -> Explanation {
        #[cfg(feature = "introspection")]
        if let Some(explanation) = self.explain_opaque(credential).await {
            return explanation;
        }
        let rejection = self.verify(credential).await.err();
        self.explanation(credential, rejection, values)
    }

    fn explanation(
        &self,
        token: &str,
        rejection: Option<Rejection>,
        values: Values,
    ) -> Explanation {
        let sight = TokenInspection::new(self, token, values);
        let failed = rejection.as_ref().map(|rejection| {
            let step = match CheckKind::from_rejection(rejection) {
                // If a signature is too long, the verification fails before it reads the header.
                CheckKind::Signature if !sight.signature_decodes() => CheckKind::Encoding,
                step => step,
            };
            (
                step,
                step <= CheckKind::Signature || signature_was_valid(rejection),
            )
        });
        let checks = CheckKind::ALL.iter().map(|(step, name)| {
            let expected = sight.expected(*step);
            let outcome = match failed {
                Some((failing, _)) if failing == *step => Outcome::Failed,
                Some((failing, _)) if failing < *step => Outcome::NotReached,
                // If the key is missing, the claims are validated before a fetch, so a token with
                // invalid claims never causes one.
                Some((_, false)) if matches!(step, CheckKind::Key | CheckKind::Signature) => {
                    Outcome::NotReached
                }
                _ if expected.is_none() => Outcome::NotRequired,
                _ => Outcome::Passed,
            };
            Check {
                name,
                outcome,
                found: sight.found(*step),
                expected,
            }
        });
        Explanation {
            verdict: if rejection.is_none() {
                Verdict::Accepted
            } else {
                Verdict::Rejected
            },
            reason: rejection.as_ref().map(Rejection::code),
            error: rejection.as_ref().map(ToString::to_string),
            checks: checks.collect(),
            personal_data: sight.personal_data(),
            rejection,
        }
    }
}

/// Returns the requirement of the failed check, and the type and length of the value in the token.
/// Times are omitted, because they are values of claims.
pub(super) fn described(
    verifier: &Verifier,
    token: &[u8],
    trusted: &TrustedIssuer,
    rejection: &Rejection,
) -> (Option<String>, Option<String>) {
    let check = CheckKind::from_rejection(rejection);
    let inspected = std::str::from_utf8(token).ok();
    let inspected = inspected.map(|token| TokenInspection::new(verifier, token, Values::Hidden));
    let expected = inspected
        .as_ref()
        .and_then(|inspected| inspected.expected(check))
        .or_else(|| expected_by_issuer(check, trusted));
    let found = inspected.filter(|_| !check.is_time());
    let found = found.map(|inspected| inspected.found(check));
    (expected, found.filter(|found| !found.is_empty()))
}

impl Explanation {
    /// Adds the decision of a route about a token that the verifier accepts. The rejection is that
    /// of the route.
    pub(crate) fn with_route(mut self, checks: Vec<Check>, rejection: Option<Rejection>) -> Self {
        self.checks.extend(checks);
        if let Some(rejection) = rejection {
            self.verdict = Verdict::Rejected;
            self.reason = Some(rejection.code());
            self.error = Some(rejection.to_string());
            self.rejection = Some(rejection);
        }
        self
    }

    /// Returns why the token is rejected, or `None` if it is accepted.
    #[must_use]
    pub fn rejection(&self) -> Option<&Rejection> {
        self.rejection.as_ref()
    }

    /// Returns the checks, in their order.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Returns the names of claims that look like personal data. A machine token should not contain
    /// any.
    #[must_use]
    pub fn personal_data(&self) -> &[&'static str] {
        &self.personal_data
    }
}

impl Check {
    pub(crate) fn new(
        name: &'static str,
        outcome: Outcome,
        found: String,
        expected: Option<String>,
    ) -> Self {
        Self {
            name,
            outcome,
            found,
            expected,
        }
    }

    /// Returns the name of the check.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the outcome.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Returns a description of the token at this check, without values of claims.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }

    /// Returns the requirement of the configuration, or `None` if there is none.
    #[must_use]
    pub fn expected(&self) -> Option<&str> {
        self.expected.as_deref()
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<21} {:<12} {:<44} expected",
            "check", "outcome", "found"
        )?;
        for check in &self.checks {
            let expected = check.expected().unwrap_or("-");
            writeln!(
                f,
                "{:<21} {:<12} {:<44} {expected}",
                check.name,
                check.outcome.to_string(),
                check.found
            )?;
        }
        if !self.personal_data.is_empty() {
            writeln!(
                f,
                "\nlooks like personal data: {}",
                self.personal_data.join(", ")
            )?;
        }
        match (&self.error, self.reason) {
            (Some(problem), Some(reason)) => write!(f, "\nREJECTED ({reason}): {problem}"),
            _ => f.write_str("\nACCEPTED"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::NotReached => "not reached",
            Self::NotRequired => "-",
        })
    }
}
