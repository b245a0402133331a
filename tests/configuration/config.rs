//! Settings from files and from the environment: the same setters and the same errors, which name
//! the place.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tower_m2m::testing::LocalIssuer;
use tower_m2m::token::TokenError;
use tower_m2m::{Clock, Config, ConfigError, Rejection};

const API: &str = "https://api.acme.com";

fn read(config: Value) -> Result<Config, String> {
    serde_json::from_value(config).map_err(|error: serde_json::Error| error.to_string())
}

/// Returns a valid configuration of one issuer, with one setting changed.
fn with(setting: &str, value: Value) -> Result<Config, String> {
    let mut issuer = json!({ "kinde": "acme", "audience": API });
    issuer[setting] = value;
    read(json!({ "issuers": [issuer] }))
}

#[tokio::test]
async fn config_file_and_code_build_the_same_verifier() {
    let clock = Clock::manual(1_750_000_000);
    let issuer = LocalIssuer::builder()
        .clock(clock.clone())
        .in_process("https://acme.kinde.com")
        .unwrap();
    let config = read(json!({
        "issuers": [
            {
                "kinde": "acme",
                "audience": ["https://other.acme.com", tower_m2m::testing::AUDIENCE],
                "algorithms": ["RS256"],
                "leeway": "5s",
                "max_age": "1h 30m",
                "require_claim": { "/v": "2" },
                "organization_claim": "/application_properties/org_code/v",
                "allow_organizations": "org_a",
                "jwk_set": issuer.jwks(),
            },
            { "issuer": "https://acme.auth0.com/", "profile": "auth0", "audience": API, "jwks_url": "https://acme.auth0.com/.well-known/jwks.json", "proxy": "none" },
        ],
        "max_token_bytes": 4096,
        "token_cache": { "tokens": 100, "bytes": 100_000 },
        "max_rejection_events_per_second": 5,
        "start": "lazy",
    }));
    let verifier = config
        .unwrap()
        .builder()
        .unwrap()
        .clock(clock.clone())
        .build()
        .unwrap();
    let good = issuer.global().property("org_code", "org_a");
    assert_eq!(
        verifier
            .verify(&good.token())
            .await
            .unwrap()
            .org_code()
            .unwrap()
            .as_str(),
        "org_a"
    );

    let refused = async |token: String| verifier.verify(&token).await.map(|_| ()).unwrap_err();
    let not_acceptable = Rejection::InvalidClaims;
    assert_eq!(
        refused(good.clone().claim("v", "1").token()).await,
        not_acceptable(TokenError::WrongGrantType)
    );
    assert_eq!(
        refused(good.clone().expired_by(Duration::from_secs(5)).token()).await,
        not_acceptable(TokenError::Expired)
    );
    assert_eq!(
        refused(good.clone().issued_at(1_750_000_000 - 5405).token()).await,
        not_acceptable(TokenError::TooOld)
    );
    assert!(
        verifier
            .verify(&good.clone().issued_at(1_750_000_000 - 5404).token())
            .await
            .is_ok()
    );
    assert_eq!(
        refused(issuer.global().property("org_code", "org_b").token()).await,
        Rejection::OrganizationNotAllowed
    );
    assert!(matches!(
        refused("x".repeat(4097)).await,
        Rejection::InvalidRequest(_)
    ));
    assert_eq!(verifier.status().len(), 2);
    assert!(verifier.cached_tokens() > 0);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn config_error_names_value_and_location() {
    for (setting, value, at) in [
        ("kinde", json!("auth.acme.com"), "issuers[0].kinde: "),
        ("audience", json!([]), "issuers[0].audience: "),
        ("audience", json!(""), "issuers[0].audience: "),
        (
            "leeway",
            json!("6m"),
            "issuers[0].leeway: must be at most 5 minutes",
        ),
        (
            "leeway",
            json!("30"),
            "issuers[0].leeway: must be a duration",
        ),
        (
            "leeway",
            json!("soon"),
            "issuers[0].leeway: must be a duration",
        ),
        ("max_age", json!("0s"), "issuers[0].max_age: "),
        (
            "profile",
            json!("azure"),
            "issuers[0].profile: must be one of kinde, ",
        ),
        (
            "algorithms",
            json!(["HS256"]),
            "issuers[0].algorithms: must be one or more of RS256, ",
        ),
        ("algorithms", json!(["none"]), "issuers[0].algorithms: "),
        ("algorithms", json!([]), "issuers[0].algorithms: "),
        (
            "organization_claim",
            json!("org_code"),
            "issuers[0].organization_claim: ",
        ),
        ("scope_claim", json!("scope"), "issuers[0].scope_claim: "),
        (
            "organization_claim",
            json!("/org~code"),
            "issuers[0].organization_claim: must be a JSON Pointer, in which ~",
        ),
        (
            "scope_claim",
            json!("/scope~"),
            "issuers[0].scope_claim: must be a JSON Pointer, in which ~",
        ),
        (
            "require_claim",
            json!({ "/a~2": "2" }),
            "issuers[0].require_claim: must be a JSON Pointer, in which ~",
        ),
        (
            "organization_claim",
            json!("/sub/org"),
            "issuers[0].organization_claim: can never match",
        ),
        (
            "profile",
            json!("generic"),
            "issuers[0].profile: must be `kinde` for a Kinde domain",
        ),
        (
            "profile",
            json!("zitadel"),
            "issuers[0].profile: must be `kinde` for a Kinde domain",
        ),
        (
            "client_id_claim",
            json!("/"),
            "issuers[0].client_id_claim: ",
        ),
        (
            "require_claim",
            json!({ "v": "2" }),
            "issuers[0].require_claim: ",
        ),
        (
            "allow_organizations",
            json!(["org a"]),
            "issuers[0].allow_organizations: ",
        ),
        ("allow_clients", json!([""]), "issuers[0].allow_clients: "),
        (
            "keys_time_to_live",
            json!("2 days"),
            "issuers[0].keys_time_to_live: ",
        ),
        (
            "keys_max_stale",
            json!("8 days"),
            "issuers[0].keys_max_stale: ",
        ),
        (
            "unknown_kid_cooldown",
            json!("0s"),
            "issuers[0].unknown_kid_cooldown: ",
        ),
        (
            "max_keys_without_kid",
            json!(65),
            "issuers[0].max_keys_without_kid: ",
        ),
        (
            "unknown_kid_max_ttl",
            json!("25h"),
            "issuers[0].unknown_kid_max_ttl: ",
        ),
        ("fetch_timeout", json!("2m"), "issuers[0].fetch_timeout: "),
        (
            "connect_timeout",
            json!("4s"),
            "issuers[0].connect_timeout: must be more than zero and at most fetch_timeout",
        ),
        (
            "initial_keys_timeout",
            json!("2m"),
            "issuers[0].initial_keys_timeout: ",
        ),
        (
            "issuer",
            json!("https://other.example"),
            "issuers[0].issuer: is set in addition",
        ),
        (
            "dangerous_accept_any_audience",
            json!("yes"),
            "issuers[0].dangerous_accept_any_audience: contradicts",
        ),
    ] {
        let error = with(setting, value.clone()).unwrap_err();
        assert!(error.starts_with(at), "{setting} = {value}: {error}");
    }
    for (config, at) in [
        (json!({ "issuers": [] }), "issuer: at least one"),
        (
            json!({ "issuers": [{ "audience": API }] }),
            "issuers[0].issuer: is missing",
        ),
        (
            json!({ "issuers": [{ "kinde": "acme" }] }),
            "issuers[0].audience: is missing",
        ),
        (
            json!({ "issuers": [{ "kinde": "acme", "audience": API }, { "issuer": "http://b.example", "audience": API }] }),
            "issuers[1].issuer: ",
        ),
        (
            json!({ "issuers": [{ "kinde": "acme", "audience": API }, { "kinde": "acme.kinde.com", "audience": API }] }),
            "issuer: is set twice",
        ),
        (
            json!({ "issuers": [{ "kinde": "acme", "audience": API }], "max_token_bytes": 1 }),
            "max_token_bytes: ",
        ),
        (
            json!({ "issuers": [{ "kinde": "acme", "audience": API }], "token_cache": { "tokens": 0, "bytes": 1 } }),
            "token_cache: ",
        ),
    ] {
        let error = read(config.clone()).unwrap_err();
        assert!(error.starts_with(at), "{config}: {error}");
    }
}

#[test]
fn unknown_settings_and_words_are_rejected() {
    for (setting, value) in [
        ("audiences", json!([API])),
        ("client_secret", json!("s")),
        ("dangerous_accept_any_audience", json!(true)),
        ("dangerous_allow_private_addresses", json!(true)),
        ("require", json!("rfc7519")),
        ("grant_type", json!("password")),
        ("proxy", json!("http://proxy")),
        ("leeway", json!(30)),
        ("audience", json!(7)),
    ] {
        assert!(with(setting, value.clone()).is_err(), "{setting} = {value}");
    }
    let misspelt = with("leewey", json!("1s")).unwrap_err();
    assert!(
        misspelt.contains("leewey") && misspelt.contains("leeway"),
        "{misspelt}"
    );
    assert!(
        read(json!({ "issuers": [{ "kinde": "acme", "audience": API }], "token_cache": "of" }))
            .is_err()
    );
    assert!(
        read(json!({ "issuers": [{ "kinde": "acme", "audience": API }], "issuer": "x" })).is_err()
    );
}

/// `null` must not mean "all are allowed", nor disable another setting.
#[test]
fn null_is_rejected_for_every_setting() {
    for setting in listed_settings("| setting of an issuer | form |") {
        let error = with(&setting, Value::Null).unwrap_err();
        let expected = format!("issuers[0].{setting}: is null");
        assert!(error.starts_with(&expected), "{error}");
    }
    for setting in listed_settings("| setting | form |") {
        let mut config = json!({ "issuers": [{ "kinde": "acme", "audience": API }] });
        config[&setting] = Value::Null;
        let error = read(config).unwrap_err();
        assert!(error.starts_with(&setting), "{setting}: {error}");
    }
    for (setting, value) in [
        ("allow_clients", json!(["a", null])),
        ("require_claim", json!({ "/v": null })),
    ] {
        let error = with(setting, value).unwrap_err();
        let expected = format!("issuers[0].{setting}: is null");
        assert!(error.starts_with(&expected), "{error}");
    }
}

/// Returns the settings in a table of the documentation of `Config`.
fn listed_settings(header: &str) -> Vec<String> {
    let source = include_str!("../../src/config/mod.rs");
    let (_, table) = source.split_once(header).unwrap();
    table
        .lines()
        .skip(2)
        .map_while(|row| row.strip_prefix("/// | "))
        .filter_map(|row| row.split(" | ").next())
        .flat_map(|names| names.split(['`', ',', ' ']))
        .filter(|name| !name.is_empty() && *name != "or")
        .map(str::to_owned)
        .collect()
}

/// If a setting is a value, a file can contain it.
#[test]
fn config_has_every_setting_that_is_a_value() {
    let listed: Vec<String> = ["| setting of an issuer | form |", "| setting | form |"]
        .into_iter()
        .flat_map(listed_settings)
        .collect();
    let only_in_code = [
        "clock",
        "check_caller",
        "denylist",
        "restore_keys",
        "replay_store",
        "restore_known_credentials",
        "resolve_issuers_with",
        "fetch_with",
        "custom_claims",
        "jitter_seed",
    ];
    let other_names = [
        ("require_rfc9068", "require"),
        ("allow_any_grant_type", "grant_type"),
        (
            "without_organization_code_pattern",
            "organization_code_pattern",
        ),
        ("without_proxy", "proxy"),
        ("proof_of_possession", "dpop"),
        ("without_token_cache", "token_cache"),
        ("start_lazily", "start"),
    ];
    for owner in ["Issuer", "VerifierBuilder"] {
        for setter in crate::setter_order::listed_setters(owner) {
            let name = other_names
                .iter()
                .find(|(method, _)| *method == setter)
                .map_or(setter.as_str(), |(_, name)| name);
            let has = listed.iter().any(|listed| listed == name);
            assert!(has != only_in_code.contains(&name), "{owner}::{setter}");
        }
    }
}

/// The documentation of `Config::from_env` names every variable that the source contains.
#[test]
fn every_variable_is_documented() {
    let sources = [
        include_str!("../../src/config/dpop.rs"),
        include_str!("../../src/config/environment.rs"),
        include_str!("../../src/config/issuer_variables.rs"),
        include_str!("../../src/config/mtls.rs"),
        include_str!("../../src/config/opaque.rs"),
        include_str!("../../src/config/table_variables.rs"),
        include_str!("../../src/config/variables.rs"),
    ];
    let documentation: String = sources[1]
        .lines()
        .filter(|line| line.trim_start().starts_with("/// | `"))
        .collect();
    let literals = sources.iter().flat_map(|source| source.split('"'));
    let names: BTreeSet<&str> = literals
        .filter(|text| text.starts_with("M2M_") && text.len() > 4)
        .filter(|text| {
            text.chars()
                .all(|letter| letter.is_ascii_uppercase() || "_2".contains(letter))
        })
        .filter(|text| !text.ends_with('_'))
        .collect();
    let missing: Vec<_> = names
        .iter()
        .filter(|name| !documentation.contains(&format!("`{name}`")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(names.len() > 30, "{}", names.len());
}

/// The tables of opaque credentials have every setting of their type that is a value.
#[test]
fn config_has_every_setting_of_opaque_credentials() {
    for (owner, table) in [("ApiKeys", "api_keys"), ("Introspection", "introspection")] {
        let listed = listed_settings(&format!("| setting of `{table}` | form |"));
        let mut expected = Vec::new();
        for setter in crate::setter_order::listed_setters(owner) {
            match setter.as_str() {
                "client_credentials" => {
                    expected.extend(["client_id".to_owned(), "client_secret".to_owned()]);
                }
                "client_credentials_in_body" => expected.push("client_authentication".to_owned()),
                "send_with" => {}
                _ => expected.push(setter),
            }
        }
        // The constructors.
        match owner {
            "ApiKeys" => expected.push("kinde".to_owned()),
            _ => expected.extend(["endpoint".to_owned(), "from_metadata".to_owned()]),
        }
        expected.sort();
        let mut listed = listed;
        listed.sort();
        assert_eq!(listed, expected, "{owner}");
    }
}

#[test]
fn mistakes_are_explained_where_they_are_written() {
    for (setting, value, expected) in [
        (
            "leeway",
            json!(30),
            "issuers[0].leeway: is the number 30: write a string, and a duration with its unit, such as \"30s\"",
        ),
        (
            "dangerous_accept_any_audience",
            json!(true),
            "issuers[0].dangerous_accept_any_audience: is a boolean: write \"yes\"",
        ),
        (
            "audiences",
            json!([API]),
            "issuers[0].audiences: is not a setting: did you mean `audience`?",
        ),
        (
            "kinde",
            json!("auth.acme.com"),
            "issuers[0].kinde: is not under kinde.com",
        ),
        (
            "public_key_pem",
            json!({ "algorithm": "HS256", "pem": "x" }),
            "issuers[0].public_key_pem: its algorithm must be one of RS256",
        ),
    ] {
        let error = with(setting, value).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
        assert!(!error.contains("Verifier::"), "{error}");
    }
    for config in [
        json!({ "issuers": { "kinde": "acme", "audience": API } }),
        json!({}),
        json!({ "issuers": "acme" }),
    ] {
        let error = read(config).unwrap_err();
        assert!(error.starts_with("issuers: must be a list"), "{error}");
        assert!(error.contains("[[issuers]]"), "{error}");
    }
    let twice = r#"{ "issuers": [{ "kinde": "acme", "audience": "a", "allow_clients": ["x"], "allow_clients": [] }] }"#;
    let error = serde_json::from_str::<Config>(twice).unwrap_err();
    assert!(
        error.to_string().contains("allow_clients: is a duplicate"),
        "{error}"
    );
    let no_cache = json!({ "issuers": [{ "kinde": "acme", "audience": API }], "token_cache": { "tokens": 0, "bytes": 1 } });
    let error = read(no_cache).unwrap_err();
    assert!(error.contains("\"off\" disables the cache"), "{error}");
    let error = from(&[("KINDE_DOMAIN", "auth.acme.com"), ("KINDE_AUDIENCE", API)]).unwrap_err();
    assert!(
        error
            .problem()
            .ends_with("set M2M_ISSUER to its URL and M2M_PROFILE=kinde"),
        "{error}"
    );
    let in_code = tower_m2m::Verifier::kinde("auth.acme.com")
        .audience(API)
        .build()
        .unwrap_err();
    assert!(
        in_code.problem().contains("Verifier::issuer(url)"),
        "{in_code}"
    );
}

/// Rule 342.
#[test]
fn foreign_variables_are_ignored() {
    let good = [("KINDE_DOMAIN", "acme"), ("KINDE_AUDIENCE", API)];
    for name in [
        "M2M_CLIENT_ID",
        "M2M_CLIENT_SECRET",
        "M2M_SERVICE_HOST",
        "M2M_SERVICE_PORT",
        "M2M_SERVICE_PORT_HTTP",
        "M2M_PORT",
        "M2M_PORT_80_TCP",
        "M2M_PORT_53_UDP_ADDR",
        "M2M_PORT_9_SCTP_PROTO",
        "M2M_PORT_8443_TCP_PORT",
        "KINDE_CLIENT_ID",
        "KINDE_CLIENT_SECRET",
        "KINDE_SITE_URL",
        "KINDE_POST_LOGIN_REDIRECT_URL",
        "KINDE_SCOPE",
    ] {
        let config = from(&[good[0], good[1], (name, "tcp://10.0.0.1:80")]);
        assert!(config.is_ok(), "{name}: {config:?}");
    }
    for name in [
        "M2M_CLIENT",
        "M2M_CLIENT_SECRETS",
        "M2M_SERVICE_PORT_",
        "M2M_SERVICE_HOSTS",
        "M2M_PORT_X_TCP",
        "M2M_PORT_80_HTTP",
        "M2M_PORT_80_TCP_NAME",
        "M2M_PORT_80_TCP_ADDR_X",
        "M2M_PORT_99999_TCP",
        "M2M_",
    ] {
        let error = from(&[good[0], good[1], (name, "x")]).unwrap_err();
        assert_eq!(error.setting(), name, "{error}");
    }
}

#[test]
fn settings_with_the_wrong_prefix_are_errors() {
    let good = [("KINDE_DOMAIN", "acme"), ("KINDE_AUDIENCE", API)];
    for (name, meant) in [
        ("KINDE_ALLOW_CLIENTS", "M2M_ALLOW_CLIENTS"),
        ("KINDE_ALLOW_ORGANIZATIONS", "M2M_ALLOW_ORGANIZATIONS"),
        ("KINDE_MAX_AGE", "M2M_MAX_AGE"),
        ("KINDE_ALGORITHMS", "M2M_ALGORITHMS"),
        ("KINDE_LEEWAY", "M2M_LEEWAY"),
        ("KINDE_ALLOWED_CLIENTS", "M2M_ALLOW_CLIENTS"),
        ("KINDE_DOMAINS", "KINDE_DOMAIN"),
        ("KINDE_TOKEN_CACHE", "M2M_TOKEN_CACHE"),
        ("KINDE_DENYLIST_MAX_STALE", "M2M_DENYLIST_MAX_STALE"),
        ("M2M_LEEWEY", "M2M_LEEWAY"),
        ("M2M_KINDE_DOMAIN", "KINDE_DOMAIN"),
    ] {
        let error = from(&[good[0], good[1], (name, "x")]).unwrap_err();
        assert_eq!(error.setting(), name, "{error}");
        let expected = format!("did you mean {meant}?");
        assert!(error.problem().ends_with(&expected), "{error}");
    }
    let of_users = [good[0], good[1], ("M2M_PROFILE", "generic")];
    let error = from(&of_users).unwrap_err();
    assert_eq!(error.setting(), "M2M_PROFILE");
    assert!(error.problem().contains("set M2M_ISSUER"), "{error}");
    let as_it_is = [good[0], good[1], ("M2M_PROFILE", "kinde")];
    assert!(from(&as_it_is).is_ok());
}

#[test]
fn two_variables_of_one_setting_must_agree() {
    let audience = ("KINDE_AUDIENCE", API);
    for (left, right, agree) in [
        ("acme", "https://acme.kinde.com/", true),
        ("https://acme.kinde.com", "ACME.kinde.com", true),
        ("acme", "https://acme.au.kinde.com", false),
        ("auth.acme.com", "auth.acme.com", false),
    ] {
        let config = from(&[
            ("KINDE_DOMAIN", left),
            ("KINDE_ISSUER_URL", right),
            audience,
        ]);
        assert_eq!(config.is_ok(), agree, "{left} {right}: {config:?}");
    }
    let domain = ("KINDE_DOMAIN", "acme");
    assert!(from(&[domain, ("KINDE_AUDIENCE", "a, b"), ("M2M_AUDIENCE", "b a")]).is_ok());
    let error = from(&[domain, ("KINDE_AUDIENCE", "a"), ("M2M_AUDIENCE", "b")]).unwrap_err();
    assert!(
        error.problem().starts_with("differs from KINDE_AUDIENCE"),
        "{error}"
    );
}

fn from(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_vars(vars.iter().copied())
}

#[test]
fn environment_configures_one_issuer() {
    for vars in [
        &[("KINDE_DOMAIN", "acme"), ("KINDE_AUDIENCE", API)][..],
        &[
            ("KINDE_ISSUER_URL", "https://acme.kinde.com/"),
            ("KINDE_AUDIENCE", "a, b c,d"),
        ],
        &[
            ("KINDE_DOMAIN", "acme"),
            ("KINDE_AUDIENCE", API),
            ("M2M_UNKNOWN_KID_COOLDOWN", "1m"),
            ("M2M_FETCH_TIMEOUT", "1500ms"),
            ("M2M_TOKEN_CACHE", "off"),
        ],
        &[
            ("KINDE_DOMAIN", "acme.au.kinde.com"),
            ("M2M_AUDIENCE", API),
            ("KINDE_ISSUER_URL", " "),
        ],
        &[
            ("M2M_ISSUER", "https://acme.auth0.com/"),
            ("M2M_AUDIENCE", API),
            ("M2M_PROFILE", "auth0"),
            ("M2M_LEEWAY", "10s"),
        ],
        // Variables of other programs are ignored.
        &[
            ("KINDE_DOMAIN", "acme"),
            ("KINDE_AUDIENCE", API),
            ("KINDE_CLIENT_SECRET", "s"),
            ("PATH", "/bin"),
            ("AUDIENCE", "x"),
        ],
    ] {
        let config = from(vars).unwrap_or_else(|error| panic!("{vars:?}: {error}"));
        assert!(config.build().is_ok(), "{vars:?}");
        assert!(!format!("{config:?}").contains("KINDE_CLIENT_SECRET"));
    }
}

#[tokio::test]
async fn environment_lists_use_commas_or_spaces() {
    let issuer = LocalIssuer::start().await.unwrap();
    let config = from(&[
        ("KINDE_DOMAIN", issuer.url()),
        ("KINDE_AUDIENCE", "a, b c,d"),
        ("M2M_ALLOW_CLIENTS", "x,y"),
    ]);
    let verifier = config.unwrap().build().unwrap();
    for audience in ["a", "b", "c", "d"] {
        let token = issuer.org("org_a").client("y").audience(audience).token();
        assert!(verifier.verify(&token).await.is_ok(), "{audience}");
    }
    for audience in ["", "b c", "a,", "e"] {
        let token = issuer.org("org_a").client("y").audience(audience).token();
        assert!(verifier.verify(&token).await.is_err(), "{audience}");
    }
    let refused = verifier
        .verify(&issuer.org("org_a").client("z").audience("a").token())
        .await;
    assert_eq!(refused.map(|_| ()), Err(Rejection::ClientNotAllowed));
}

#[test]
fn environment_error_names_the_variable() {
    let good = ("KINDE_DOMAIN", "acme");
    for (vars, variable) in [
        (&[][..], "KINDE_DOMAIN"),
        (&[("KINDE_AUDIENCE", API)], "KINDE_DOMAIN"),
        (&[good], "KINDE_AUDIENCE"),
        (&[good, ("KINDE_AUDIENCE", "")], "KINDE_AUDIENCE"),
        (&[good, ("KINDE_AUDIENCE", ",")], "KINDE_AUDIENCE"),
        (&[("M2M_ISSUER", "https://a.example")], "M2M_AUDIENCE"),
        (
            &[("M2M_ISSUER", "http://a.example"), ("M2M_AUDIENCE", API)],
            "M2M_ISSUER",
        ),
        (
            &[
                ("KINDE_ISSUER_URL", "https://auth.acme.com"),
                ("KINDE_AUDIENCE", API),
            ],
            "KINDE_ISSUER_URL",
        ),
        (
            &[good, ("KINDE_ISSUER_URL", "other"), ("KINDE_AUDIENCE", API)],
            "KINDE_ISSUER_URL",
        ),
        (
            &[
                good,
                ("M2M_ISSUER", "https://a.example"),
                ("KINDE_AUDIENCE", API),
            ],
            "M2M_ISSUER",
        ),
        (
            &[good, ("KINDE_AUDIENCE", API), ("M2M_AUDIENCE", "other")],
            "M2M_AUDIENCE",
        ),
        (
            &[good, ("KINDE_AUDIENCE", API), ("M2M_LEEWAY", "1h")],
            "M2M_LEEWAY",
        ),
        (
            &[good, ("KINDE_AUDIENCE", API), ("M2M_LEEWAY", "soon")],
            "M2M_LEEWAY",
        ),
        (
            &[good, ("KINDE_AUDIENCE", API), ("M2M_LEWAY", "1s")],
            "M2M_LEWAY",
        ),
        (
            &[good, ("KINDE_AUDIENCE", API), ("M2M_CLIENT_SECRETS", "s")],
            "M2M_CLIENT_SECRETS",
        ),
        (
            &[good, ("KINDE_AUDIENCE", API), ("M2M_PROFILE", "azure")],
            "M2M_PROFILE",
        ),
        (
            &[good, ("KINDE_AUDIENCE", API), ("M2M_ALGORITHMS", "HS256")],
            "M2M_ALGORITHMS",
        ),
        (
            &[
                good,
                ("KINDE_AUDIENCE", API),
                ("M2M_DENYLIST_STALE_WARNING_AFTER", "9s"),
            ],
            "M2M_DENYLIST_STALE_WARNING_AFTER",
        ),
        (
            &[
                good,
                ("KINDE_AUDIENCE", API),
                ("M2M_DENYLIST_MAX_STALE", "15"),
            ],
            "M2M_DENYLIST_MAX_STALE",
        ),
        (
            &[
                good,
                ("KINDE_AUDIENCE", API),
                ("M2M_DENYLIST_MAX_STALE", "25h"),
            ],
            "M2M_DENYLIST_MAX_STALE",
        ),
        // An empty list could mean all clients or no client.
        (
            &[good, ("KINDE_AUDIENCE", API), ("M2M_ALLOW_CLIENTS", "")],
            "M2M_ALLOW_CLIENTS",
        ),
        (
            &[
                good,
                ("KINDE_AUDIENCE", API),
                ("M2M_ALLOW_ORGANIZATIONS", " , "),
            ],
            "M2M_ALLOW_ORGANIZATIONS",
        ),
    ] {
        let error = from(vars).unwrap_err();
        assert_eq!(error.setting(), variable, "{vars:?}: {error}");
        assert!(!error.to_string().contains("\"s\""), "{error}");
    }
}

/// The first issuer has its keys in the configuration, the second one has none yet.
#[test]
fn readiness_of_several_issuers_is_configurable() {
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    for (readiness, is_ready) in [(None, false), (Some("all"), false), (Some("any"), true)] {
        let mut config = json!({
            "issuers": [
                { "kinde": "acme", "audience": API, "jwk_set": issuer.jwks() },
                { "issuer": "https://issuer.example", "audience": API },
            ],
        });
        if let Some(readiness) = readiness {
            config["readiness"] = json!(readiness);
        }
        let verifier = read(config).unwrap().build().unwrap();
        assert_eq!(verifier.is_ready(), is_ready, "{readiness:?}");
    }
    let config = json!({ "issuers": [{ "kinde": "acme", "audience": API }], "readiness": "some" });
    assert!(read(config).unwrap_err().contains("some"));
}

#[test]
fn private_addresses_are_allowed_by_name() {
    let config = with("dangerous_allow_private_addresses", json!("yes")).unwrap();
    let weak = config.build().unwrap().weak_settings();
    assert_eq!(weak.len(), 1);
    assert_eq!(weak[0].setting, "dangerous_allow_private_addresses");
}
