//! The corpus of forged tokens, and of opaque credentials if the server accepts them.

use tower_m2m::testing::forged::{self, Assessment, Forgery};

use super::case::{Assessed, Case, deviation, is_success};
use super::plan::Plan;
use super::report::{Group, Outcome};
use super::runner::Runner;

/// Longer `Authorization` headers are above the limit of many servers.
const LONG: usize = 8 * 1024;

pub(super) async fn run(plan: &Plan<'_>, runner: &mut Runner<'_>) {
    let good = plan.good();
    send_all(plan, runner, &forged::all(&good)).await;

    let key = plan
        .issuer
        .api_key(&plan.options.org)
        .scopes(&plan.options.scope);
    if accepts(plan, runner, &key.bearer()).await {
        let mut forgeries = forged::opaque::strings::all(key.secret());
        forgeries.extend(forged::opaque::api_keys::all(&key));
        send_all(plan, runner, &forgeries).await;
    } else {
        let why = "the server accepts no API keys of the issuer";
        runner.skip(Group::Forged, "API keys", why);
    }
    let token = plan.issuer.opaque_token(&good);
    if accepts(plan, runner, &token.bearer()).await {
        let mut forgeries = forged::opaque::strings::all(token.token());
        forgeries.extend(forged::opaque::tokens::all(plan.issuer, &good));
        send_all(plan, runner, &forgeries).await;
    } else {
        let why = "the server accepts no opaque tokens of the issuer";
        runner.skip(Group::Forged, "opaque tokens", why);
    }
}

async fn send_all(plan: &Plan<'_>, runner: &mut Runner<'_>, forgeries: &[Forgery]) {
    for forgery in forgeries {
        let Some(request) = plan.with_authorization(forgery.authorization()) else {
            runner.skip(
                Group::Forged,
                forgery.name(),
                "the value is not valid in HTTP",
            );
            continue;
        };
        let expected = forgery.expected();
        let case = Case::new(
            Group::Forged,
            forgery.name(),
            forgery.description(),
            format!("{} {}", expected.status(), expected.error()),
            request,
            |response| assessed(forgery.assess(response)),
        );
        let case = case.credential(forgery.token().to_owned());
        let case = if forgery.authorization().len() > LONG {
            case.over_long()
        } else {
            case
        };
        runner.attack(&case).await;
    }
}

fn assessed(assessment: Assessment) -> Assessed {
    match assessment {
        Assessment::Rejected => (Outcome::Passed, None),
        Assessment::Admitted => (Outcome::Failed, Some("the request was admitted".to_owned())),
        Assessment::WrongStatus => deviation("another status"),
        Assessment::NoChallenge => deviation("no valid challenge"),
        Assessment::WrongError => deviation("another error in the challenge"),
        other if other.is_failure() => (Outcome::Failed, Some(other.to_string())),
        other => deviation(&other.to_string()),
    }
}

/// Returns `true` if the server accepts this credential. Otherwise forgeries of it prove nothing.
async fn accepts(plan: &Plan<'_>, runner: &Runner<'_>, authorization: &str) -> bool {
    let Some(request) = plan.with_authorization(authorization) else {
        return false;
    };
    let case = Case::rejected(Group::Control, "opaque credential", "", &[401], request);
    let response = runner.send(&case).await;
    response.is_ok_and(|response| is_success(response.status()))
}
