//! Tests `resource_server`, variable by variable.

use std::time::Duration;

use tokio::net::TcpListener;
use tower_m2m::testing::{AUDIENCE, Endpoint, Fault, LocalIssuer, Profile, SigningAlgorithm};

use crate::program::{Program, patiently, run};
use crate::resource_server::server;

/// The program exits with code 2 and one line on stderr that names the variable, before it serves
/// requests.
#[tokio::test]
async fn invalid_setting_exits_with_2_and_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let bad: &[(&str, &[&str])] = &[
        (
            "ISSUER",
            &[
                "",
                "acme",
                "/relative",
                "http://acme.kinde.com",
                "https://acme.kinde.com#x",
                "ftp://127.0.0.1",
                "https://",
            ],
        ),
        ("AUDIENCE", &["", " ", " , ,"]),
        ("PROFILE", &["", "auth0", "Kinde"]),
        (
            "JWKS_URL",
            &[
                "",
                "/jwks",
                "jwks.json",
                "http://issuer.example/jwks",
                "file:///etc/passwd",
            ],
        ),
        (
            "LISTEN",
            &["", "nowhere", "127.0.0.1", "127.0.0.1:70000", &taken],
        ),
        (
            "ALGORITHMS",
            &["", "none", "HS256", "RS256,HS256", "rs256", "RS256,"],
        ),
        (
            "LEEWAY_SECONDS",
            &["", "-1", "1.5", "30s", "301", "18446744073709551616"],
        ),
        (
            "JWKS_TTL_SECONDS",
            &["", "0", "86401", "18446744073709551615", "soon"],
        ),
        ("JWKS_COOLDOWN_SECONDS", &["", "0", "86401", "x"]),
        ("JWKS_MAX_STALE_SECONDS", &["", "-1", "604801"]),
        ("JWKS_TIMEOUT_MS", &["", "0", "60001", "1s"]),
        ("TOKEN_CACHE", &["", "false", "OFF"]),
        ("WORKER_THREADS", &["", "0", "-1", "1025", "many"]),
    ];
    for (variable, values) in bad {
        for value in *values {
            let good = [
                ("ISSUER", "http://127.0.0.1:9"),
                ("AUDIENCE", AUDIENCE),
                ("LISTEN", "127.0.0.1:0"),
            ];
            let mut variables: Vec<_> = good
                .into_iter()
                .filter(|(name, _)| name != variable)
                .collect();
            variables.push((variable, value));
            assert_rejected(variable, value, &variables).await;
        }
    }
    assert_rejected("ISSUER", "nothing", &[("AUDIENCE", AUDIENCE)]).await;
    assert_rejected(
        "AUDIENCE",
        "nothing",
        &[("ISSUER", "https://acme.kinde.com")],
    )
    .await;
}

/// An alias and its name: either may be set, or both with one value.
#[tokio::test]
async fn alias_and_name_must_not_differ() {
    let listen = ("LISTEN", "127.0.0.1:0");
    let issuer = ("ISSUER", "http://127.0.0.1:9");
    for (variable, name, value, other) in [
        ("ISSUER", "M2M_ISSUER", issuer.1, "http://127.0.0.1:8"),
        ("AUDIENCE", "M2M_AUDIENCE", AUDIENCE, "other"),
        ("LEEWAY_SECONDS", "M2M_LEEWAY", "30", "31s"),
        ("TOKEN_CACHE", "M2M_TOKEN_CACHE", "on", "off"),
    ] {
        let mut variables: Vec<_> = [issuer, ("AUDIENCE", AUDIENCE), listen]
            .into_iter()
            .filter(|(set, _)| *set != variable)
            .collect();
        variables.extend([(variable, value), (name, other)]);
        assert_rejected(variable, value, &variables).await;
    }
    // The name that was set is named, and the aliases have no values of their own.
    let names = [("M2M_ISSUER", issuer.1), ("M2M_AUDIENCE", AUDIENCE), listen];
    for (name, value) in [
        ("M2M_LEEWAY", "30"),
        ("M2M_LEEWEY", "30s"),
        ("M2M_KEYS_MAX_STALE", "8 days"),
        ("KINDE_ALLOW_CLIENTS", "c1"),
    ] {
        let mut variables = names.to_vec();
        variables.push((name, value));
        assert_rejected(name, value, &variables).await;
    }
}

/// The names of `Config::from_env` configure the program as the aliases do.
#[tokio::test]
async fn names_and_aliases_configure_the_same() {
    let issuer = LocalIssuer::start().await.unwrap();
    for variables in [
        &[
            ("M2M_ISSUER", issuer.url()),
            ("M2M_AUDIENCE", AUDIENCE),
            ("M2M_PROFILE", "kinde"),
        ][..],
        &[("KINDE_DOMAIN", issuer.url()), ("KINDE_AUDIENCE", AUDIENCE)],
        &[
            ("ISSUER", issuer.url()),
            ("M2M_ISSUER", issuer.url()),
            ("AUDIENCE", AUDIENCE),
        ],
    ] {
        let mut all = vec![("LISTEN", "127.0.0.1:0")];
        all.extend_from_slice(variables);
        let server = Program::start("resource_server", &[], &all, "listening on").await;
        let token = issuer.org("org_a").token();
        server.get("/whoami", &*token).await.assert_status(200);
    }
}

async fn assert_rejected(variable: &str, value: &str, variables: &[(&str, &str)]) {
    let output = run("resource_server", &[], variables).await;
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        output.status.code(),
        Some(2),
        "{variable}={value}: {stderr}"
    );
    assert!(
        output.stdout.is_empty(),
        "{variable}={value} does not listen"
    );
    assert!(
        stderr.starts_with(&format!("{variable}: ")) && stderr.lines().count() == 1,
        "{variable}={value}: {stderr}"
    );
}

#[tokio::test]
async fn audiences_are_separated_by_spaces_or_commas() {
    let issuer = LocalIssuer::start().await.unwrap();
    let server = server(
        &issuer,
        &[(
            "AUDIENCE",
            "https://a.example, https://b.example https://c.example",
        )],
    )
    .await;
    for (audience, status) in [
        ("https://a.example", 200),
        ("https://b.example", 200),
        ("https://c.example", 200),
        (AUDIENCE, 401),
    ] {
        server
            .get("/whoami", &*issuer.org("org_a").audience(audience).token())
            .await
            .assert_status(status);
    }
}

#[tokio::test]
async fn only_generic_profile_accepts_rfc9068_tokens() {
    let issuer = LocalIssuer::builder()
        .profile(Profile::Rfc9068)
        .algorithm(SigningAlgorithm::Es256)
        .start()
        .await
        .unwrap();
    let token = issuer.org("org_a").client("svc-a").token();
    let generic = server(&issuer, &[("PROFILE", "generic")]).await;
    let answer = generic.get("/whoami", &*token).await;
    assert_eq!(
        answer.assert_status(200).json().unwrap()["client_id"],
        "svc-a"
    );
    let kinde = server(
        &issuer,
        &[("PROFILE", "kinde"), ("ALGORITHMS", "RS256, ES256")],
    )
    .await;
    kinde
        .get("/whoami", &*token)
        .await
        .assert_rejected(401, "invalid_token");
}

#[tokio::test]
async fn algorithms_are_an_allow_list() {
    let issuer = LocalIssuer::builder()
        .algorithm(SigningAlgorithm::Es256)
        .start()
        .await
        .unwrap();
    let token = issuer.org("org_a").token();
    server(&issuer, &[])
        .await
        .get("/whoami", &*token)
        .await
        .assert_rejected(401, "invalid_token");
    server(&issuer, &[("ALGORITHMS", "RS256, ES256")])
        .await
        .get("/whoami", &*token)
        .await
        .assert_status(200);
}

#[tokio::test]
async fn jwks_url_setting_skips_discovery() {
    let issuer = LocalIssuer::start().await.unwrap();
    let server = server(&issuer, &[("JWKS_URL", &issuer.jwks_uri())]).await;
    server
        .get("/whoami", &*issuer.org("org_a").token())
        .await
        .assert_status(200);
    assert_eq!(
        (
            issuer.hits(Endpoint::Discovery),
            issuer.hits(Endpoint::Metadata)
        ),
        (0, 0)
    );
}

#[tokio::test]
async fn leeway_defaults_to_30_seconds() {
    let issuer = LocalIssuer::start().await.unwrap();
    let expired = issuer
        .org("org_a")
        .expired_by(Duration::from_secs(10))
        .token();
    server(&issuer, &[])
        .await
        .get("/whoami", &*expired)
        .await
        .assert_status(200);
    let strict = server(&issuer, &[("LEEWAY_SECONDS", "0")]).await;
    strict
        .get("/whoami", &*expired)
        .await
        .assert_rejected(401, "invalid_token");
}

#[tokio::test]
async fn key_ttl_overrides_cache_control() {
    let issuer = LocalIssuer::start().await.unwrap();
    issuer
        .set_cache_headers(Endpoint::Jwks, &[("cache-control", "max-age=3600")])
        .unwrap();
    let _server = server(&issuer, &[("JWKS_TTL_SECONDS", "1")]).await;
    patiently(issuer.wait_for_hits(Endpoint::Jwks, 3)).await;
}

#[tokio::test]
async fn stale_keys_expire_at_configured_limit() {
    let issuer = LocalIssuer::start().await.unwrap();
    let server = server(
        &issuer,
        &[("JWKS_TTL_SECONDS", "1"), ("JWKS_MAX_STALE_SECONDS", "0")],
    )
    .await;
    let token = issuer.org("org_a").token();
    server.get("/whoami", &*token).await.assert_status(200);
    issuer.set_fault(Endpoint::Jwks, Fault::Reset);
    server
        .until("/readyz", None, |answer| answer.status() == 503)
        .await;
    server.get("/whoami", &*token).await.assert_status(503);
}

#[tokio::test]
async fn fetch_timeout_is_configurable() {
    let issuer = LocalIssuer::start().await.unwrap();
    issuer.set_fault(Endpoint::Jwks, Fault::Hang);
    let server = server(&issuer, &[("JWKS_TIMEOUT_MS", "100")]).await;
    server
        .until("/readyz", None, |answer| {
            answer.body().ends_with(b"set the limits)\n")
        })
        .await
        .assert_status(503);
}

#[tokio::test]
async fn token_cache_can_be_disabled() {
    let issuer = LocalIssuer::start().await.unwrap();
    let token = issuer.global().scopes(["read:stats"]).token();
    for (value, remembered) in [("on", 1), ("off", 0)] {
        let server = server(&issuer, &[("TOKEN_CACHE", value)]).await;
        let answer = server.get("/admin/stats", &*token).await;
        assert_eq!(
            answer.assert_status(200).json().unwrap()["cached_tokens"],
            remembered,
            "{value}"
        );
    }
}

#[tokio::test]
async fn server_runs_on_one_worker_thread() {
    let issuer = LocalIssuer::start().await.unwrap();
    let server = server(&issuer, &[("WORKER_THREADS", "1")]).await;
    server
        .get("/whoami", &*issuer.org("org_a").token())
        .await
        .assert_status(200);
}

/// A proxy of the network cannot reach the loopback address of this machine.
#[tokio::test]
async fn loopback_issuer_is_reached_without_proxy() {
    let issuer = LocalIssuer::start().await.unwrap();
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", dead.local_addr().unwrap());
    drop(dead);
    let server = server(
        &issuer,
        &[
            ("HTTP_PROXY", &proxy),
            ("http_proxy", &proxy),
            ("ALL_PROXY", &proxy),
        ],
    )
    .await;
    server
        .get("/whoami", &*issuer.org("org_a").token())
        .await
        .assert_status(200);
}
