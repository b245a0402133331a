//! A local issuer, a verifier that queries it, and an API with one route for each access setting.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Request, StatusCode, header};
use tower::ServiceExt as _;
use tower_m2m::testing::{App, Endpoint, LocalIssuer};
use tower_m2m::{ApiKeys, AuthorizeLayer, Claims, Introspection, Issuer, Scope, Verifier};

pub(crate) const READ: Scope = Scope::from_static("read:invoices");
pub(crate) const CLIENT_ID: &str = "m2m_of_the_api";
pub(crate) const SECRET: &str = "secret of the api: 100% &+";
pub(crate) const API_ID: &str = "api_0195";

pub(crate) struct Fixture {
    pub(crate) issuer: LocalIssuer,
    pub(crate) verifier: Verifier,
    pub(crate) api: Router,
}

impl Fixture {
    /// Creates a fixture that accepts API keys without further settings.
    pub(crate) async fn with_keys() -> Self {
        Self::new(|issuer| issuer.api_keys(ApiKeys::kinde())).await
    }

    pub(crate) async fn with_tokens(introspection: fn(Introspection) -> Introspection) -> Self {
        Self::new(|issuer| {
            let settings = Introspection::from_metadata().client_credentials(CLIENT_ID, SECRET);
            issuer.introspection(introspection(settings))
        })
        .await
    }

    pub(crate) async fn new(settings: impl FnOnce(Issuer) -> Issuer) -> Self {
        let issuer = LocalIssuer::start().await.unwrap();
        issuer.add_app(
            App::global(CLIENT_ID, SECRET)
                .audience(issuer.management_audience())
                .scopes(["read:api_keys"]),
        );
        Self::with_issuer(issuer, settings)
    }

    pub(crate) fn with_issuer(
        issuer: LocalIssuer,
        settings: impl FnOnce(Issuer) -> Issuer,
    ) -> Self {
        let trusted = Verifier::issuer(issuer.url()).audience(issuer.audience());
        let verifier = settings(trusted).build().unwrap();
        let api = api(&verifier);
        Self {
            issuer,
            verifier,
            api,
        }
    }

    /// Returns the status of the response to a credential on the route of an organization.
    pub(crate) async fn call(&self, credential: &str) -> u16 {
        self.get("/orgs/org_a/invoices", credential).await
    }

    pub(crate) async fn get(&self, path: &str, credential: &str) -> u16 {
        status(&self.api, path, credential).await
    }

    /// Returns how often the issuer was queried about a credential.
    pub(crate) fn requests(&self) -> u64 {
        [
            Endpoint::VerifyApiKey,
            Endpoint::ReadApiKey,
            Endpoint::Introspect,
        ]
        .into_iter()
        .map(|endpoint| self.issuer.hits(endpoint))
        .sum()
    }
}

pub(crate) async fn status(api: &Router, path: &str, credential: &str) -> u16 {
    let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {credential}"));
    respond(api, request.body(Body::empty()).unwrap())
        .await
        .as_u16()
}

pub(crate) async fn respond(api: &Router, request: Request<Body>) -> StatusCode {
    api.clone().oneshot(request).await.unwrap().status()
}

/// Returns an API with a route for each access setting.
pub(crate) fn api(verifier: &Verifier) -> Router {
    let route = |path: &str, layer: AuthorizeLayer| {
        Router::new()
            .route(path, get(whoami))
            .route_layer(layer.require(READ))
    };
    let layer = || verifier.layer();
    route("/orgs/{org_code}/invoices", layer())
        .merge(route("/organization", layer()))
        .merge(route("/any", layer().allow_global()))
        .merge(route("/global", layer().only_global()))
        .merge(route("/users", layer().allow_users()))
        .merge(route("/orgs/{org_code}/users", layer().allow_users()))
        .merge(route("/jwt", layer().require_jwt()))
}

async fn whoami(claims: Claims) -> String {
    format!("{:?} {}", claims.credential_kind(), claims.client_id())
}
