//! Events that report a configuration which works and is probably wrong.

use tower_m2m::testing::{AUDIENCE, LocalIssuer};
use tower_m2m::{Issuer, Verifier};
use tracing::Level;

use super::recorder::Recorder;

fn verifier(issuer: &LocalIssuer, settings: impl Fn(Issuer) -> Issuer) -> Verifier {
    let trusted = Verifier::kinde("acme").audience(AUDIENCE);
    settings(trusted.jwk_set(issuer.jwks())).build().unwrap()
}

/// The first 10 tokens decide. Cached tokens do not count, and the event is emitted once.
#[tokio::test]
async fn missing_organizations_are_reported_once() {
    let warnings = Recorder::lines(Level::WARN);
    let _guard = crate::subscriber::set_subscriber(warnings.clone());
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let wrong_claim = verifier(&issuer, |issuer| issuer.organization_claim("/org"));
    let client = |number: usize| issuer.org("org_a").client(format!("c{number}")).token();
    for number in 0..9 {
        let token = client(number);
        for _ in 0..3 {
            wrong_claim.verify(&token).await.unwrap();
        }
    }
    assert_eq!(warnings.take(), [""; 0]);
    for number in 9..30 {
        wrong_claim.verify(&client(number)).await.unwrap();
    }
    let expected = "issuer=\"https://acme.kinde.com\" organization_claim=\"/org\" tokens=10";
    let seen = warnings.take();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(seen[0].contains(expected), "{seen:?}");

    // If one token among the first belongs to an organization, the event is not emitted.
    let right_claim = verifier(&issuer, |issuer| issuer);
    for number in 0..30 {
        let token = if number == 8 {
            client(number)
        } else {
            issuer.global().client(format!("c{number}")).token()
        };
        right_claim.verify(&token).await.unwrap();
    }
    assert_eq!(warnings.take(), [""; 0]);
}

/// The guide has a row for each code of a failed fetch, and says what to do.
#[test]
fn guide_lists_every_code_of_a_failed_fetch() {
    let guide = include_str!("../../src/guide/observability.md");
    let source = include_str!("../../src/jwks/error.rs");
    let function = source.split("fn code(&self)").nth(1).unwrap();
    let function = function.split("\n    }\n").next().unwrap();
    let codes: Vec<&str> = function.split('"').skip(1).step_by(2).collect();
    assert!(codes.len() >= 25, "{codes:?}");
    let table = guide.split("| code | cause | what to do |").nth(1).unwrap();
    let table = table.split("\n\n").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let mut listed = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let [code, cause, advice] = cells[..] else {
            panic!("{row}")
        };
        assert!(cause.len() > 10 && advice.len() > 10, "{row}");
        listed.push(code.trim().trim_matches('`'));
    }
    let sorted = |mut names: Vec<_>| {
        names.sort_unstable();
        names
    };
    assert_eq!(sorted(listed), sorted(codes));
}

/// The guide has a row for each event of the crate.
#[test]
fn guide_lists_every_event() {
    let guide = include_str!("../../src/guide/observability.md");
    let source = concat!(
        include_str!("../../src/telemetry/events.rs"),
        include_str!("../../src/telemetry/event_delivery.rs"),
        include_str!("../../src/telemetry/decision.rs")
    );
    let messages = source.lines().filter_map(|line| {
        let line = line.trim();
        let emits = line.starts_with("tracing::") || line.starts_with("emit_decision!(");
        let (rest, _) = line
            .rsplit_once("\")")
            .or_else(|| line.rsplit_once("\", decision, omitted)"))?;
        emits.then(|| rest.rsplit('"').next()).flatten()
    });
    let messages: Vec<&str> = messages.collect();
    assert!(messages.len() >= 14, "{messages:?}");
    for message in messages {
        assert!(guide.contains(&format!("| `{message}` |")), "{message}");
    }
}
