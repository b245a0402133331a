//! Why an opaque credential is accepted or rejected, without the credential.

use super::{Check, Explanation, Outcome, Verdict};
use crate::introspection::CredentialPath;
use crate::rejection::Rejection;
use crate::token::{Claims, TokenError};
use crate::verifier::Verifier;
use crate::verifier::validity::expiry;

/// The checks of an opaque credential, in their order.
const CHECKS: [(&str, Option<&str>); 6] = [
    (
        "credential",
        Some("the length and characters of an opaque credential"),
    ),
    ("issuer's response", Some("active")),
    ("claims", Some("those of the issuer's rules")),
    ("client allowed", None),
    ("organization allowed", None),
    ("application's check", None),
];

impl Verifier {
    /// Explains an opaque credential. Returns `None` if the credential is read as a JWT.
    pub(super) async fn explain_opaque(&self, credential: &str) -> Option<Explanation> {
        let opaque = self.0.opaque.as_ref()?;
        let number = match opaque.classify(credential.as_bytes()) {
            CredentialPath::Jwt => return None,
            CredentialPath::Malformed => None,
            CredentialPath::Opaque(number) => Some(number),
        };
        let source = match number.and_then(|number| opaque.introspector(number)) {
            Some(introspector) if opaque.is_cached(introspector, credential.as_bytes()) => "cached",
            _ => "requested now",
        };
        let result = self.verify(credential).await;
        let failed = result.as_ref().err().map(failed_check);
        let found = |check: usize| match check {
            0 => format!("{} characters", credential.len()),
            1 => self.found_response(&result, source),
            2 => match &result {
                Err(Rejection::InvalidClaims(error)) => error.code().to_owned(),
                _ => String::new(),
            },
            _ => String::new(),
        };
        let checks = CHECKS.iter().enumerate().map(|(at, (name, expected))| {
            let outcome = match failed {
                Some(failed) if at == failed => Outcome::Failed,
                Some(failed) if at > failed => Outcome::NotReached,
                _ if expected.is_none() => Outcome::NotRequired,
                _ => Outcome::Passed,
            };
            let found = match outcome {
                Outcome::NotReached => String::new(),
                _ => found(at),
            };
            Check::new(name, outcome, found, expected.map(str::to_owned))
        });
        let rejection = result.as_ref().err().cloned();
        Some(Explanation {
            verdict: match &rejection {
                None => Verdict::Accepted,
                Some(_) => Verdict::Rejected,
            },
            reason: rejection.as_ref().map(Rejection::code),
            error: rejection.as_ref().map(ToString::to_string),
            checks: checks.collect(),
            personal_data: Vec::new(),
            rejection,
        })
    }

    /// Says what the issuer said, and how long it is used.
    fn found_response(&self, result: &Result<Claims, Rejection>, source: &str) -> String {
        match result {
            Ok(claims) => {
                let now = self.0.clock.unix_seconds();
                let left = claims.expires_at() - now;
                if left > 0 {
                    format!("active, {source}, used for {left} s")
                } else if now >= expiry(claims) {
                    format!("active, {source}, used once: `exp` has passed")
                } else {
                    "active, stale: the issuer fails".to_owned()
                }
            }
            Err(Rejection::InvalidToken(TokenError::InactiveCredential)) => {
                format!("not active, {source}")
            }
            Err(Rejection::IntrospectionUnavailable { .. }) => "no usable response".to_owned(),
            Err(_) => format!("active, {source}"),
        }
    }
}

/// Returns the index of the check that the rejection comes from.
fn failed_check(rejection: &Rejection) -> usize {
    match rejection {
        Rejection::InvalidRequest(_) | Rejection::InvalidToken(TokenError::MalformedCredential) => {
            0
        }
        Rejection::InvalidToken(_) | Rejection::IntrospectionUnavailable { .. } => 1,
        Rejection::InvalidClaims(TokenError::Revoked) => 5,
        Rejection::InvalidClaims(_) => 2,
        Rejection::ClientNotAllowed => 3,
        Rejection::OrganizationNotAllowed => 4,
        _ => 5,
    }
}
