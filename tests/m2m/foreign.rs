//! `m2m attack` against a server in another language: careful, and with one seeded defect each.

use tower_m2m::testing::AUDIENCE;

use crate::node::Node;
use crate::support::{Attack, free_port};

use tokio::io::{AsyncBufReadExt as _, BufReader};

/// Attacks the Node server with this defect. Its keys are fresh for 2 s.
async fn attack(node: Node, defect: &str) -> Attack {
    let port = free_port();
    let mut command = node.command("resource_server.mjs");
    command
        .arg(defect)
        .env("ISSUER", format!("http://127.0.0.1:{port}"))
        .env("AUDIENCE", AUDIENCE)
        .env("LISTEN", "127.0.0.1:0");
    let mut server = command.spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let url = format!(
        "{}/orgs/{{org_code}}/invoices",
        line.rsplit(' ').next().unwrap()
    );
    let arguments = ["--scope", "read:invoices", "--refresh-interval", "3s"];
    Attack::run(&url, port, &arguments).await
}

/// Rule 319.
#[tokio::test]
async fn attack_finds_nothing_in_a_careful_server() {
    let Some(node) = Node::here() else { return };
    let attack = attack(node, "careful").await;
    assert_eq!(attack.names("failed"), [""; 0], "{}", attack.findings());
    assert_eq!(attack.names("deviation"), [""; 0], "{}", attack.findings());
    assert_eq!(attack.code, Some(0));
}

/// Rules 317, 319.
///
/// Without `TOWER_M2M_ATTACK_MATRIX=1` only the first defect, because all of them take three
/// minutes: `just attack-matrix`.
#[tokio::test]
async fn attack_finds_seeded_defects() {
    let Some(node) = Node::here() else { return };
    let is_matrix = std::env::var_os("TOWER_M2M_ATTACK_MATRIX").is_some_and(|value| value == "1");
    let count = if is_matrix { usize::MAX } else { 1 };
    for (defect, findings) in [
        (
            "algorithm-confusion",
            &[
                "forged: key_confusion_hs256",
                "forged: key_confusion_hs384",
                "forged: key_confusion_hs512",
            ][..],
        ),
        (
            "no-audience-check",
            &[
                "forged: wrong_audience",
                "forged: missing_audience",
                "forged: empty_audience",
            ],
        ),
        (
            "no-organization-check",
            &[
                "organizations: org_a: the other's code in {org_code}",
                "organizations: org_b: the other's code in {org_code}",
            ],
        ),
        ("fixed-key", &["forged: kid_of_no_key", "keys: removed_key"]),
        ("accepts-expired", &["forged: expired"]),
        ("outage-is-401", &["keys: outage"]),
        (
            "organization-from-header",
            &["organizations: org_a: the header x-org-id names the other"],
        ),
        (
            "preflight-reaches-handler",
            &[
                "preflights: forged_preflight",
                "preflights: preflight_with_body",
            ],
        ),
        ("token-in-query", &["headers: token_in_query"]),
        (
            "repeats-token",
            &["forged: wrong_audience", "keys: removed_key"],
        ),
        (
            "server-error",
            &["forged: kid_as_number", "keys: removed_key"],
        ),
        (
            "no-scope-check",
            &[
                "scopes: without read:invoices",
                "scopes: longer than read:invoices",
                "scopes: only requested read:invoices",
            ],
        ),
        ("scope-as-substring", &["scopes: longer than read:invoices"]),
        (
            "scope-in-any-letters",
            &["scopes: other letters than read:invoices"],
        ),
        (
            "requested-scopes",
            &["scopes: only requested read:invoices"],
        ),
        ("global-everywhere", &["organizations: no organization"]),
    ]
    .into_iter()
    .take(count)
    {
        assert_found(node, defect, findings).await;
    }
}

/// Asserts that the defect is found under these names, and that the valid token is still accepted.
async fn assert_found(node: Node, defect: &str, findings: &[&str]) {
    let attack = attack(node, defect).await;
    let (failed, deviations) = (attack.names("failed"), attack.names("deviation"));
    let (found, code) = match defect {
        // Rejected (rule 317), or perhaps intended. Both are no failures.
        "outage-is-401" | "global-everywhere" => (&deviations, 0),
        _ => (&failed, 1),
    };
    for name in findings {
        assert!(
            found.iter().any(|found| found == name),
            "{defect}: {name} in {failed:?}, {deviations:?}"
        );
    }
    assert!(
        !failed.iter().any(|name| name.starts_with("control")),
        "{defect}: {failed:?}"
    );
    assert_eq!(attack.code, Some(code), "{defect}");
}
