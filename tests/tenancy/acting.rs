//! Global clients that act for an organization.

use axum::Router;
use axum::routing::get;
use http::HeaderName;
use tower_m2m::token::ScopeRequirement;
use tower_m2m::{OrgCode, OrganizationSource, Scope, Verifier};

use super::support::{self, Fixture};

const ACT: Scope = Scope::from_static("act:any");

fn route() -> Router {
    Router::new().route(
        "/orgs/{org_code}/x",
        get(|org: OrgCode| async move { format!("{org} {}", org.is_acting()) }),
    )
}

/// Rules 75, 156.
///
/// A global client can act only for one plain organization code.
#[tokio::test]
async fn acting_requires_a_valid_organization_code() {
    let fixture = Fixture::new();
    let app = route().route_layer(fixture.verifier().layer().allow_global_with(ACT));
    let token = fixture.global().scopes(["act:any"]);
    assert_eq!(
        support::text(&app, http::Method::GET, "/orgs/org_a/x", &token).await,
        "org_a true"
    );
    for odd in [
        "%2E%2E",
        ".",
        "a%2Fb",
        "a%5Cb",
        "a%20b",
        "a%00",
        "%FF",
        "%E2%80%8B",
    ] {
        let answer = support::get(&app, &format!("/orgs/{odd}/x"), &token).await;
        assert_eq!(answer, (403, Some("wrong_organization")), "{odd}");
    }
}

/// If every token satisfies a requirement, it does not grant permission to act.
#[tokio::test]
async fn acting_requires_a_named_scope() {
    let fixture = Fixture::new();
    let verifier = fixture.verifier();
    let or_nothing = || ScopeRequirement::from(ACT).or(ScopeRequirement::none());
    for layer in [
        verifier.layer().allow_global_with(ScopeRequirement::none()),
        verifier.layer().allow_global_with(or_nothing()),
        verifier.layer().only_global(),
        verifier.layer().only_global().require(or_nothing()),
        verifier.layer().allow_global(),
    ] {
        let app = route().route_layer(layer);
        let answer =
            support::get(&app, "/orgs/org_a/x", &fixture.global().scopes(["act:any"])).await;
        assert_eq!(answer, (403, Some("organization_required")));
    }
}

#[tokio::test]
async fn organization_allow_list_applies_to_acting() {
    let fixture = Fixture::new();
    let trusted = fixture.trusted().allow_organizations(["org_a"]);
    let verifier = Verifier::builder([trusted])
        .clock(fixture.clock.clone())
        .build()
        .unwrap();
    let app = route().route_layer(verifier.layer().allow_global_with(ACT));
    let token = fixture.global().scopes(["act:any"]);
    assert_eq!(
        support::get(&app, "/orgs/org_a/x", &token).await,
        (200, None)
    );
    assert_eq!(
        support::get(&app, "/orgs/org_b/x", &token).await,
        (403, Some("organization_not_allowed"))
    );
}

/// Rule 158.
///
/// If two layers read the request differently, neither organization is used.
#[tokio::test]
async fn two_layers_must_agree_on_the_acting_organization() {
    let fixture = Fixture::new();
    let verifier = fixture.verifier();
    let header = OrganizationSource::header(HeaderName::from_static("x-org"));
    let inner = route().route_layer(verifier.layer().allow_global_with(ACT));
    let app = Router::new().fallback_service(inner).layer(
        verifier
            .layer()
            .allow_global_with(ACT)
            .organization_from(header),
    );
    for (org, answer) in [
        ("org_a", (200, None)),
        ("org_b", (403, Some("wrong_organization"))),
    ] {
        let token = fixture.global().scopes(["act:any"]);
        let request = http::Request::get("/orgs/org_a/x")
            .header("x-org", org)
            .header("authorization", token.bearer());
        assert_eq!(
            support::send(&app, request.body(axum::body::Body::empty()).unwrap()).await,
            answer,
            "{org}"
        );
    }
}
