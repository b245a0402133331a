//! `m2m attack` against the example server, and its reports.

use std::time::{Duration, Instant};

use tower_m2m::testing::{LocalIssuer, forged};

use crate::program::run;
use crate::support::{Attack, example_server, free_port, printed};

/// Rules 310, 313, 315, 319, 320, 343.
/// The server was started before the issuer.
#[tokio::test]
async fn attack_finds_nothing_in_the_example_server() {
    let port = free_port();
    let server = example_server(port, "kinde").await;
    let url = format!("{}/orgs/{{org_code}}/invoices", server.url);
    let started = Instant::now();
    let attack = Attack::run(&url, port, &["--scope", "read:invoices"]).await;
    assert!(started.elapsed() < Duration::from_secs(90));
    assert_eq!(attack.names("failed"), [""; 0], "{}", attack.findings());
    assert_eq!(attack.names("deviation"), [""; 0], "{}", attack.findings());
    assert_eq!(attack.code, Some(0));

    let passed = attack.names("passed");
    assert_eq!(
        passed.first().unwrap(),
        "control: valid token before the attacks"
    );
    assert_eq!(
        passed.last().unwrap(),
        "control: valid token after the attacks"
    );
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    for forgery in forged::all(&issuer.org("org_a")) {
        let name = format!("forged: {}", forgery.name());
        assert!(passed.contains(&name), "{name} was not sent");
    }
    for group in [
        "headers",
        "preflights",
        "scopes: without read:invoices",
        "scopes: only requested read:invoices",
        "organizations: org_a",
        "organizations: org_b",
        "organizations: no organization",
        "keys",
    ] {
        assert!(passed.iter().any(|name| name.starts_with(group)), "{group}");
    }
    for row in attack.report["attacks"].as_array().unwrap() {
        let is_skipped = row["outcome"] == "skipped";
        for member in ["sent", "expected", "found"] {
            assert!(is_skipped || row[member].as_str().is_some_and(|text| !text.is_empty()));
        }
    }
}

/// Rule 319.
/// The other form of tokens.
#[tokio::test]
async fn attack_in_the_form_of_rfc9068_finds_nothing_in_the_example_server() {
    let port = free_port();
    let server = example_server(port, "generic").await;
    let url = format!("{}/orgs/{{org_code}}/invoices", server.url);
    let arguments = ["--rfc9068", "--scope", "read:invoices", "--strict"];
    let attack = Attack::run(&url, port, &arguments).await;
    assert_eq!(attack.code, Some(0), "{}", attack.findings());
    let passed = attack.names("passed");
    let scopes: Vec<_> = passed
        .iter()
        .filter(|name| name.starts_with("scopes"))
        .collect();
    // Only Kinde gives `scp` another meaning.
    assert_eq!(
        scopes,
        [
            "scopes: without read:invoices",
            "scopes: longer than read:invoices",
            "scopes: other letters than read:invoices"
        ]
    );
}

/// Rules 317, 319.
#[tokio::test]
async fn removed_key_stops_working_within_the_refresh_interval() {
    let port = free_port();
    let server = example_server(port, "kinde").await;
    let url = format!("{}/whoami", server.url);
    let attack = Attack::run(&url, port, &["--refresh-interval", "4s", "--strict"]).await;
    assert_eq!(attack.code, Some(0), "{}", attack.findings());
    let passed = attack.names("passed");
    for name in ["removed_key", "outage", "cached_key_in_outage", "new_key"] {
        assert!(
            passed.contains(&format!("keys: {name}")),
            "{name}: {passed:?}"
        );
    }
    assert!(!passed.iter().any(|name| name.starts_with("organizations")));
}

/// Rules 308, 313.
/// The audience of the server is another one.
#[tokio::test]
async fn no_attack_passes_if_the_valid_token_is_rejected() {
    let port = free_port();
    let server = example_server(port, "kinde").await;
    let arguments = ["--wait", "1s", "--audience", "https://other.example"];
    let attack = Attack::run(&format!("{}/whoami", server.url), port, &arguments).await;
    assert_eq!(attack.code, Some(3));
    assert_eq!(attack.report["conclusion"], "undecided");
    assert_eq!(attack.names("passed"), [""; 0]);
    let found = attack.found("valid token before the attacks");
    assert!(found.starts_with("401 invalid_token") && found.contains("https://other.example"));

    let unreachable = format!("http://127.0.0.1:{}/", free_port());
    let attack = Attack::run(&unreachable, free_port(), &["--wait", "500ms"]).await;
    assert_eq!(attack.code, Some(3));
    assert!(
        attack
            .found("valid token before the attacks")
            .starts_with("cannot connect")
    );
}

/// Rule 318.
#[tokio::test]
async fn reports_have_documented_forms() {
    let port = free_port();
    let server = example_server(port, "generic").await;
    let file = format!("{}/attack-{port}.xml", env!("CARGO_TARGET_TMPDIR"));
    let (url, port) = (format!("{}/whoami", server.url), port.to_string());
    let arguments = [
        "attack",
        &url,
        "--issuer-port",
        &port,
        "--format",
        "junit",
        "--rfc9068",
        "--output",
        &file,
    ];
    let output = run("m2m", &arguments, &[]).await;
    let summary = printed(&output);
    assert_eq!(output.status.code(), Some(0), "{summary}");
    assert!(summary.ends_with("NO FINDINGS\n"), "{summary}");
    let xml = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(
        xml.starts_with("<?xml version=\"1.0\"") && xml.ends_with("</testsuites>\n"),
        "{xml}"
    );
    let suites = xml.matches("<testsuite name=").count();
    assert_eq!((suites, xml.matches("</testsuite>").count()), (6, 6));
    let cases = xml.matches("<testcase ").count();
    assert!(xml.contains(&format!(
        "<testsuites name=\"m2m attack\" tests=\"{cases}\" failures=\"0\""
    )));
    assert!(!xml.contains("eyJ"), "a token is in the report");

    let attack = Attack::run(&url, free_port(), &["--wait", "1ms"]).await;
    assert_eq!(attack.report["version"], 1);
}
