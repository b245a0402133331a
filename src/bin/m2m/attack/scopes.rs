//! Valid tokens that lack a scope of the route.

use tower_m2m::testing::{Profile, TokenBuilder};

use super::case::Case;
use super::plan::Plan;
use super::report::Group;
use super::runner::Runner;

pub(super) async fn run(plan: &Plan<'_>, runner: &mut Runner<'_>) {
    let required = &plan.options.scope;
    if required.is_empty() {
        let why = "no --scope says what the route requires";
        runner.skip(Group::Scopes, "tokens without a scope", why);
    }
    for scope in required {
        for (name, description, token) in attacks(plan, scope) {
            let name = format!("{name} {scope}");
            let Some(request) = plan.with_authorization(&token.bearer()) else {
                continue;
            };
            let case = Case::rejected(Group::Scopes, name, description, &[403], request);
            runner.attack(&case).await;
        }
    }
}

/// Returns tokens that have the other scopes, but not this one.
fn attacks(plan: &Plan<'_>, scope: &str) -> Vec<(&'static str, &'static str, TokenBuilder)> {
    let required = &plan.options.scope;
    let with = |similar: &[String]| {
        let others = required.iter().filter(|other| *other != scope);
        plan.good().scopes(others.chain(similar))
    };
    let letters = if scope.chars().any(char::is_lowercase) {
        scope.to_uppercase()
    } else {
        scope.to_lowercase()
    };
    let mut attacks = vec![
        ("without", "The token lacks the scope.", with(&[])),
        (
            "longer than",
            "Scopes of the token begin or end with the scope, but none is equal to it.",
            with(&[format!("{scope}_all"), format!("all_{scope}")]),
        ),
    ];
    if letters != scope {
        attacks.push((
            "other letters than",
            "The scope is in the other case: scopes are case-sensitive (RFC 6749 §3.3).",
            with(&[letters]),
        ));
    }
    if plan.options.form.profile() == Profile::Kinde {
        attacks.push((
            "only requested",
            "The scope is in `scp`, where Kinde writes what the client requested, but not in `scope`.",
            with(&[]).claim("scp", required.clone()),
        ));
    }
    attacks
}
