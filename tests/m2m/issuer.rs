//! `m2m issuer` and `m2m token`.

use tower_m2m::testing::{App, LocalIssuer, Profile};
use tower_m2m::{Profile as Reading, Verifier};

use crate::program::{Program, run, run_with_input};

const AUDIENCE: &str = "https://api.example.com";

/// Rule 311.
#[tokio::test]
async fn issuer_prints_working_commands() {
    for (option, local, reading) in [
        ("--kinde", Profile::Kinde, Reading::KINDE),
        ("--rfc9068", Profile::Rfc9068, Reading::GENERIC.clone()),
    ] {
        let arguments = ["issuer", "--port", "0", option];
        let mut program = Program::start("m2m", &arguments, &[], "issuer on").await;
        assert!(program.url.starts_with("http://127.0.0.1:"));
        let lines = program.lines_until("\"endpoint\":\"jwks\"}").await;
        let words = lines.iter().flat_map(|line| line.split_whitespace());
        let endpoints: Vec<&str> = words
            .filter_map(|word| word.strip_prefix(&program.url))
            .collect();
        for endpoint in [
            "/oauth2/token",
            "/admin/apps",
            "/admin/apps/svc-a/rotate-secret",
            "/admin/api-keys",
            "/admin/rotate-key",
            "/admin/fault",
        ] {
            assert!(endpoints.contains(&endpoint), "{local:?}: {endpoints:?}");
        }
        let line = lines
            .iter()
            .find(|line| line.contains("/oauth2/token -d"))
            .unwrap();
        let form: Vec<&str> = line.split(" -d ").skip(1).map(str::trim).collect();
        let answer = program.post("/oauth2/token", &form.join("&")).await;
        let answer = answer.assert_status(200).json().unwrap();
        let verifier = verifier(&program.url, reading);
        let claims = verifier
            .verify(answer["access_token"].as_str().unwrap())
            .await
            .unwrap();
        assert_eq!(
            (claims.client_id(), claims.org_code().unwrap().as_str()),
            ("svc-a", "org_a")
        );

        let app = r#"{"org_code":"org_c","audiences":["https://api.example.com"]}"#;
        let app = program.post("/admin/apps", app).await;
        assert_eq!(app.assert_status(200).json().unwrap()["org_code"], "org_c");
        for path in ["/admin/rotate-key", "/admin/apps/svc-a/rotate-secret"] {
            program.post(path, "").await.assert_status(200);
        }
        program
            .post("/oauth2/token", &form.join("&"))
            .await
            .assert_status(401);
        let fault = r#"{"endpoint":"jwks","fault":"status","status":503}"#;
        program.post("/admin/fault", fault).await.assert_status(200);
        program
            .get("/.well-known/jwks", None)
            .await
            .assert_status(503);
    }
}

#[tokio::test]
async fn issuer_rejects_unknown_options() {
    for arguments in [
        &["--host", "0.0.0.0"][..],
        &["--port"],
        &["--port", "70000"],
        &["--kinde", "--rfc9068"],
    ] {
        let code = run("m2m", &[&["issuer"], arguments].concat(), &[])
            .await
            .status
            .code();
        assert_eq!(code, Some(2), "{arguments:?}");
    }
}

#[tokio::test]
async fn token_is_minted_at_the_local_issuer() {
    let issuer = Program::start("m2m", &["issuer", "--port", "0"], &[], "issuer on").await;
    let verifier = verifier(&issuer.url, Reading::KINDE);
    for (arguments, org, scopes) in [
        (&[][..], Some("org_a"), &[][..]),
        (
            &["--org", "org_x", "--scope", "a:b", "--scope", "c:d"],
            Some("org_x"),
            &["a:b", "c:d"],
        ),
        (&["--global"], None, &[]),
    ] {
        // The variable is for real issuers: an option that names an organization is enough.
        let variables: &[_] = if arguments.is_empty() {
            &[]
        } else {
            &[("M2M_CLIENT_ID", "x")]
        };
        let arguments = [&["token", "--issuer", &issuer.url], arguments].concat();
        let output = run("m2m", &arguments, variables).await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let token = String::from_utf8(output.stdout).unwrap();
        let claims = verifier.verify(token.trim_end()).await.unwrap();
        assert_eq!(claims.org_code().map(tower_m2m::OrgCode::as_str), org);
        assert!(
            scopes
                .iter()
                .all(|scope| claims.scopes().iter().any(|granted| granted == *scope))
        );
    }
}

/// Rules 308, 309, 342.
/// A secret comes from a variable or from standard input.
#[tokio::test]
async fn token_is_fetched_with_client_credentials() {
    let issuer = LocalIssuer::start().await.unwrap();
    issuer.add_app(App::org("svc", "s3cret+&=", "org_a").audience(AUDIENCE));
    let arguments = ["token", "--issuer", issuer.url(), "--client-id", "svc"];
    let by_variable = run("m2m", &arguments, &[("M2M_CLIENT_SECRET", "s3cret+&=")]).await;
    let by_input = run_with_input("m2m", &arguments, &[], "s3cret+&=\n").await;
    let without_id = [("M2M_CLIENT_ID", "svc"), ("M2M_CLIENT_SECRET", "s3cret+&=")];
    let by_variables = run("m2m", &arguments[..3], &without_id).await;
    for output in [by_variable, by_input, by_variables] {
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(output.stdout.starts_with(b"eyJ"));
    }
    let wrong = run("m2m", &arguments, &[("M2M_CLIENT_SECRET", "wr0ng")]).await;
    assert_eq!(wrong.status.code(), Some(1));
    let message = String::from_utf8(wrong.stderr).unwrap();
    assert!(
        message.contains("401: invalid_client") && !message.contains("wr0ng"),
        "{message}"
    );

    let in_argument = [&arguments[..], &["--client-secret", "s3cret"]].concat();
    assert_eq!(run("m2m", &in_argument, &[]).await.status.code(), Some(2));
    assert_eq!(
        run("m2m", &arguments, &[]).await.status.code(),
        Some(2),
        "there is no secret"
    );
    let remote = [
        "token",
        "--issuer",
        "http://issuer.example",
        "--client-id",
        "svc",
    ];
    let code = run("m2m", &remote, &[("M2M_CLIENT_SECRET", "s")])
        .await
        .status
        .code();
    assert_eq!(code, Some(2), "a secret is not sent without TLS");
    issuer.go_down().await;
    let code = run("m2m", &arguments, &[("M2M_CLIENT_SECRET", "s")])
        .await
        .status
        .code();
    assert_eq!(code, Some(3));
}

fn verifier(url: &str, profile: Reading) -> Verifier {
    let issuer = Verifier::issuer(url).audience(AUDIENCE).profile(profile);
    issuer.build().unwrap()
}
