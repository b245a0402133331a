//! Invalid settings fail when the receiver is built.

use tower_m2m::{Denylist, EventReceiver, KindeCallerCheck, Verifier};

use super::support::{Fixture, ISSUER};

#[test]
fn receiver_needs_one_kinde_issuer_and_its_denylist() {
    let denylist = Denylist::new();
    let kinde = |name: &str| {
        Verifier::kinde(name)
            .audience("https://api.example.com")
            .jwks_url("https://keys.example")
    };
    let other = || Verifier::issuer("https://idp.example").audience("https://api.example.com");
    let build = |issuers: Vec<tower_m2m::Issuer>, list: &Denylist| {
        Verifier::builder(issuers)
            .denylist(list.clone())
            .build()
            .unwrap()
    };
    for issuers in [vec![other()], vec![kinde("acme"), kinde("beta")]] {
        let verifier = build(issuers, &denylist);
        let error = EventReceiver::kinde_webhooks(&verifier, &denylist).unwrap_err();
        assert_eq!(error.setting(), "kinde_webhooks");
    }
    let verifier = build(vec![kinde("gamma"), other()], &Denylist::new());
    let error = EventReceiver::kinde_webhooks(&verifier, &Denylist::new()).unwrap_err();
    assert_eq!(error.setting(), "denylist");
    let verifier = build(vec![kinde("gamma"), other()], &denylist);
    EventReceiver::kinde_webhooks(&verifier, &denylist).unwrap();
}

#[test]
fn settings_of_security_events_are_checked() {
    let fixture = Fixture::new();
    let settings = || fixture.settings();
    for secret in [
        "",
        "short",
        "fifteen chars !",
        " leading-space-of-it",
        "ol\u{e9}-ol\u{e9}-ol\u{e9}-ol\u{e9}-ol\u{e9}",
        "line\nline-line-line",
    ] {
        let error = settings().authorization(secret).unwrap_err();
        assert_eq!(error.setting(), "authorization", "{secret:?}");
        assert!(secret.is_empty() || !error.to_string().contains(secret));
    }
    settings().authorization("sixteen chars !!").unwrap();
    let unlisted =
        EventReceiver::security_events(&fixture.verifier, &fixture.denylist, "https://x.example");
    let error = unlisted.audience("a").without_authorization().unwrap_err();
    assert_eq!(error.setting(), "security_events");
    let start = || EventReceiver::security_events(&fixture.verifier, &fixture.denylist, ISSUER);
    let error = start()
        .audience("")
        .critical_subject_members(["x"])
        .without_authorization();
    assert_eq!(error.unwrap_err().setting(), "audience");
    // The keys are fixed, so no metadata is fetched.
    let error = start().audience("a").without_authorization().unwrap_err();
    assert_eq!(error.setting(), "critical_subject_members");
    let error = settings()
        .token_lifetime(std::time::Duration::ZERO)
        .without_authorization();
    assert_eq!(error.unwrap_err().setting(), "token_lifetime");
}

/// No `Debug` shows a secret.
#[test]
fn debug_shows_no_secret() {
    let fixture = Fixture::new();
    let check = KindeCallerCheck::client_credentials("client-of-the-api", "very-secret-value");
    let receiver = fixture
        .settings()
        .authorization("Bearer very-secret-value")
        .unwrap();
    let shown = format!("{check:?} {receiver:?} {:?}", fixture.settings());
    assert!(!shown.contains("very-secret-value"), "{shown}");
}
