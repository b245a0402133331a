//! Explanations why a route admits or rejects a token, for operators of an API.

use super::layer::AuthorizeLayer;
use super::policy::{AllowedCallers, RequestedOrg};
use crate::rejection::Rejection;
use crate::token::{Claims, Scope};
use crate::verifier::{CallerVerdict, Check, Explanation, Outcome};

/// The checks of a route, in their order.
const ACCESS: &str = "access";
const ORGANIZATION: &str = "route organization";
const SCOPES: &str = "required scopes";

impl AuthorizeLayer {
    /// Explains how this layer decides about a request with this token and this organization. The
    /// explanation has the checks of [`Verifier::explain`](crate::Verifier::explain), then access,
    /// organization and scopes. Pass `None` if the route belongs to no organization.
    ///
    /// The decision is made by the same functions as for a request, so the two cannot disagree.
    ///
    /// ```
    /// # async fn example(layer: tower_m2m::AuthorizeLayer, token: &str) {
    /// println!("{}", layer.explain(token, Some("org_a")).await);
    /// # }
    /// ```
    pub async fn explain(&self, token: &str, organization: Option<&str>) -> Explanation {
        let explanation = self.verifier.explain(token).await;
        self.explain_route(explanation, token, organization).await
    }

    /// Explains as [`explain`](Self::explain) does, and adds the token's issuer, audience, scopes,
    /// organization and client. Show this explanation only to the person who holds the token.
    pub async fn explain_with_values(
        &self,
        token: &str,
        organization: Option<&str>,
    ) -> Explanation {
        let explanation = self.verifier.explain_with_values(token).await;
        self.explain_route(explanation, token, organization).await
    }

    async fn explain_route(
        &self,
        explanation: Explanation,
        token: &str,
        organization: Option<&str>,
    ) -> Explanation {
        let verified = self.verifier.verify(token).await;
        let Some(claims) = verified.ok().filter(|_| explanation.rejection().is_none()) else {
            let checks = self.checks(None, organization, Some(ACCESS));
            return explanation.with_route(skipped(checks), None);
        };
        let rejection = self.decide(&claims, organization).await.err();
        let failed = rejection.as_ref().map(failed_check);
        let checks = self.checks(Some(&claims), organization, failed);
        explanation.with_route(checks, rejection)
    }

    async fn decide(&self, claims: &Claims, organization: Option<&str>) -> Result<(), Rejection> {
        let policy = &self.settings.policy;
        let requested = organization.map_or(RequestedOrg::Absent, RequestedOrg::Organization);
        policy.check_credential(claims)?;
        let admitted = policy.admit_tenant(claims, &requested)?;
        if let Some(acting) = &admitted.acting {
            match self.verifier.check_caller(claims, Some(acting)) {
                CallerVerdict::Known(result) => result?,
                CallerVerdict::Pending(check) => check.await?,
            }
        }
        policy.check_scopes(claims)
    }

    /// Returns the checks of the route. Checks after the failed one were not reached.
    fn checks(
        &self,
        claims: Option<&Claims>,
        organization: Option<&str>,
        failed: Option<&'static str>,
    ) -> Vec<Check> {
        let policy = &self.settings.policy;
        let token_is = claims.map(|claims| {
            if claims.is_global() {
                "a global token"
            } else {
                "a token of an organization"
            }
        });
        let requirement = match &policy.allowed_callers {
            AllowedCallers::OrganizationOrGlobalWith(scopes)
                if claims.is_some_and(Claims::is_global) =>
            {
                scopes.clone().and(policy.requirement.clone())
            }
            _ => policy.requirement.clone(),
        };
        let granted = claims.map(|claims| {
            let scopes = requirement.scopes();
            let missing: Vec<&str> = scopes
                .into_iter()
                .filter(|scope| !claims.scopes().contains(scope))
                .map(Scope::as_str)
                .collect();
            if missing.is_empty() {
                "all granted".to_owned()
            } else {
                format!("not granted: {}", missing.join(", "))
            }
        });
        let requested = match organization {
            Some(_) => "the route names an organization",
            None => "the route names none",
        };
        let rows = [
            (
                ACCESS,
                token_is.unwrap_or_default().to_owned(),
                Some(policy.allowed_callers.name().to_owned()),
            ),
            (
                ORGANIZATION,
                requested.to_owned(),
                organization.map(|_| "the token's organization".to_owned()),
            ),
            (
                SCOPES,
                granted.unwrap_or_default(),
                (!requirement.is_none()).then(|| requirement.to_string()),
            ),
        ];
        let mut is_reached = true;
        rows.into_iter()
            .map(|(name, found, expected)| {
                let outcome = match (is_reached, failed == Some(name)) {
                    (false, _) => Outcome::NotReached,
                    (true, true) => Outcome::Failed,
                    (true, false) if expected.is_none() => Outcome::NotRequired,
                    (true, false) => Outcome::Passed,
                };
                is_reached &= outcome != Outcome::Failed;
                Check::new(name, outcome, found, expected)
            })
            .collect()
    }
}

fn failed_check(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::WrongOrganization | Rejection::HiddenOrganization => ORGANIZATION,
        Rejection::InsufficientScope(_) => SCOPES,
        _ => ACCESS,
    }
}

/// Marks each check as not reached, because the verifier rejects the token.
fn skipped(checks: Vec<Check>) -> Vec<Check> {
    let skip = |check: Check| {
        let expected = check.expected().map(str::to_owned);
        Check::new(check.name(), Outcome::NotReached, String::new(), expected)
    };
    checks.into_iter().map(skip).collect()
}
