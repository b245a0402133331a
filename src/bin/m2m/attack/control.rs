//! Valid tokens. The rejections of attacks prove something only if the server accepts these.

use tower_m2m::testing::TokenBuilder;
use tower_m2m::testing::assertions::TestResponse;

use super::case::{Case, found, is_success};
use super::plan::Plan;
use super::report::{Group, Outcome, Progress};
use super::runner::{REQUEST_LIMIT, Runner, describe};
use crate::client::SendError;

impl Runner<'_> {
    /// Waits until the server accepts a valid token, and returns the response. If it does not, no
    /// attack is sent.
    pub(super) async fn wait_until_accepted(&mut self, plan: &Plan<'_>) -> Option<TestResponse> {
        let case = valid(plan, "before the attacks", &plan.good())?;
        let first = self.send(&case).await;
        if !first
            .as_ref()
            .is_ok_and(|response| is_success(response.status()))
        {
            let seconds = plan.wait().as_secs();
            let found = describe(&first);
            self.bar.suspend(|| {
                eprintln!(
                    "waiting up to {seconds} s until the server accepts a valid token: {found}"
                );
            });
        }
        let (result, is_accepted) = self
            .until(&case, plan.wait(), |response| is_success(response.status()))
            .await;
        if is_accepted {
            self.progress = Progress::Complete;
            let response = result.ok()?;
            self.record(&case, Outcome::Passed, found(&response));
            return Some(response);
        }
        let hint = hint(plan, &result);
        self.record(&case, Outcome::Failed, hint);
        None
    }

    /// Sends a valid token, and returns `true` if the server accepts it. Only then the rejections
    /// before it prove something.
    pub(super) async fn control(&mut self, plan: &Plan<'_>, when: &str) -> bool {
        let Some(case) = valid(plan, when, &plan.good()) else {
            return false;
        };
        if self.is_over(case.group, &case.name) {
            return false;
        }
        let (result, is_accepted) = self
            .until(&case, REQUEST_LIMIT, |response| {
                is_success(response.status())
            })
            .await;
        let found = describe(&result);
        if is_accepted {
            self.record(&case, Outcome::Passed, found);
        } else {
            let found = format!(
                "{found}: the server rejects a valid token too, so the results before prove nothing"
            );
            self.record(&case, Outcome::Failed, found);
        }
        is_accepted
    }
}

/// Describes why the server probably does not accept the valid token.
fn hint(plan: &Plan<'_>, result: &Result<TestResponse, SendError>) -> String {
    let (issuer, audience) = (plan.issuer.url(), &plan.options.audience);
    let (org, scopes) = (&plan.options.org, plan.options.scope.join(" "));
    let why = match result.as_ref().map(TestResponse::status) {
        Err(_) => "is the server running, and is the address right?".to_owned(),
        Ok(403) => format!(
            "does the route require other scopes than \"{scopes}\" (--scope), or another organization than {org} (--org)?"
        ),
        Ok(404 | 405) => {
            format!("are the path and the method right, and does {org} have data (--org)?")
        }
        Ok(_) => format!(
            "the token has the issuer {issuer}, the audience {audience}, the organization {org} and the scopes \"{scopes}\": \
             does the server expect others, or tokens of the form --rfc9068? Or does it keep the keys of an earlier run? Then start it again"
        ),
    };
    format!(
        "{}: the server does not accept a valid token; {why}",
        describe(result)
    )
}

/// Returns the request with a valid token.
pub(super) fn valid<'a>(plan: &Plan<'_>, when: &str, token: &TokenBuilder) -> Option<Case<'a>> {
    let request = plan.with_authorization(&token.bearer())?;
    let name = format!("valid token {when}");
    Some(Case::new(
        Group::Control,
        name,
        "The valid token must be accepted.",
        "2xx",
        request,
        |response| {
            if is_success(response.status()) {
                (Outcome::Passed, None)
            } else {
                (
                    Outcome::Failed,
                    Some("the server rejects a valid token".to_owned()),
                )
            }
        },
    ))
}
