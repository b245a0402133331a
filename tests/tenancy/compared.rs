//! Every decision names the places that were compared with the token's organization.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{HeaderName, Request};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_m2m::testing::TokenBuilder;
use tower_m2m::{OrgCode, OrganizationSource, Scope, Verifier};

use super::decisions::{Fields, Recorder};
use super::support::{self, Fixture};

/// Returns the places of the decisions since the last call, as `stage compared`.
fn compared_places(recorder: &Recorder) -> Vec<String> {
    let field = |event: &Fields, name| event.get(name).cloned().unwrap_or_default();
    let decisions = recorder.take().into_iter();
    decisions
        .map(|event| [field(&event, "stage"), field(&event, "compared")])
        .filter(|fields| *fields != <[String; 2]>::default())
        .map(|fields| fields.join(" "))
        .collect()
}

fn header() -> HeaderName {
    HeaderName::from_static("x-org")
}

/// Creates a verifier for an issuer without a form for its organization codes.
fn plain_verifier(fixture: &Fixture) -> Verifier {
    let issuer = Verifier::issuer(super::support::ISSUER)
        .audience(tower_m2m::testing::AUDIENCE)
        .organization_claim("/org_code")
        .client_id_claim("azp")
        .jwk_set(fixture.issuer.jwks());
    Verifier::builder([issuer])
        .clock(fixture.clock.clone())
        .build()
        .unwrap()
}

fn ok() -> axum::routing::MethodRouter {
    get(async || "ok")
}

#[tokio::test]
async fn event_names_the_compared_places_of_a_route() {
    let fixture = Fixture::new();
    let layer = || fixture.verifier().layer();
    let tenant = || layer().organization_parameter("tenant");
    let by_header = || layer().organization_from(OrganizationSource::header(header()));
    let by_host =
        || by_header().organization_from(OrganizationSource::subdomain_of("api.example.com"));
    let by_path = || layer().organization_from(OrganizationSource::path("/orgs/{org_code}/*"));
    let recorder = Recorder::default();
    let _guard = crate::subscriber::set_subscriber(recorder.clone());
    for (route, layer, path, expected) in [
        (
            "/orgs/{org_code}/x",
            layer(),
            "/orgs/org_a/x",
            "path:org_code",
        ),
        (
            "/t/{tenant}/x/{id}",
            tenant(),
            "/t/org_a/x/7",
            "path:tenant",
        ),
        (
            "/t/{tenant}/{org_code}",
            tenant(),
            "/t/org_a/org_a",
            "path:tenant,path:org_code",
        ),
        (
            "/t/{tenant}/{org_code}",
            tenant(),
            "/t/org_a/org_b",
            "path:tenant,path:org_code",
        ),
        (
            "/orgs/{org_code}/x",
            by_path(),
            "/orgs/org_a/x",
            "path:org_code",
        ),
        ("/orgs/{o}/x", by_path(), "/orgs/org_a/x", "path:org_code"),
        (
            "/orgs/{org_code}/x",
            by_header(),
            "/orgs/org_a/x",
            "path:org_code,header:x-org",
        ),
        ("/x", by_header(), "/x", "header:x-org"),
        (
            "/x",
            by_host(),
            "http://org_a.api.example.com/x",
            "header:x-org,host",
        ),
        ("/x/{id}", layer(), "/x/7", "value"),
        ("/x/{id}", layer(), "/x/org_b", "value"),
        (
            "/x/{p}",
            layer().allow_other_organizations_in("p"),
            "/x/org_b",
            "none",
        ),
        ("/x", layer(), "/x", "none"),
        (
            "/x/{id}",
            layer().require(Scope::from_static("no")),
            "/x/7",
            "value",
        ),
        ("/x/{org}", layer(), "/x/7", "value"),
        (
            "/x/{tenant}",
            layer().ignore_parameter("tenant"),
            "/x/7",
            "value",
        ),
    ] {
        let app = Router::new().route(route, ok()).route_layer(layer);
        let request = Request::get(path)
            .header("authorization", fixture.org("org_a").bearer())
            .header("x-org", "org_a");
        let _ = support::send(&app, request.body(Body::empty()).unwrap()).await;
        assert_eq!(
            compared_places(&recorder),
            [format!("layer {expected}")],
            "{route} {path}"
        );
    }
}

/// Issue 13, A6: for a plain service the token decides, and the event shows it.
#[tokio::test]
async fn event_says_what_is_compared_around_a_plain_service() {
    let fixture = Fixture::new();
    let kinde = fixture.verifier();
    let other = plain_verifier(&fixture);
    let by_path = OrganizationSource::path("/orgs/{org_code}/*");
    let recorder = Recorder::default();
    let _guard = crate::subscriber::set_subscriber(recorder.clone());
    for (layer, path, expected) in [
        (kinde.layer(), "/orgs/org_b/x", (403, "value")),
        (kinde.layer(), "/orgs/org_a/x", (200, "value")),
        (other.layer(), "/orgs/org_b/x", (200, "none")),
        (
            other.layer().organization_from(by_path.clone()),
            "/orgs/org_b/x",
            (403, "path:org_code"),
        ),
        (
            other.layer().organization_from(by_path.clone()),
            "/other",
            (200, "none"),
        ),
    ] {
        let inner = service_fn(async |_: Request<Body>| {
            Ok::<_, std::convert::Infallible>(http::Response::new(Body::empty()))
        });
        let request = Request::get(path).header("authorization", fixture.org("org_a").bearer());
        let response = layer
            .layer(inner)
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), expected.0, "{path}");
        assert_eq!(
            compared_places(&recorder),
            [format!("layer {}", expected.1)],
            "{path}"
        );
    }
}

/// A layer outside the router sees no parameters. The extractor compares them, and its event shows
/// it.
#[tokio::test]
async fn event_of_an_extractor_names_what_it_compares() {
    let fixture = Fixture::new();
    let app = Router::new()
        .route(
            "/orgs/{org_code}/x",
            get(async |org: OrgCode| org.to_string()),
        )
        .route("/t/{tenant}/x", get(async |org: OrgCode| org.to_string()));
    let outside = fixture
        .verifier()
        .layer()
        .allow_path_segment("org_b")
        .optional_organization_parameter("tenant");
    let app = Router::new().fallback_service(outside.layer(app));
    let recorder = Recorder::default();
    let _guard = crate::subscriber::set_subscriber(recorder.clone());
    let send = async |path: &str, token: &TokenBuilder| {
        let status = support::get(&app, path, token).await.0;
        (status, compared_places(&recorder))
    };
    let own = fixture.org("org_a");
    for (path, compared) in [
        ("/orgs/org_b/x", "OrgCode path:org_code"),
        ("/t/org_b/x", "OrgCode path:tenant"),
    ] {
        let expected = vec!["layer value".to_owned(), compared.to_owned()];
        assert_eq!(send(path, &own).await, (403, expected), "{path}");
    }
    assert_eq!(
        send("/orgs/org_a/x", &own).await,
        (200, vec!["layer value".to_owned()])
    );
}
