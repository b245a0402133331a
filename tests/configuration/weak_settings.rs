//! Settings that are valid and weaker than most users expect.

use std::time::Duration;

use tower_m2m::testing::LocalIssuer;
use tower_m2m::{Issuer, Profile, Verifier};

const API: &str = "https://api.acme.com";

fn weak(issuer: Issuer) -> Vec<&'static str> {
    issuer
        .build()
        .unwrap()
        .weak_settings()
        .iter()
        .map(|weak| weak.setting)
        .collect()
}

fn static_keys() -> String {
    LocalIssuer::in_process("https://acme.kinde.com")
        .unwrap()
        .jwks()
}

/// Tests each one together with a setting that is just strong enough.
#[test]
fn each_weak_setting_is_reported() {
    let kinde = || Verifier::kinde("acme").audience(API);
    let generic = || Verifier::issuer("https://issuer.example").audience(API);
    let anywhere = || Verifier::kinde("acme").dangerous_accept_any_audience();
    let (second, day) = (Duration::from_secs(1), Duration::from_secs(86_400));
    for (issuer, expected) in vec![
        (kinde(), None),
        (kinde().allow_any_grant_type(), Some("require_claim")),
        (kinde().allow_any_grant_type().allow_clients(["svc"]), None),
        (generic(), Some("require_claim")),
        (generic().require_claim("/idtyp", "app"), None),
        (generic().profile(Profile::AUTH0), None),
        (generic().profile(Profile::ZITADEL), Some("require_claim")),
        (generic().profile(Profile::OKTA), None),
        (generic().profile(Profile::HYDRA), Some("profile")),
        (generic().profile(Profile::SCALEKIT), Some("profile")),
        (generic().profile(Profile::WORKOS), Some("profile")),
        (generic().profile(Profile::KEYCLOAK), Some("profile")),
        (generic().profile(Profile::STYTCH), Some("profile")),
        (generic().profile(Profile::CLERK), Some("profile")),
        (
            generic().profile(Profile::CLERK).allow_clients(["mch_1"]),
            None,
        ),
        (
            generic()
                .profile(Profile::HYDRA)
                .require_claim("/ext/kind", "service"),
            None,
        ),
        (
            generic().profile(Profile::HYDRA).allow_any_grant_type(),
            Some("require_claim"),
        ),
        (anywhere(), Some("dangerous_accept_any_audience")),
        (anywhere().allow_clients(["svc"]), None),
        (kinde().leeway(60 * second), None),
        (kinde().leeway(61 * second), Some("leeway")),
        (
            kinde().dangerous_allow_private_addresses(),
            Some("dangerous_allow_private_addresses"),
        ),
        (
            kinde()
                .dangerous_allow_private_addresses()
                .jwk_set(static_keys()),
            None,
        ),
        (kinde().keys_max_stale(day), None),
        (kinde().keys_max_stale(day + second), Some("keys_max_stale")),
    ] {
        assert_eq!(weak(issuer), Vec::from_iter(expected));
    }
}

#[test]
fn weak_settings_are_reported_per_issuer_with_advice() {
    let other = Verifier::issuer("https://issuer.example").dangerous_accept_any_audience();
    let verifier = Verifier::builder([Verifier::kinde("acme").audience(API), other])
        .build()
        .unwrap();
    let weak = verifier.weak_settings();
    assert_eq!(weak.len(), 2);
    assert!(
        weak.iter()
            .all(|weak| weak.issuer == "https://issuer.example")
    );
    assert_eq!(
        weak[0].to_string(),
        "dangerous_accept_any_audience: tokens for every other API of this issuer are accepted: name an audience, or list the \
         clients with allow_clients"
    );
}

/// The guide's table names exactly the profiles that are reported.
#[test]
fn guide_lists_the_profiles_with_an_assumption() {
    let guide = include_str!("../../src/guide/issuers.md");
    let (_, table) = guide
        .split_once("| profile | a user's token is accepted as a machine's if |")
        .unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    for profile in Profile::ALL {
        let name = profile.name();
        let issuer = Verifier::issuer("https://issuer.example").audience(API);
        let issuer = issuer.profile(profile.clone());
        let reported = weak(issuer).contains(&"profile");
        assert_eq!(table.contains(&format!("`{name}`")), reported, "{name}");
    }
}
