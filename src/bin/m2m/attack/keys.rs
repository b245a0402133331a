//! The keys change, and the issuer is down.

use std::time::Duration;

use tower_m2m::testing::TokenBuilder;
use tower_m2m::testing::assertions::TestResponse;

use super::case::{Assessed, Case, deviation, is_success};
use super::control::valid;
use super::plan::Plan;
use super::report::{Group, Outcome};
use super::runner::Runner;

/// Longer than the time for which common libraries fetch no keys again (30 s).
const COOLDOWN: Duration = Duration::from_secs(32);

/// The final valid token may have to wait until the server fetches keys again.
const RECOVERY: Duration = Duration::from_secs(5);

pub(super) async fn run(plan: &Plan<'_>, runner: &mut Runner<'_>) {
    if let Err(error) = steps(plan, runner).await {
        runner.skip(Group::Keys, "keys", &format!("the issuer failed: {error}"));
    }
}

async fn steps(plan: &Plan<'_>, runner: &mut Runner<'_>) -> std::io::Result<()> {
    let patience = plan
        .options
        .refresh_interval
        .map_or(COOLDOWN, |interval| interval + RECOVERY);
    let old = plan.issuer.signing_key();
    let old_kid = old.kid().to_owned();
    plan.issuer.rotate_key()?;
    let new_kid = plan.issuer.signing_key().kid().to_owned();

    let by_old = plan.good().signed_with(&old);
    accepted(
        plan,
        runner,
        "published_key_after_rotation",
        "The key was rotated, but is still published.",
        &by_old,
        RECOVERY,
    )
    .await;
    let by_new = plan.good();
    let knows_new = accepted(
        plan,
        runner,
        "new_key",
        "The token is signed by a key that was published recently.",
        &by_new,
        patience,
    )
    .await;

    plan.issuer.remove_key(&old_kid)?;
    match plan.options.refresh_interval {
        Some(interval) => removed(plan, runner, &by_old, interval).await,
        None => runner.skip(
            Group::Keys,
            "removed_key",
            "give --refresh-interval to check that a removed key stops working",
        ),
    }
    outage(plan, runner, patience, knows_new.then_some(&by_new)).await?;
    plan.issuer.come_back().await?;

    // The server knows the new key, unless it never accepted it.
    if knows_new {
        plan.issuer.use_key(&new_kid)?;
    } else {
        plan.issuer.publish_key(old);
        plan.issuer.use_key(&old_kid)?;
    }
    runner.control(plan, "after the attacks").await;
    Ok(())
}

/// Sends a token that must be accepted within this time. Returns `true` if it was.
async fn accepted(
    plan: &Plan<'_>,
    runner: &mut Runner<'_>,
    name: &str,
    description: &str,
    token: &TokenBuilder,
    limit: Duration,
) -> bool {
    let assess = move |response: &TestResponse| {
        if is_success(response.status()) {
            return (Outcome::Passed, None);
        }
        deviation(&format!("not accepted within {} s", limit.as_secs()))
    };
    let Some(case) = key_case(plan, name, description, "2xx", token, assess) else {
        return false;
    };
    if runner.is_over(Group::Keys, name) {
        return false;
    }
    let (result, is_accepted) = runner
        .until(&case, limit, |response| is_success(response.status()))
        .await;
    runner.record_result(&case, &result);
    is_accepted
}

/// Sends a token of a removed key until it is rejected.
async fn removed(
    plan: &Plan<'_>,
    runner: &mut Runner<'_>,
    token: &TokenBuilder,
    interval: Duration,
) {
    let description = "The token is signed by a key that the issuer has removed.";
    let assess = move |response: &TestResponse| match response.status() {
        401 => (Outcome::Passed, None),
        status if is_success(status) => {
            let why = format!("still accepted after {} s", interval.as_secs());
            (Outcome::Failed, Some(why))
        }
        _ => deviation("another status"),
    };
    let Some(case) = key_case(plan, "removed_key", description, "401", token, assess) else {
        return;
    };
    if runner.is_over(Group::Keys, &case.name) {
        return;
    }
    let (result, _) = runner
        .until(&case, interval + RECOVERY, |response| {
            !is_success(response.status())
        })
        .await;
    runner.record_result(&case, &result);
}

/// The issuer is down. A token that the server can verify only with a fetch is not invalid, so the
/// response must not say so.
async fn outage(
    plan: &Plan<'_>,
    runner: &mut Runner<'_>,
    limit: Duration,
    cached: Option<&TokenBuilder>,
) -> std::io::Result<()> {
    plan.issuer.go_down().await;
    if let Some(token) = cached {
        let description = "The issuer is down, and the server has the key of the token.";
        let outage = Outage {
            name: "cached_key_in_outage",
            description,
            expected: "2xx or 503",
            is_expected: |status| is_success(status) || status == 503,
        };
        during_outage(plan, runner, &outage, token, RECOVERY).await;
    }
    plan.issuer.rotate_key()?;
    let outage = Outage {
        name: "outage",
        description: "The issuer is down, and the server does not have the key of the token.",
        expected: "503",
        is_expected: |status| status == 503,
    };
    during_outage(plan, runner, &outage, &plan.good(), limit).await;
    Ok(())
}

struct Outage {
    name: &'static str,
    description: &'static str,
    expected: &'static str,
    is_expected: fn(u16) -> bool,
}

async fn during_outage(
    plan: &Plan<'_>,
    runner: &mut Runner<'_>,
    outage: &Outage,
    token: &TokenBuilder,
    limit: Duration,
) {
    let is_expected = outage.is_expected;
    let assess = move |response: &TestResponse| match response.status() {
        status if is_expected(status) => (Outcome::Passed, None),
        401 => deviation("the outage is reported as 401"),
        status if is_success(status) => (
            Outcome::Failed,
            Some("the request was admitted without its key".to_owned()),
        ),
        _ => deviation("another status"),
    };
    let (name, description) = (outage.name, outage.description);
    let Some(case) = key_case(plan, name, description, outage.expected, token, assess) else {
        return;
    };
    if runner.is_over(Group::Keys, name) {
        return;
    }
    let (result, _) = runner
        .until(&case, limit, |response| is_expected(response.status()))
        .await;
    runner.record_result(&case, &result);
}

fn key_case<'a>(
    plan: &Plan<'_>,
    name: &str,
    description: &str,
    expected: &str,
    token: &TokenBuilder,
    assess: impl Fn(&TestResponse) -> Assessed + 'a,
) -> Option<Case<'a>> {
    let mut case = valid(plan, "", token)?;
    case.assess = Box::new(assess);
    case.group = Group::Keys;
    name.clone_into(&mut case.name);
    description.clone_into(&mut case.description);
    expected.clone_into(&mut case.expected);
    Some(case)
}
