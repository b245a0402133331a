//! The table `dpop` and the limits of used proofs, in a file and in the environment.

use serde_json::{Value, json};
use tower_m2m::{
    BoxError, Config, ProofOfPossession, ProofUse, ReplayStore, UsedProof, Verifier,
    VerifierBuilder,
};

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

/// A replay store that is never called.
struct AnyStore;

impl ReplayStore for AnyStore {
    async fn insert(&self, _: UsedProof) -> Result<ProofUse, BoxError> {
        Ok(ProofUse::First)
    }
}

type Setter = fn(VerifierBuilder) -> VerifierBuilder;

fn builder(possession: &[ProofOfPossession]) -> VerifierBuilder {
    let issuer = |name: &str| Verifier::kinde(name).audience("https://api.acme.com");
    let second = possession.iter().fold(issuer("partner"), |issuer, method| {
        issuer.proof_of_possession(method.clone())
    });
    Verifier::builder([issuer("acme"), second]).start_lazily()
}

/// Without DPoP, proofs are never checked, so a setting about them is a mistake.
#[test]
fn settings_about_proofs_need_an_issuer_with_dpop() {
    let settings: [(&str, Setter); 3] = [
        ("dpop_nonce_key", |builder| builder.dpop_nonce_key([7; 32])),
        ("max_proofs", |builder| builder.max_proofs(100, 10)),
        ("replay_store", |builder| builder.replay_store(AnyStore)),
    ];
    let dpop = || ProofOfPossession::from(ProofOfPossession::dpop("https://api.acme.com"));
    let mtls = || ProofOfPossession::from(ProofOfPossession::mtls());
    for (name, set) in settings {
        for without in [vec![], vec![mtls()]] {
            let error = set(builder(&without)).build().unwrap_err();
            let expected = "has no effect, because no issuer has DPoP: \
                add ProofOfPossession::dpop to an issuer";
            assert_eq!((error.setting(), error.problem()), (name, expected));
        }
        for with in [vec![dpop()], vec![mtls(), dpop()]] {
            assert!(set(builder(&with)).build().is_ok(), "{name}");
        }
        // The resolver can return an issuer with DPoP.
        let resolved = builder(&[]).resolve_issuers_with(|_| async { Ok(None) });
        let verifier = set(resolved).build().unwrap();
        assert!(verifier.replay_status().is_some(), "{name}");
    }
}

/// The error has the name that is written: a setting or a variable.
#[test]
fn error_names_the_written_setting_that_has_no_effect() {
    let key = "a secret of at least 32 characters";
    let variables = [("M2M_DPOP_NONCE_KEY", key)];
    let expected = "M2M_DPOP_NONCE_KEY: has no effect, because no issuer has DPoP: \
        set M2M_DPOP_BASE_URL";
    let config = from_vars(&variables).unwrap();
    assert_eq!(config.build().unwrap_err().to_string(), expected);
    // The same for a builder that code finishes.
    let builder = || config.builder().unwrap().start_lazily();
    assert_eq!(builder().build().unwrap_err().to_string(), expected);
    let resolved = builder().resolve_issuers_with(|_| async { Ok(None) });
    assert!(resolved.build().unwrap().dpop_nonce().is_some());
    let base = ("M2M_DPOP_BASE_URL", "https://api.acme.com");
    let both = from_vars(&[base, variables[0]]).unwrap().builder().unwrap();
    let verifier = both.start_lazily().build().unwrap();
    assert!(verifier.dpop_nonce().is_some());

    let read = |dpop: Option<Value>, name: &str, value: Value| {
        let mut issuer = json!({ "kinde": "acme", "audience": "https://api.acme.com" });
        if let Some(dpop) = dpop {
            issuer["dpop"] = dpop;
        }
        let settings = json!({ "issuers": [issuer], "start": "lazy", name: value }).to_string();
        let config = serde_json::from_str::<Config>(&settings).unwrap();
        config.build().map_err(|error| error.to_string())
    };
    for (name, value) in [
        ("dpop_nonce_key", json!(key)),
        ("max_proofs", json!({ "total": 100, "per_key": 10 })),
    ] {
        let error = read(None, name, value.clone()).unwrap_err();
        let expected = "has no effect, because no issuer has DPoP: \
            add the table `dpop` to an issuer";
        assert_eq!(error, format!("{name}: {expected}"));
        let dpop = json!({ "base_url": "https://api.acme.com" });
        assert!(read(Some(dpop), name, value).is_ok(), "{name}");
    }
}
