//! Settings that cannot be used.

use std::time::Duration;

use tower_m2m::{ApiKeys, Introspection, Issuer, Verifier};

fn acme() -> Issuer {
    Verifier::kinde("acme").audience("https://api.acme.com")
}

fn other() -> Issuer {
    Verifier::issuer("https://issuer.example").audience("https://api.acme.com")
}

fn setting(issuers: impl IntoIterator<Item = Issuer>) -> String {
    let error = Verifier::builder(issuers).build().unwrap_err();
    error.setting().to_owned()
}

/// Rule 162.
#[tokio::test]
async fn invalid_prefix_fails_in_build() {
    for prefix in ["", "e", "ey", "eyJ", "a b", "ü"] {
        let keys = acme().api_keys(ApiKeys::kinde().prefix(prefix));
        assert_eq!(setting([keys]), "api_keys.prefix", "{prefix:?}");
        let tokens = other().introspection(Introspection::from_metadata().prefix(prefix));
        assert_eq!(setting([tokens]), "introspection.prefix", "{prefix:?}");
    }
}

/// Rule 162.
#[tokio::test]
async fn prefixes_must_name_one_issuer() {
    let tokens =
        |prefix: &str| other().introspection(Introspection::from_metadata().prefix(prefix));
    for (of_keys, of_tokens) in [("k_live_", "k_live_"), ("k_", "k_live_"), ("k_live_", "k_")] {
        let keys = acme().api_keys(ApiKeys::kinde().prefix(of_keys));
        assert_eq!(
            setting([keys, tokens(of_tokens)]),
            "prefix",
            "{of_keys} {of_tokens}"
        );
    }
    let any = |issuer: Issuer| issuer.introspection(Introspection::from_metadata());
    assert_eq!(setting([any(acme()), any(other())]), "introspection");
    let keys = acme().api_keys(ApiKeys::kinde());
    assert!(Verifier::builder([keys, tokens("ory_at_")]).build().is_ok());
    let keys = acme().api_keys(ApiKeys::kinde());
    assert!(Verifier::builder([keys, any(other())]).build().is_ok());
}

/// Rule 321.
#[tokio::test]
async fn custom_domain_needs_the_kinde_domain() {
    let keys = || other().api_keys(ApiKeys::kinde());
    assert_eq!(setting([keys()]), "api_keys.kinde_domain");
    for domain in ["acme", "acme.kinde.com", "acme.au.kinde.com"] {
        let keys = other().api_keys(ApiKeys::kinde().kinde_domain(domain));
        assert!(keys.build().is_ok(), "{domain}");
    }
    for domain in ["auth.acme.com", "", "https://acme.kinde.com.evil.example"] {
        let keys = other().api_keys(ApiKeys::kinde().kinde_domain(domain));
        assert_eq!(setting([keys]), "api_keys.kinde_domain", "{domain}");
    }
}

#[tokio::test]
async fn value_out_of_range_fails_in_build() {
    let second = Duration::from_secs(1);
    for (keys, name) in [
        (
            ApiKeys::kinde().time_to_live(Duration::from_millis(999)),
            "time_to_live",
        ),
        (
            ApiKeys::kinde().time_to_live(3_601 * second),
            "time_to_live",
        ),
        (ApiKeys::kinde().max_stale(86_401 * second), "max_stale"),
        (ApiKeys::kinde().timeout(Duration::ZERO), "timeout"),
        (ApiKeys::kinde().timeout(61 * second), "timeout"),
        (ApiKeys::kinde().header("no header"), "header"),
        (ApiKeys::kinde().header("Authorization"), "header"),
        (ApiKeys::kinde().header("Proxy-Authorization"), "header"),
        (ApiKeys::kinde().header("DPoP"), "header"),
        (ApiKeys::kinde().header("client-cert"), "header"),
        (ApiKeys::kinde().header("Client-Cert-Chain"), "header"),
        (
            ApiKeys::kinde().client_credentials("", "s"),
            "client_credentials",
        ),
        (
            ApiKeys::kinde().client_credentials("c", ""),
            "client_credentials",
        ),
    ] {
        let name = format!("api_keys.{name}");
        assert_eq!(setting([acme().api_keys(keys)]), name);
    }
    let tokens = Introspection::from_metadata().client_credentials_in_body("c", "");
    assert_eq!(
        setting([other().introspection(tokens)]),
        "introspection.client_credentials_in_body"
    );
    for keys in [
        ApiKeys::kinde().time_to_live(second),
        ApiKeys::kinde().time_to_live(3_600 * second),
        ApiKeys::kinde().max_stale(Duration::ZERO),
        ApiKeys::kinde().max_stale(86_400 * second),
        ApiKeys::kinde().timeout(60 * second),
        ApiKeys::kinde().header("x-api-key"),
    ] {
        assert!(acme().api_keys(keys).build().is_ok());
    }
    for url in [
        "http://issuer.example/introspect",
        "/introspect",
        "ftp://issuer.example",
    ] {
        let tokens = other().introspection(Introspection::endpoint(url));
        assert_eq!(setting([tokens]), "introspection.endpoint", "{url}");
    }
}

#[tokio::test]
async fn issuer_has_one_kind_of_opaque_credentials() {
    let both = acme()
        .api_keys(ApiKeys::kinde())
        .introspection(Introspection::from_metadata());
    assert_eq!(setting([both]), "introspection");
}

#[tokio::test]
async fn missing_api_id_is_a_weak_setting() {
    let weak = |keys: ApiKeys| {
        let verifier = acme().api_keys(keys).build().unwrap();
        let weak = verifier.weak_settings();
        weak.iter().map(|weak| weak.setting).collect::<Vec<_>>()
    };
    assert_eq!(weak(ApiKeys::kinde()), ["api_id"]);
    assert!(weak(ApiKeys::kinde().api_id("api_1")).is_empty());
}

#[tokio::test]
async fn allowed_missing_token_type_is_a_weak_setting() {
    let weak = |tokens: Introspection| {
        let issuer = other().require_claim("/kind", "service");
        let verifier = issuer.introspection(tokens).build().unwrap();
        let weak = verifier.weak_settings();
        weak.iter().map(|weak| weak.setting).collect::<Vec<_>>()
    };
    assert!(weak(Introspection::from_metadata()).is_empty());
    let allowed = Introspection::from_metadata().allow_missing_token_type();
    assert_eq!(weak(allowed), ["allow_missing_token_type"]);
}

/// An opaque credential does not name its issuer, so no issuer can be resolved for it.
#[tokio::test]
async fn resolved_issuer_cannot_have_api_keys() {
    let verifier = Verifier::builder([])
        .resolve_issuers_with(|iss| async move {
            let issuer = Verifier::issuer(iss).audience("https://api.acme.com");
            Ok(Some(issuer.introspection(Introspection::from_metadata())))
        })
        .build()
        .unwrap();
    let issuer = tower_m2m::testing::LocalIssuer::in_process("https://issuer.example").unwrap();
    let token = issuer.org("org_a").audience("https://api.acme.com").token();
    let rejection = verifier.verify(&token).await.unwrap_err();
    assert_eq!(rejection.code(), "keys_unavailable");
}
