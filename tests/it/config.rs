//! If a configuration cannot work, `build()` fails and names the setting.

use std::time::Duration;

use tower_m2m::testing::{AUDIENCE, SigningAlgorithm, SigningKey};
use tower_m2m::{Algorithm, Issuer, Verifier};

use crate::support::{issuer, trust};

/// A public RSA key of 1024 bits, created for this test. The private key was deleted.
const WEAK: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCji5q+Y/66vd9CLFK39KHr9jVG
LWgqVdrUnrLC7VlDhs0etXVYa8BK9cE3xFOv9hkGyV/zrWSfg4id/ydqgUUXLdrI
5fOkmZwXXvklH+2XGUkO3tAdZAm8yKVW65JbmXh+tTMK5IARTpvFV9S+c6HmODZO
qENC42gUry9QFhc7dQIDAQAB
-----END PUBLIC KEY-----";

fn generic(issuer: &str) -> Issuer {
    Verifier::issuer(issuer).audience(AUDIENCE)
}

fn kinde() -> Issuer {
    Verifier::kinde("acme").audience(AUDIENCE)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn weak_jwks() -> String {
    // 171 base64url characters encode the 1024 bits of a modulus.
    format!(
        r#"{{"keys":[{{"kty":"RSA","kid":"k","alg":"RS256","n":"{}","e":"AQAB"}}]}}"#,
        "z".repeat(170) + "w"
    )
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn build_rejects_invalid_issuer_setting_by_name() {
    let private = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"AA"}]}"#;
    let es256 = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let table: Vec<(&str, &str, Issuer)> = vec![
        (
            "a custom domain",
            "kinde",
            Verifier::kinde("auth.acme.com").audience(AUDIENCE),
        ),
        (
            "http for Kinde",
            "kinde",
            Verifier::kinde("http://acme.kinde.com").audience(AUDIENCE),
        ),
        ("no domain", "kinde", Verifier::kinde("").audience(AUDIENCE)),
        (
            "http off loopback",
            "issuer",
            generic("http://issuer.example"),
        ),
        (
            "http on all addresses",
            "issuer",
            generic("http://0.0.0.0:1"),
        ),
        ("no URL", "issuer", generic("issuer.example")),
        ("empty", "issuer", generic("")),
        ("a query", "issuer", generic("https://issuer.example?x=1")),
        ("a fragment", "issuer", generic("https://issuer.example#x")),
        (
            "user info",
            "issuer",
            generic("https://user@issuer.example"),
        ),
        (
            "no audience in the list",
            "audience",
            Verifier::kinde("acme").audiences(Vec::<String>::new()),
        ),
        (
            "empty audience",
            "audience",
            Verifier::kinde("acme").audience(""),
        ),
        (
            "blank audience",
            "audience",
            Verifier::kinde("acme").audiences([AUDIENCE, " "]),
        ),
        ("no algorithm", "algorithms", kinde().algorithms([])),
        ("over 5 minutes", "leeway", kinde().leeway(seconds(301))),
        ("no age at all", "max_age", kinde().max_age(Duration::ZERO)),
        (
            "no pointer",
            "organization_claim",
            kinde().organization_claim("org_code"),
        ),
        (
            "the whole document",
            "organization_claim",
            kinde().organization_claim("/"),
        ),
        ("no pointer", "scope_claim", kinde().scope_claim("scope")),
        (
            "no pointer",
            "require_claim",
            kinde().require_claim("idtyp", "app"),
        ),
        ("no name", "client_id_claim", kinde().client_id_claim("")),
        (
            "an empty pointer",
            "client_id_claim",
            kinde().client_id_claim("/"),
        ),
        (
            "no code",
            "allow_organizations",
            kinde().allow_organizations(["org_a", ""]),
        ),
        (
            "white space",
            "allow_organizations",
            kinde().allow_organizations(["org a"]),
        ),
        ("no client", "allow_clients", kinde().allow_clients([""])),
        ("not JSON", "jwk_set", kinde().jwk_set("keys")),
        ("no keys", "jwk_set", kinde().jwk_set("{}")),
        ("no key", "jwk_set", kinde().jwk_set(r#"{"keys":[]}"#)),
        ("under 2048 bits", "jwk_set", kinde().jwk_set(weak_jwks())),
        (
            "a private key",
            "jwk_set",
            kinde().algorithms([Algorithm::EdDSA]).jwk_set(private),
        ),
        (
            "no key of an allowed algorithm",
            "jwk_set",
            trust().algorithms([Algorithm::ES256]),
        ),
        (
            "no PEM",
            "public_key_pem",
            kinde().public_key_pem(Algorithm::RS256, "key"),
        ),
        (
            "under 2048 bits",
            "public_key_pem",
            kinde().public_key_pem(Algorithm::RS256, WEAK),
        ),
        (
            "of another type",
            "public_key_pem",
            kinde().public_key_pem(Algorithm::RS256, es256.public_pem()),
        ),
        (
            "not allowed",
            "public_key_pem",
            kinde().public_key_pem(Algorithm::ES256, es256.public_pem()),
        ),
        (
            "http off loopback",
            "jwks_url",
            kinde().jwks_url("http://acme.kinde.com/jwks"),
        ),
        ("a path", "jwks_url", kinde().jwks_url("/jwks")),
        (
            "zero",
            "keys_time_to_live",
            kinde().keys_time_to_live(Duration::ZERO),
        ),
        (
            "over a day",
            "keys_time_to_live",
            kinde().keys_time_to_live(seconds(86_401)),
        ),
        (
            "over a week",
            "keys_max_stale",
            kinde().keys_max_stale(seconds(7 * 86_400 + 1)),
        ),
        (
            "zero",
            "unknown_kid_cooldown",
            kinde().unknown_kid_cooldown(Duration::ZERO),
        ),
        (
            "over a day",
            "unknown_kid_cooldown",
            kinde().unknown_kid_cooldown(seconds(86_401)),
        ),
        (
            "zero",
            "fetch_timeout",
            kinde().fetch_timeout(Duration::ZERO),
        ),
        (
            "over a minute",
            "fetch_timeout",
            kinde().fetch_timeout(seconds(61)),
        ),
        (
            "zero",
            "connect_timeout",
            kinde().connect_timeout(Duration::ZERO),
        ),
        (
            "over fetch_timeout",
            "connect_timeout",
            kinde().connect_timeout(seconds(3) + Duration::from_nanos(1)),
        ),
        (
            "over a minute",
            "initial_keys_timeout",
            kinde().initial_keys_timeout(seconds(61)),
        ),
    ];
    for (problem, setting, issuer) in table {
        let error = issuer.build().expect_err(&format!("{setting}: {problem}"));
        assert_eq!(error.setting(), setting, "{problem}");
        assert_eq!(error.to_string(), format!("{setting}: {}", error.problem()));
        assert!(!error.problem().is_empty());
    }
}

#[test]
fn build_rejects_invalid_verifier_settings() {
    let of_one = || Verifier::builder([trust()]);
    for (setting, builder) in vec![
        ("issuer", Verifier::builder([])),
        ("issuer", Verifier::builder([trust(), trust()])),
        (
            "leeway",
            Verifier::builder([
                generic("https://issuer.example"),
                kinde().leeway(seconds(301)),
            ]),
        ),
        ("max_resolved_issuers", of_one().max_resolved_issuers(0)),
        (
            "max_issuer_resolutions_per_second",
            of_one().max_issuer_resolutions_per_second(0),
        ),
        (
            "caller_check_timeout",
            of_one().caller_check_timeout(Duration::ZERO),
        ),
        (
            "caller_check_timeout",
            of_one().caller_check_timeout(seconds(60) + Duration::from_nanos(1)),
        ),
        (
            "denylist_stale_warning_after",
            of_one().denylist_stale_warning_after(Duration::from_millis(9_999)),
        ),
        (
            "denylist_stale_warning_after",
            of_one().denylist_stale_warning_after(seconds(3_601)),
        ),
        (
            "denylist_max_stale",
            of_one().denylist_max_stale(seconds(86_401)),
        ),
        ("max_token_bytes", of_one().max_token_bytes(255)),
        ("max_token_bytes", of_one().max_token_bytes(64 * 1024 + 1)),
        ("token_cache", of_one().token_cache(0, 1024)),
        ("token_cache", of_one().token_cache(10, 0)),
    ] {
        assert_eq!(builder.build().expect_err(setting).setting(), setting);
    }
}

/// The other side of each boundary.
#[test]
fn build_accepts_values_at_the_limits() {
    for issuer in vec![
        kinde().leeway(seconds(300)),
        kinde().leeway(Duration::ZERO),
        kinde().max_age(seconds(1)),
        kinde().keys_time_to_live(seconds(1)),
        kinde().keys_time_to_live(seconds(86_400)),
        kinde().unknown_kid_cooldown(seconds(86_400)),
        kinde().keys_max_stale(Duration::ZERO),
        kinde().keys_max_stale(seconds(7 * 86_400)),
        kinde().fetch_timeout(seconds(60)),
        kinde().connect_timeout(seconds(3)),
        kinde().initial_keys_timeout(Duration::ZERO),
        kinde().organization_claim("/a"),
        generic("http://127.0.0.1:1"),
        generic("http://[::1]:1/path/"),
        generic("https://issuer.example/"),
        Verifier::kinde("acme").dangerous_accept_any_audience(),
        trust(),
    ] {
        issuer.build().unwrap();
    }
    Verifier::builder([trust()])
        .max_token_bytes(256)
        .token_cache(1, 1)
        .build()
        .unwrap();
    Verifier::builder([trust()])
        .max_token_bytes(64 * 1024)
        .build()
        .unwrap();
    Verifier::builder([trust()])
        .denylist_stale_warning_after(seconds(3_600))
        .denylist_max_stale(seconds(86_400))
        .caller_check_timeout(seconds(60))
        .build()
        .unwrap();
    assert!(issuer().jwks().contains("RS256"));
}

/// A configured key set must not contain weak or broken keys. It may contain keys of unknown types.
#[test]
fn static_key_set_rejects_weak_or_broken_keys() {
    let with = |other: &str| {
        issuer()
            .jwks()
            .replacen(r#"{"keys":["#, &format!(r#"{{"keys":[{other},"#), 1)
    };
    let weak = weak_jwks();
    let weak = weak
        .trim_start_matches(r#"{"keys":["#)
        .trim_end_matches("]}");
    for (other, fine) in [
        (r#"{"kty":"oct","kid":"o","k":"AA"}"#, false),
        (r#"{"kty":"future"}"#, true),
        (weak, false),
    ] {
        assert_eq!(
            kinde().jwk_set(with(other)).build().is_ok(),
            fine,
            "{other}"
        );
    }
}
