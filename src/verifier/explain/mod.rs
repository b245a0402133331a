//! Why a token is accepted or refused, check by check, for the people who run an API.

mod expected;
mod inspect;
mod scopes;
mod step;
mod values;

use std::fmt;

use serde::Serialize;

use self::expected::expected_by_issuer;
use self::inspect::TokenInspection;
use self::step::CheckKind;
use self::values::Values;
use super::Verifier;
use super::issuers::trusted::TrustedIssuer;
use crate::rejection::Rejection;

/// Every check that a token went through: what it saw, what the configuration demands, and how it ended.
///
/// It holds no claim's value and nothing of the token but `alg`, `typ`, `kid`, the host of `iss`, and types, lengths and
/// times. `Display` is a table, and with serde it becomes JSON. It is for terminals and support, never for a response:
/// [`Verifier::explain`] makes it.
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

/// What the verifier says.
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

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// The token is as demanded.
    Passed,
    /// The token is refused because of this.
    Failed,
    /// It was not looked at, because the token is refused for another reason.
    NotReached,
    /// The configuration demands nothing here.
    NotRequired,
}

impl Verifier {
    /// Verifies a token as [`verify`](Self::verify) does, and says how it went, check by check.
    ///
    /// The verdict is that of `verify` itself, so the two cannot disagree.
    ///
    /// ```
    /// # async fn example(verifier: tower_m2m::Verifier, token: &str) {
    /// let explanation = verifier.explain(token).await;
    /// println!("{explanation}");
    /// # }
    /// ```
    pub async fn explain(&self, token: &str) -> Explanation {
        let rejection = self.verify(token).await.err();
        self.explanation(token, rejection, Values::Hidden)
    }

    /// Explains as [`explain`](Self::explain) does, and shows what the token says about its issuer,
    /// audience, scopes and organization: for the person who holds the token. The token itself is
    /// never shown.
    pub async fn explain_with_values(&self, token: &str) -> Explanation {
        let rejection = self.verify(token).await.err();
        self.explanation(token, rejection, Values::Shown)
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
                // A signature that is longer than any is found out before the header is read.
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
                // The claims of a token are looked at before its key is fetched, so that a hopeless one costs no fetch.
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

/// Returns what the configuration requires at the check that failed, and the type and length of what
/// the token has there. Times are left out, because they are values of claims.
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
    /// Adds the decision of a route about a token that the verifier accepts. The rejection is that of
    /// the route.
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

    /// Why the token is refused; nothing for one that is accepted.
    #[must_use]
    pub fn rejection(&self) -> Option<&Rejection> {
        self.rejection.as_ref()
    }

    /// The checks, in their order.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The names of claims that look like personal data, which a machine's token should not carry.
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

    /// What is checked.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// What the token has there, without its value.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }

    /// What the configuration demands; nothing where it demands nothing.
    #[must_use]
    pub fn expected(&self) -> Option<&str> {
        self.expected.as_deref()
    }
}

/// Whether the signature was found to hold before the token was refused.
fn signature_was_valid(rejection: &Rejection) -> bool {
    !matches!(
        rejection,
        Rejection::InvalidRequest(_)
            | Rejection::InvalidToken(_)
            | Rejection::KeysUnavailable { .. }
            | Rejection::KeyUnavailable { .. }
            | Rejection::MissingToken
            | Rejection::UnsupportedScheme
    )
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
