//! API keys and introspection in a configuration: the same settings as in code, and no secret in an
//! error or in `Debug`.

use std::time::Duration;

use serde_json::{Value, json};
use tower_m2m::testing::{App, Endpoint, LocalIssuer};
use tower_m2m::{ApiKeys, Config, Introspection};

const API: &str = "https://api.acme.com";
const SECRET: &str = "hunter2-of-the-api";

fn read(table: &str, settings: &Value) -> Result<Config, String> {
    let issuer = json!({ "kinde": "acme", "audience": API, table: settings });
    let config = json!({ "issuers": [issuer] });
    serde_json::from_value(config).map_err(|error: serde_json::Error| error.to_string())
}

fn from_vars(vars: &[(&str, &str)]) -> Result<Config, String> {
    let issuer = [("KINDE_DOMAIN", "acme"), ("KINDE_AUDIENCE", API)];
    let vars = issuer.iter().chain(vars).copied();
    Config::from_vars(vars).map_err(|error| error.to_string())
}

fn shown(config: Result<Config, String>) -> String {
    let builder = config.unwrap().builder().unwrap();
    format!("{builder:?}")
}

/// The variables of a table of settings.
fn variables<'v>(table: &str, settings: &'v Value) -> Vec<(String, &'v str)> {
    let settings = settings.as_object().unwrap().iter();
    let name = |setting: &str| format!("M2M_{table}_{setting}").to_ascii_uppercase();
    settings
        .map(|(setting, value)| (name(setting), value.as_str().unwrap()))
        .collect()
}

/// Checks that a file and the environment have the settings of the code.
fn assert_same(table: &str, settings: &Value, code: &impl std::fmt::Debug) {
    let file = shown(read(table, settings));
    let variables = variables(table, settings);
    let variables: Vec<_> = variables.iter().map(|(n, v)| (n.as_str(), *v)).collect();
    let environment = shown(from_vars(&variables));
    let expected = format!("{code:?}");
    for shown in [file, environment] {
        assert!(shown.contains(&expected), "{shown} lacks {expected}");
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

#[test]
fn file_environment_and_code_have_the_same_api_keys() {
    let settings = json!({
        "kinde": "yes",
        "client_id": "m2m",
        "client_secret": SECRET,
        "api_id": "api_1",
        "allow_user_keys": "yes",
        "kinde_domain": "acme.au.kinde.com",
        "prefix": "k_test_",
        "header": "x-api-key",
        "time_to_live": "30s",
        "max_stale": "1m",
        "timeout": "2s",
    });
    let second = Duration::from_secs(1);
    let keys = ApiKeys::kinde()
        .client_credentials("m2m", SECRET)
        .api_id("api_1")
        .allow_user_keys()
        .kinde_domain("acme.au.kinde.com")
        .prefix("k_test_")
        .header("x-api-key")
        .time_to_live(30 * second)
        .max_stale(60 * second)
        .timeout(2 * second);
    assert_same("api_keys", &settings, &keys);
}

#[test]
fn file_environment_and_code_have_the_same_introspection() {
    for authentication in ["basic", "body"] {
        let settings = json!({
            "endpoint": "https://issuer.example/introspect",
            "client_id": "api",
            "client_secret": SECRET,
            "client_authentication": authentication,
            "prefix": "ory_at_",
            "allow_missing_token_type": "yes",
            "time_to_live": "30s",
            "max_stale": "0s",
            "timeout": "500ms",
        });
        let second = Duration::from_secs(1);
        let tokens = Introspection::endpoint("https://issuer.example/introspect");
        let tokens = match authentication {
            "basic" => tokens.client_credentials("api", SECRET),
            _ => tokens.client_credentials_in_body("api", SECRET),
        };
        let tokens = tokens
            .prefix("ory_at_")
            .allow_missing_token_type()
            .time_to_live(30 * second)
            .max_stale(Duration::ZERO)
            .timeout(second / 2);
        assert_same("introspection", &settings, &tokens);
    }
    let from_metadata = json!({ "from_metadata": "yes" });
    assert_same(
        "introspection",
        &from_metadata,
        &Introspection::from_metadata(),
    );
}

/// The secret reaches the issuer.
#[tokio::test]
async fn credentials_of_the_environment_are_used() {
    for authentication in [None, Some("basic"), Some("body")] {
        let issuer = LocalIssuer::start().await.unwrap();
        issuer.add_app(App::global("the-api", SECRET));
        let mut vars = vec![
            ("M2M_ISSUER", issuer.url()),
            ("M2M_AUDIENCE", issuer.audience()),
            ("M2M_INTROSPECTION_FROM_METADATA", "yes"),
            ("M2M_INTROSPECTION_CLIENT_ID", "the-api"),
            ("M2M_INTROSPECTION_CLIENT_SECRET", SECRET),
        ];
        vars.extend(authentication.map(|how| ("M2M_INTROSPECTION_CLIENT_AUTHENTICATION", how)));
        let config = Config::from_vars(vars).unwrap();
        assert!(!format!("{config:?}").contains(SECRET));
        let verifier = config.build().unwrap();
        let token = issuer.opaque_token(&issuer.org("org_a"));
        let outcome = verifier.verify(token.token()).await;
        assert!(outcome.is_ok(), "{authentication:?}: {outcome:?}");
        assert_eq!(issuer.hits(Endpoint::Introspect), 1);
    }
}

#[test]
fn error_names_the_setting_and_the_variable() {
    let keys = |setting: &str, value: &str| {
        let mut settings = json!({ "kinde": "yes" });
        settings[setting] = json!(value);
        settings
    };
    for (table, settings, setting) in [
        ("api_keys", keys("kinde", "true"), "kinde"),
        ("api_keys", keys("client_id", "m2m"), "client_secret"),
        ("api_keys", keys("client_secret", SECRET), "client_id"),
        ("api_keys", keys("prefix", "ey"), "prefix"),
        ("api_keys", keys("header", "authorization"), "header"),
        (
            "api_keys",
            keys("kinde_domain", "a.example"),
            "kinde_domain",
        ),
        ("api_keys", keys("time_to_live", "2h"), "time_to_live"),
        ("api_keys", keys("time_to_live", "soon"), "time_to_live"),
        ("api_keys", keys("max_stale", "2 days"), "max_stale"),
        ("api_keys", keys("timeout", "0s"), "timeout"),
        ("api_keys", json!({ "api_id": "api_1" }), "kinde"),
        ("introspection", json!({ "timeout": "1s" }), "endpoint"),
        (
            "introspection",
            json!({ "endpoint": "https://a.example", "from_metadata": "yes" }),
            "from_metadata",
        ),
        (
            "introspection",
            json!({ "endpoint": "http://a.example" }),
            "endpoint",
        ),
        (
            "introspection",
            json!({ "from_metadata": "yes", "client_authentication": "basic" }),
            "client_authentication",
        ),
        (
            "introspection",
            json!({ "from_metadata": "yes", "client_authentication": "jwt" }),
            "client_authentication",
        ),
    ] {
        let error = read(table, &settings).unwrap_err();
        let place = format!("issuers[0].{table}.{setting}: ");
        assert!(error.starts_with(&place), "{settings}: {error}");
        assert!(!error.contains(SECRET), "{error}");
        let variables = variables(table, &settings);
        let variables: Vec<_> = variables.iter().map(|(n, v)| (n.as_str(), *v)).collect();
        let error = from_vars(&variables).unwrap_err();
        let place = format!("M2M_{table}_{setting}: ").to_ascii_uppercase();
        assert!(error.starts_with(&place), "{settings}: {error}");
        assert!(!error.contains(SECRET), "{error}");
    }
    for (settings, setting) in [
        (json!("yes"), "api_keys: must be a table"),
        (json!([{ "kinde": "yes" }]), "api_keys: must be a table"),
        (json!(null), "api_keys: is null"),
        (json!({ "kinde": true }), "api_keys.kinde: is a boolean"),
        (
            json!({ "kinde": "yes", "api_id": null }),
            "api_keys.api_id: is null",
        ),
        (
            json!({ "kinde": "yes", "timeout": 1 }),
            "api_keys.timeout: is the number 1",
        ),
        (
            json!({ "kinde": "yes", "api_ids": "api_1" }),
            "api_keys.api_ids: is not a setting: did you mean `api_id`?",
        ),
    ] {
        let error = read("api_keys", &settings).unwrap_err();
        let place = format!("issuers[0].{setting}");
        assert!(error.starts_with(&place), "{settings}: {error}");
    }
}

/// A secret that is written in a wrong way is in no error.
#[test]
fn no_error_shows_a_secret() {
    let number = 4_711_471_147_114_711_u64;
    for wrong in [
        json!(number),
        json!([SECRET]),
        json!({ "secret": SECRET }),
        json!(true),
    ] {
        let settings = json!({ "kinde": "yes", "client_id": "m2m", "client_secret": wrong });
        let error = read("api_keys", &settings).unwrap_err();
        let expected = "issuers[0].api_keys.client_secret: must be a string";
        assert_eq!(error, expected);
    }
    for misplaced in [
        json!({ "kinde": "yes", "client_secrets": SECRET }),
        json!({ "kinde": "yes", "secret": SECRET, "client_id": "m2m" }),
        json!(SECRET),
    ] {
        let error = read("api_keys", &misplaced).unwrap_err();
        assert!(!error.contains(SECRET), "{error}");
    }
    let empty = json!({ "kinde": "yes", "client_id": "m2m", "client_secret": "" });
    let error = read("api_keys", &empty).unwrap_err();
    assert!(
        error.starts_with("issuers[0].api_keys.client_credentials: must have"),
        "{error}"
    );
    let misspelled = ("M2M_API_KEYS_CLIENT_SECRETS", SECRET);
    let error = from_vars(&[misspelled]).unwrap_err();
    assert!(
        error.contains("did you mean M2M_API_KEYS_CLIENT_SECRET?"),
        "{error}"
    );
    assert!(!error.contains(SECRET), "{error}");
    let toml = format!(
        "[[issuers]]\nkinde = \"acme\"\naudience = \"{API}\"\nleeway = \"1h\"\n\
         [issuers.api_keys]\nkinde = \"yes\"\nclient_id = \"m2m\"\nclient_secret = \"{SECRET}\"\n"
    );
    let error = toml::from_str::<Config>(&toml).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(SECRET), "{error}");
}
