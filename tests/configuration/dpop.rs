//! The table `dpop` and the limits of used proofs, in a file and in the environment.

use serde_json::{Value, json};
use tower_m2m::Config;

fn read(dpop: &Value) -> Result<Config, String> {
    let issuer = json!({ "kinde": "acme", "audience": "https://api.acme.com", "dpop": dpop });
    let settings = json!({ "issuers": [issuer] }).to_string();
    serde_json::from_str(&settings).map_err(|error| error.to_string())
}

fn from_vars(variables: &[(&str, &str)]) -> Result<Config, String> {
    let issuer = [
        ("KINDE_DOMAIN", "acme"),
        ("KINDE_AUDIENCE", "https://api.acme.com"),
    ];
    let all = issuer.iter().chain(variables).copied();
    Config::from_vars(all).map_err(|error| error.to_string())
}

/// An error names the table and the setting in it, not the method of the builder.
#[test]
fn error_names_the_setting_in_the_table() {
    let base = "https://api.acme.com";
    for (dpop, expected) in [
        (
            json!("https://api.acme.com"),
            "dpop: must be a table of settings",
        ),
        (json!(null), "dpop: is null"),
        (json!({}), "dpop.base_url: is missing"),
        (
            json!({ "base_url": "api.acme.com" }),
            "dpop.base_url: must be an absolute",
        ),
        (
            json!({ "base_url": "https://api.acme.com?a" }),
            "dpop.base_url: must have no query",
        ),
        (json!({ "base_url": 7 }), "dpop.base_url: is the number 7"),
        (
            json!({ "base_uri": base }),
            "dpop.base_uri: is not a setting: did you mean `base_url`?",
        ),
        (
            json!({ "base_url": base, "max_proof_ages": "30s" }),
            "dpop.max_proof_ages: is not a setting: did you mean `max_proof_age`?",
        ),
        (
            json!({ "base_url": base, "max_proof_age": 30 }),
            "dpop.max_proof_age: is the number 30: write a string",
        ),
        (
            json!({ "base_url": base, "max_proof_age": "1s" }),
            "dpop.max_proof_age: must be from 5 seconds to 5 minutes",
        ),
        (
            json!({ "base_url": base, "max_proof_age": "soon" }),
            "dpop.max_proof_age: must be a duration",
        ),
        (
            json!({ "base_url": base, "algorithms": ["HS256"] }),
            "dpop.algorithms: must be one or more of RS256",
        ),
        (
            json!({ "base_url": base, "algorithms": [] }),
            "dpop.algorithms: must contain at least one algorithm",
        ),
    ] {
        let error = read(&dpop).unwrap_err();
        let expected = format!("issuers[0].{expected}");
        assert!(error.starts_with(&expected), "{dpop}: {error}");
    }
}

/// A variable has the name of the setting, and an error names the variable.
#[test]
fn variables_follow_the_settings() {
    const BASE: (&str, &str) = ("M2M_DPOP_BASE_URL", "https://api.acme.com");
    for valid in [
        &[BASE][..],
        &[BASE, ("M2M_DPOP_ALGORITHMS", "ES256, EdDSA")],
        &[BASE, ("M2M_DPOP_MAX_PROOF_AGE", "30s")],
    ] {
        let verifier = from_vars(valid).unwrap().builder().unwrap();
        let verifier = verifier.start_lazily().build().unwrap();
        assert!(verifier.replay_status().is_some());
    }
    for (variables, expected) in [
        (
            &[("M2M_DPOP_BASE_URL", "api.acme.com")][..],
            "M2M_DPOP_BASE_URL: must be an absolute",
        ),
        (
            &[("M2M_DPOP_MAX_PROOF_AGE", "30s")],
            "M2M_DPOP_BASE_URL: is missing",
        ),
        (
            &[BASE, ("M2M_DPOP_MAX_PROOF_AGE", "1h")],
            "M2M_DPOP_MAX_PROOF_AGE: must be from",
        ),
        (
            &[BASE, ("M2M_DPOP_ALGORITHMS", "none")],
            "M2M_DPOP_ALGORITHMS: must be one or more",
        ),
        (
            &[BASE, ("M2M_DPOP_BASE_URI", "https://api.acme.com")],
            "M2M_DPOP_BASE_URI: is not a setting: did you mean M2M_DPOP_BASE_URL?",
        ),
        (
            &[BASE, ("M2M_DPOP_NONCE_KEY", "short")],
            "M2M_DPOP_NONCE_KEY: must have at least",
        ),
    ] {
        let error = from_vars(variables).unwrap_err();
        assert!(error.starts_with(expected), "{variables:?}: {error}");
    }
}

/// The limits of used proofs are a table too.
#[test]
fn error_names_the_limit_of_used_proofs() {
    let read = |limits: Value| {
        let issuer = json!({ "kinde": "acme", "audience": "https://api.acme.com" });
        let settings = json!({ "issuers": [issuer], "max_proofs": limits }).to_string();
        let config = serde_json::from_str::<Config>(&settings);
        config.map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(read(json!({ "total": 100, "per_key": 10 })), Ok(()));
    for (limits, expected) in [
        (
            json!({ "total": 100, "per_keys": 10 }),
            "max_proofs.per_keys: is not a setting: did you mean `per_key`?",
        ),
        (json!({ "total": 10 }), "max_proofs.per_key: is missing"),
        (
            json!({ "total": 10, "per_key": 100 }),
            "max_proofs: must be at least 1 for one key",
        ),
        (
            json!({ "total": 100, "per_key": null }),
            "max_proofs.per_key: is null",
        ),
    ] {
        let error = read(limits.clone()).unwrap_err();
        assert!(error.starts_with(expected), "{limits}: {error}");
    }
}
