//! What ends a stream, with virtual time.

use std::time::Duration;

use http::Response;
use tower_m2m::{
    DenylistEntry, EntryExpiry, InvalidationReason, OrganizationSource, Scope, Verifier,
};

use super::support::{Fixture, ISSUER, NOW, built, open_with_headers};

/// Rule 200.
#[tokio::test(start_paused = true)]
async fn stream_ends_when_its_token_expires() {
    for (lifetime, max_age, expected) in [
        // `exp` and 30 s of leeway.
        (60, None, 90),
        (1, None, 31),
        // The maximum age and 30 s of leeway.
        (3600, Some(100), 130),
    ] {
        let fixture = Fixture::with(|issuer| match max_age {
            Some(seconds) => issuer.max_age(Duration::from_secs(seconds)),
            None => issuer,
        });
        let token = fixture.token().expires_in(Duration::from_secs(lifetime));
        let layer = fixture.verifier.layer();
        let mut stream = fixture.open_with(&layer, &token).await;
        let (seconds, reason) = fixture.end_of(&mut stream, 200).await.unwrap();
        assert!((expected..=expected + 1).contains(&seconds), "{seconds}");
        assert_eq!(reason, InvalidationReason::Expired);
    }
}

/// Rule 200.
///
/// Each kind of entry, and entries that deny another caller.
#[tokio::test(start_paused = true)]
async fn stream_ends_when_its_caller_is_denied() {
    let jti = "00000000-0000-4000-8000-000000000001";
    let revoked = Some(InvalidationReason::Revoked);
    let suspended = Some(InvalidationReason::Suspended);
    for (entry, expected) in [
        (DenylistEntry::token(ISSUER, jti), revoked),
        (DenylistEntry::client(ISSUER, "client_a"), suspended),
        (DenylistEntry::organization(ISSUER, "org_a"), suspended),
        (
            DenylistEntry::tokens_issued_before(ISSUER, NOW + 1),
            revoked,
        ),
        (
            DenylistEntry::client(ISSUER, "client_a").issued_before(NOW + 1),
            revoked,
        ),
        (DenylistEntry::token(ISSUER, "another"), None),
        (DenylistEntry::client(ISSUER, "client_b"), None),
        (DenylistEntry::organization(ISSUER, "org_b"), None),
        (DenylistEntry::tokens_issued_before(ISSUER, NOW), None),
    ] {
        let fixture = Fixture::new();
        let token = fixture.token().client("client_a").claim("jti", jti);
        let layer = fixture.verifier.layer();
        let mut stream = fixture.open_with(&layer, &token).await;
        assert_eq!(fixture.end_of(&mut stream, 5).await, None);
        let shown = format!("{entry:?}");
        fixture.deny_entry(entry);
        let end = fixture.end_of(&mut stream, 20).await;
        assert_eq!(end, expected.map(|reason| (0, reason)), "{shown}");
    }
}

/// Rule 200.
///
/// An entry that has expired denies no stream.
#[tokio::test(start_paused = true)]
async fn expired_entry_ends_no_stream() {
    let fixture = Fixture::new();
    let mut stream = fixture.open().await;
    let entry = DenylistEntry::organization(ISSUER, "org_a");
    let expired = EntryExpiry::UnixSeconds(NOW - 3600);
    fixture.denylist.deny(entry, expired).unwrap();
    assert_eq!(fixture.end_of(&mut stream, 20).await, None);
}

/// Rule 200.
///
/// The stream of a global client that acts for a denied organization ends too.
#[tokio::test(start_paused = true)]
async fn stream_ends_when_the_organization_of_an_acting_client_is_denied() {
    const ACT: Scope = Scope::from_static("act");
    for (denied, ends) in [("org_a", true), ("org_b", false)] {
        let fixture = Fixture::new();
        let source = OrganizationSource::header(http::HeaderName::from_static("x-org"));
        let layer = fixture
            .verifier
            .layer()
            .allow_global_with(ACT)
            .organization_from(source)
            .end_streams();
        let token = fixture
            .issuer
            .global()
            .scopes(["act"])
            .expires_in(Duration::from_secs(3600));
        let mut stream =
            open_with_headers(layer, &[("x-org", "org_a")], &token, Response::new(())).await;
        fixture.deny(denied);
        let end = fixture.end_of(&mut stream, 20).await;
        assert_eq!(end, ends.then_some((0, InvalidationReason::Suspended)));
    }
}

/// Rule 200.
///
/// The key must be in the current set. The refresh interval is 10 s.
#[tokio::test(start_paused = true)]
async fn stream_ends_when_its_key_is_removed() {
    type Change = fn(&Fixture);
    let changes: [(&str, Change, bool); 5] = [
        (
            "a new key is published before it signs",
            |fixture| {
                fixture.issuer.publish_next_key().unwrap();
            },
            false,
        ),
        (
            "the old key stays published",
            |fixture| {
                let old = fixture.issuer.signing_key();
                fixture.issuer.rotate_key().unwrap();
                fixture.issuer.publish_key(old);
            },
            false,
        ),
        (
            "the key is removed",
            |fixture| {
                let old = fixture.issuer.signing_key().kid().to_owned();
                let new = fixture.issuer.publish_next_key().unwrap();
                fixture.issuer.use_key(&new).unwrap();
                fixture.issuer.remove_key(&old).unwrap();
            },
            true,
        ),
        (
            "another key gets the name",
            |fixture| fixture.issuer.replace_key_same_kid().unwrap(),
            true,
        ),
        (
            "the set is empty",
            |fixture| *fixture.document.lock().unwrap() = Some(r#"{"keys":[]}"#),
            false,
        ),
    ];
    for (name, change, ends) in changes {
        let fixture = Fixture::new();
        let mut stream = fixture.open().await;
        assert_eq!(fixture.end_of(&mut stream, 15).await, None, "{name}");
        change(&fixture);
        let end = fixture.end_of(&mut stream, 15).await;
        let reason = end.map(|(_, reason)| reason);
        let expected = ends.then_some(InvalidationReason::KeyRemoved);
        assert_eq!(reason, expected, "{name}");
    }
}

/// Keys that reached their stale limit admit no request, so that they keep no stream open either.
#[tokio::test(start_paused = true)]
async fn stream_ends_when_the_keys_reach_their_stale_limit() {
    let fixture = Fixture::with(|issuer| issuer.keys_max_stale(Duration::from_secs(60)));
    let mut stream = fixture.open().await;
    *fixture.document.lock().unwrap() = Some("not a key set");
    let (seconds, reason) = fixture.end_of(&mut stream, 200).await.unwrap();
    assert_eq!(reason, InvalidationReason::Unavailable);
    // 10 s of lifetime, 60 s of the stale limit, and 5 s in which it is unknown.
    assert!((70..=80).contains(&seconds), "{seconds}");
}

/// Rule 203.
///
/// The caller check does not run again.
#[tokio::test(start_paused = true)]
async fn stream_does_not_wait_for_the_caller_check() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    let fixture = Fixture::new();
    let runs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&runs);
    let trusted = Verifier::kinde("acme")
        .audience(tower_m2m::testing::AUDIENCE)
        .algorithms([tower_m2m::Algorithm::EdDSA])
        .jwk_set(fixture.issuer.jwks());
    let builder = trusted.check_caller(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Ok(tower_m2m::CallerStatus::Active) }
    });
    let verifier = built(builder, &fixture.clock);
    let mut stream = fixture.open_with(&verifier.layer(), &fixture.token()).await;
    assert_eq!(fixture.end_of(&mut stream, 60).await, None);
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

/// Rule 204.
///
/// Without the setting, a response that began is sent to its end.
#[tokio::test(start_paused = true)]
async fn stream_of_another_layer_stays_open() {
    let fixture = Fixture::new();
    let layer = fixture.verifier.layer();
    let head = Response::new(());
    let mut stream = super::support::open(layer, &fixture.token(), head).await;
    fixture.deny("org_a");
    assert_eq!(fixture.end_of(&mut stream, 4000).await, None);
}

/// A review of the routes can find those that keep streams open.
#[test]
fn inventory_names_the_routes_whose_streams_end() {
    use tower_m2m::{Public, RouteEntry, Routes};

    let fixture = Fixture::new();
    let layer = || fixture.verifier.layer();
    let (_, inventory): (axum::Router, _) = Routes::new()
        .get("/healthz", async || "ok", Public)
        .get(
            "/orgs/{org_code}/events",
            async || "",
            layer().end_streams(),
        )
        .get("/orgs/{org_code}/invoices", async || "", layer())
        .build()
        .unwrap();
    let ending = inventory.iter().filter(|route| route.ends_streams());
    let paths: Vec<&str> = ending.map(RouteEntry::path).collect();
    assert_eq!(paths, ["/orgs/{org_code}/events"]);
}
