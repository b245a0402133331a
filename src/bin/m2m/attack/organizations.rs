//! Each organization requests the data of the other one.

use std::collections::BTreeSet;

use http::header::CONTENT_LENGTH;
use tower_m2m::testing::tenants::{self, Attempt, IsolationResult, Probe, Tenant};

use super::case::{Assessed, Case, deviation, is_success};
use super::plan::{Plan, request_to};
use super::report::{Group, Outcome};
use super::runner::Runner;

/// Shorter words occur in any response.
const SHORTEST_MARKER: usize = 6;
const MOST_MARKERS: usize = 64;

pub(super) async fn run(plan: &Plan<'_>, runner: &mut Runner<'_>) {
    let codes = [plan.options.org.as_str(), plan.options.other_org.as_str()];
    let mut words = Vec::new();
    for code in codes {
        // Words that change between two responses, such as times, are no markers.
        let (first, second) = (
            words_of(plan, runner, code).await,
            words_of(plan, runner, code).await,
        );
        words.push((
            first
                .intersection(&second)
                .cloned()
                .collect::<BTreeSet<_>>(),
            first,
        ));
    }
    let [(own, own_all), (other, other_all)] = words.as_slice() else {
        return;
    };
    let tenants = [
        tenant(plan, codes[0], own.difference(other_all)),
        tenant(plan, codes[1], other.difference(own_all)),
    ];
    let probe = Probe::new(plan.options.method.clone(), plan.target.path());
    for (own, victim, code) in [
        (&tenants[0], &tenants[1], codes[0]),
        (&tenants[1], &tenants[0], codes[1]),
    ] {
        for attempt in tenants::attempts(&probe, own, victim) {
            send(runner, &attempt, code).await;
        }
    }
    without_organization(plan, runner).await;
}

/// Tokens of global apps have no organization. A server may admit them on purpose, so this is no
/// failure.
async fn without_organization(plan: &Plan<'_>, runner: &mut Runner<'_>) {
    let token = plan.good().without("org_code");
    let Some(request) = plan.with_authorization(&token.bearer()) else {
        return;
    };
    let case = Case::new(
        Group::Organizations,
        "no organization",
        "Only global apps may have a token without an organization, and only for administration.",
        "403",
        request,
        |response| match response.status() {
            403 | 404 => (Outcome::Passed, None),
            status if is_success(status) => {
                deviation("the request was admitted: is the route for global apps too?")
            }
            _ => deviation("another status"),
        },
    );
    runner.attack(&case).await;
}

async fn send(runner: &mut Runner<'_>, attempt: &Attempt, code: &str) {
    // A length that differs from the body is not one HTTP request.
    let request = attempt.request().filter(|request| {
        request.headers().get(CONTENT_LENGTH).is_none() || request.body().is_empty()
    });
    let Some(request) = request else {
        return;
    };
    let case = Case::new(
        Group::Organizations,
        format!("{code}: {}", attempt.what()),
        "An organization must reach its own data only.",
        attempt.expected().to_string(),
        request.clone(),
        |response| assessed(attempt.assess(response), response.status()),
    );
    runner.attack(&case).await;
}

fn assessed(result: IsolationResult, status: u16) -> Assessed {
    let failed = |why: &str| (Outcome::Failed, Some(why.to_owned()));
    match result {
        IsolationResult::Correct => (Outcome::Passed, None),
        IsolationResult::Leaked => failed("the response contains data of the other organization"),
        IsolationResult::OwnRequestRejected => {
            failed("the organization does not reach its own data")
        }
        IsolationResult::NotRejected if is_success(status) => failed("the request was admitted"),
        _ => deviation("another status"),
    }
}

/// Returns the words of the response to an organization's own request, or none if there is no such
/// response.
async fn words_of(plan: &Plan<'_>, runner: &Runner<'_>, code: &str) -> BTreeSet<String> {
    let request = request_to(plan.options.method.clone(), &plan.path(code))
        .header(http::header::AUTHORIZATION, plan.token_of(code).bearer())
        .body(bytes::Bytes::new());
    let Ok(request) = request else {
        return BTreeSet::new();
    };
    let case = Case::rejected(Group::Organizations, "markers", "", &[401], request);
    match runner.send(&case).await {
        Ok(response) if is_success(response.status()) => {
            let text = String::from_utf8_lossy(response.body());
            let words =
                text.split(|letter: char| !letter.is_alphanumeric() && !"_-.".contains(letter));
            let words = words.filter(|part| part.len() >= SHORTEST_MARKER && !part.contains(code));
            words.map(str::to_owned).collect()
        }
        _ => BTreeSet::new(),
    }
}

/// Returns a tenant. Its markers are words that only its own responses contain.
fn tenant<'a>(plan: &Plan<'_>, code: &str, markers: impl Iterator<Item = &'a String>) -> Tenant {
    let tenant = Tenant::new(code, plan.token_of(code).bearer());
    markers.take(MOST_MARKERS).fold(tenant, Tenant::with_marker)
}
