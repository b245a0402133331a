//! The denylist, through the layer.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tower_m2m::{Denylist, DenylistEntry, EntryExpiry, OrgCode, Scope, Verifier};

use super::support::{self, Fixture, ISSUER, NOW};

fn app(fixture: &Fixture, denylist: &Denylist) -> Router {
    let verifier = Verifier::builder([fixture.trusted()])
        .clock(fixture.clock.clone())
        .denylist(denylist.clone())
        .build()
        .unwrap();
    app_of(&verifier)
}

fn app_of(verifier: &Verifier) -> Router {
    Router::new()
        .route(
            "/orgs/{org_code}/x",
            get(|org: OrgCode| async move { org.to_string() }),
        )
        .route_layer(
            verifier
                .layer()
                .allow_global_with(Scope::from_static("act:any")),
        )
}

#[tokio::test]
async fn denial_applies_to_next_request_even_if_token_is_cached() {
    let fixture = Fixture::new();
    let denylist = Denylist::new();
    let app = app(&fixture, &denylist);
    let token = |number: u32| {
        let token = fixture.org("org_a").client(format!("c{number}"));
        token
            .claim("jti", format!("t{number}"))
            .claim("sub", format!("user-{number}"))
    };
    let (token, other) = (token(1), token(2));
    for (denied, answer, hits_other) in [
        (
            DenylistEntry::token(ISSUER, "t1"),
            (401, Some("revoked")),
            false,
        ),
        (
            DenylistEntry::client(ISSUER, "c1"),
            (403, Some("suspended")),
            false,
        ),
        (
            DenylistEntry::subject(ISSUER, "user-1"),
            (403, Some("suspended")),
            false,
        ),
        (
            DenylistEntry::subject(ISSUER, "user-1").issued_before(NOW + 1),
            (401, Some("revoked")),
            false,
        ),
        (
            DenylistEntry::organization(ISSUER, "org_a"),
            (403, Some("suspended")),
            true,
        ),
        (
            DenylistEntry::client(ISSUER, "c1").issued_before(NOW + 1),
            (401, Some("revoked")),
            false,
        ),
        (
            DenylistEntry::organization(ISSUER, "org_a").issued_before(NOW + 1),
            (401, Some("revoked")),
            true,
        ),
        (
            DenylistEntry::tokens_issued_before(ISSUER, NOW + 1),
            (401, Some("revoked")),
            true,
        ),
    ] {
        assert_eq!(
            support::get(&app, "/orgs/org_a/x", &token).await,
            (200, None)
        );
        denylist.deny(denied.clone(), EntryExpiry::Never).unwrap();
        assert_eq!(
            support::get(&app, "/orgs/org_a/x", &token).await,
            answer,
            "{denied:?}"
        );
        let other = support::get(&app, "/orgs/org_a/x", &other).await;
        assert_eq!(
            other,
            if hits_other { answer } else { (200, None) },
            "{denied:?}"
        );
        denylist.remove(&denied);
        assert!(denylist.is_empty());
    }
}

#[tokio::test]
async fn token_issued_after_the_denial_is_accepted() {
    let fixture = Fixture::new();
    let denylist = Denylist::new();
    let app = app(&fixture, &denylist);
    let old = fixture.org("org_a");
    denylist
        .deny(
            DenylistEntry::tokens_issued_before(ISSUER, NOW + 10),
            EntryExpiry::Never,
        )
        .unwrap();
    fixture.clock.advance(Duration::from_secs(10));
    assert_eq!(
        support::get(&app, "/orgs/org_a/x", &old).await,
        (401, Some("revoked"))
    );
    assert_eq!(
        support::get(&app, "/orgs/org_a/x", &fixture.org("org_a")).await,
        (200, None)
    );
    assert_eq!(
        support::get(&app, "/orgs/org_a/x", &old.without("iat")).await,
        (401, Some("revoked"))
    );
}

#[tokio::test]
async fn entry_expires_with_the_token_and_its_leeway() {
    let fixture = Fixture::new();
    let denylist = Denylist::new();
    let app = app(&fixture, &denylist);
    denylist
        .deny(
            DenylistEntry::organization(ISSUER, "org_a"),
            EntryExpiry::UnixSeconds(NOW + 60),
        )
        .unwrap();
    fixture.clock.advance(Duration::from_secs(60 + 5 * 60 - 1));
    assert_eq!(
        support::get(&app, "/orgs/org_a/x", &fixture.org("org_a")).await,
        (403, Some("suspended"))
    );
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(
        support::get(&app, "/orgs/org_a/x", &fixture.org("org_a")).await,
        (200, None)
    );
}

/// A global client cannot act for a suspended organization.
#[tokio::test]
async fn global_client_cannot_act_for_denied_organization() {
    let fixture = Fixture::new();
    let denylist = Denylist::new();
    let app = app(&fixture, &denylist);
    let global = fixture.global().scopes(["act:any"]);
    denylist
        .deny(
            DenylistEntry::organization(ISSUER, "org_a"),
            EntryExpiry::Never,
        )
        .unwrap();
    assert_eq!(
        support::get(&app, "/orgs/org_a/x", &global).await,
        (403, Some("suspended"))
    );
    assert_eq!(
        support::get(&app, "/orgs/org_b/x", &global).await,
        (200, None)
    );
}

/// The inner layer also checks the organization if an outer layer without an organization found the
/// client active.
#[tokio::test]
async fn inner_layer_checks_the_acting_organization() {
    let fixture = Fixture::new();
    let denylist = Denylist::new();
    let verifier = Verifier::builder([fixture.trusted()])
        .clock(fixture.clock.clone())
        .denylist(denylist.clone())
        .build()
        .unwrap();
    let outer = verifier
        .layer()
        .allow_global_with(Scope::from_static("act:any"));
    let app = Router::new()
        .fallback_service(app_of(&verifier))
        .layer(outer);
    let global = fixture.global().scopes(["act:any"]);
    denylist
        .deny(
            DenylistEntry::organization(ISSUER, "org_a"),
            EntryExpiry::Never,
        )
        .unwrap();
    assert_eq!(
        support::get(&app, "/orgs/org_a/x", &global).await,
        (403, Some("suspended"))
    );
    assert_eq!(
        support::get(&app, "/orgs/org_b/x", &global).await,
        (200, None)
    );
}

#[tokio::test]
async fn denial_applies_only_to_the_named_issuer() {
    let fixture = Fixture::new();
    let denylist = Denylist::new();
    let other = Verifier::issuer("https://other.example")
        .audience("x")
        .jwk_set(fixture.issuer.jwks());
    let verifier = Verifier::builder([fixture.trusted(), other])
        .clock(fixture.clock.clone())
        .denylist(denylist.clone());
    let verifier = verifier.build().unwrap();
    denylist
        .deny(
            DenylistEntry::organization("https://other.example", "org_a"),
            EntryExpiry::Never,
        )
        .unwrap();
    assert!(verifier.verify(&fixture.org("org_a").token()).await.is_ok());
    denylist
        .deny(
            DenylistEntry::organization(ISSUER, "org_a"),
            EntryExpiry::Never,
        )
        .unwrap();
    assert!(
        verifier
            .verify(&fixture.org("org_a").token())
            .await
            .is_err()
    );
}
