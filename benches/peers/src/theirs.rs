//! Sets up the peers as their documentation describes, to do the same work: signature, issuer,
//! audience, times, and the scope if the peer can check it. If the peer needs a type for the
//! claims, it gets [`PeerClaims`].

use std::sync::Arc;

use aliri::jwa;
use aliri::jwt::{Audience, Audiences, CoreClaims, CoreValidator, Issuer, IssuerRef, SubjectRef};
use aliri_clock::UnixTime;
use aliri_oauth2::{Authority, HasScope, Scope, ScopePolicy};
use aliri_tower::Oauth2Authorizer;
use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use axum_jwt_auth::{Claims, Decoder, RemoteJwksDecoder};
use http::StatusCode;
use huskarl_axum::layers::{HasScopes, ValidatorLayer};
use huskarl_reqwest::ReqwestClient;
use huskarl_reqwest::mtls::NoMtls;
use huskarl_resource_server::core::jwt::validator::ClaimCheck;
use huskarl_resource_server::validator::custom::CustomValidator;
use jsonwebtoken10::{Algorithm, Validation};
use jwt_authorizer::{IntoLayer, JwtAuthorizer};
use oauth_resource_server::http_layer::HttpAuthLayer;
use oauth_resource_server::{KeyNaming, OAuthConfig, OAuthValidator};
use serde::Deserialize;
use tower::{Layer, ServiceExt};
use tower_m2m_benches::{AUDIENCE, Bare, Bench, ISSUER, SCOPE, request};
use tower_oauth2_resource_server::server::OAuth2ResourceServer;
use tower_oauth2_resource_server::tenant::TenantConfiguration;
use tower_oauth2_resource_server::validation::ClaimsValidationSpec;

use crate::{AxumBare, BareResponse, Baseline, Contender, Failure};

/// The claims that a handler after a peer needs, and no others. The fewer claims, the faster the
/// peer.
#[derive(Clone, Debug, Deserialize)]
#[expect(dead_code, reason = "read by the handlers that a benchmark leaves out")]
struct PeerClaims {
    org_code: String,
    azp: String,
    scope: String,
}

impl HasScopes for PeerClaims {
    fn has_scope(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|granted| granted == scope)
    }
}

/// Uses keys by value, because the peer does not report when fetched keys are available. It does
/// not check scopes.
pub async fn tower_oauth2_resource_server(bench: &Bench) -> Result<Contender, Failure> {
    // `recommended` would require an `nbf`, which Kinde does not send.
    let claims = ClaimsValidationSpec::new()
        .exp(true)
        .iss(ISSUER)
        .aud(&vec![AUDIENCE.to_owned()]);
    let tenant = TenantConfiguration::static_builder(bench.issuer.jwks())
        .identifier(ISSUER)
        .claims_validation(claims)
        .build()?;
    let server = OAuth2ResourceServer::<PeerClaims>::builder()
        .add_tenant(tenant)
        .build()
        .await?;
    Ok(Contender::new(
        "tower-oauth2-resource-server 0.12",
        server.into_layer().layer(Bare),
    ))
}

pub async fn oauth_resource_server(url: &str) -> Result<Contender, Failure> {
    let config = OAuthConfig {
        enabled: true,
        issuer: ISSUER.to_owned(),
        jwks_uri: Some(url.to_owned()),
        allow_insecure_http: true,
        audience: AUDIENCE.to_owned(),
        resource: AUDIENCE.to_owned(),
        required_scopes: vec![SCOPE.to_string()],
        ..OAuthConfig::default()
    };
    let config = config
        .resolve(KeyNaming::Dotted("oauth"))?
        .ok_or("not enabled")?;
    let validator = Arc::new(OAuthValidator::new(&config)?);
    validator.refresh_now().await?;
    let layer = HttpAuthLayer::builder().oauth(validator).build()?;
    Ok(Contender::new(
        "oauth-resource-server 0.4",
        layer.layer(Bare),
    ))
}

/// The application provides the scope check. The first request would fetch the keys, so one is sent
/// in advance.
pub async fn jwt_authorizer(url: &str, bench: &Bench) -> Result<Contender, Failure> {
    let validation = jwt_authorizer::Validation::new()
        .iss(&[ISSUER])
        .aud(&[AUDIENCE])
        .nbf(true);
    let authorizer = JwtAuthorizer::<PeerClaims>::from_jwks_url(url)
        .validation(validation)
        .check(|claims: &PeerClaims| claims.has_scope(SCOPE.as_str()))
        .build()
        .await?;
    let service = authorizer
        .into_layer()
        .layer(Bare.map_response(BareResponse::from));
    service.clone().oneshot(request(&bench.token(0))).await?;
    Ok(Contender::new("jwt-authorizer 0.15", service))
}

/// The claims that aliri reads. Its own `BasicClaimsWithScope` is slower.
#[derive(Clone, Debug, Deserialize)]
struct AliriClaims {
    iss: Issuer,
    aud: Audiences,
    exp: UnixTime,
    scope: Scope,
}

impl CoreClaims for AliriClaims {
    fn nbf(&self) -> Option<UnixTime> {
        None
    }

    fn exp(&self) -> Option<UnixTime> {
        Some(self.exp)
    }

    fn aud(&self) -> &Audiences {
        &self.aud
    }

    fn iss(&self) -> Option<&IssuerRef> {
        Some(&self.iss)
    }

    fn sub(&self) -> Option<&SubjectRef> {
        None
    }
}

impl HasScope for AliriClaims {
    fn scope(&self) -> &Scope {
        &self.scope
    }
}

pub async fn aliri_tower(url: &str) -> Result<Contender, Failure> {
    let validator = CoreValidator::default()
        .add_approved_algorithm(jwa::Algorithm::RS256)
        .add_allowed_audience(Audience::from_static(AUDIENCE))
        .require_issuer(Issuer::from_static(ISSUER))
        // `check_not_before` would require an `nbf`.
        .check_expiration();
    let authority = Authority::new_from_url(url.to_owned(), validator).await?;
    let authorizer = Oauth2Authorizer::new()
        .with_claims::<AliriClaims>()
        .with_terse_error_handler();
    let scoped = authorizer
        .scope_layer(ScopePolicy::allow_one_from_static("read:invoices"))
        .layer(Bare);
    Ok(Contender::new(
        "aliri_tower 0.6",
        authorizer.jwt_layer(authority).layer(scoped),
    ))
}

/// huskarl-resource-server has no layer. huskarl-axum, by the same authors, provides it.
pub async fn huskarl(url: &str) -> Result<Contender, Failure> {
    let client = ReqwestClient::builder().mtls(NoMtls).build().await?;
    let validator = CustomValidator::builder()
        .iss(ISSUER)
        .aud(AUDIENCE)
        .sub(ClaimCheck::NoCheck)
        .allowed_signing_algorithms(vec!["RS256".to_owned()])
        .jwks_uri(url.parse()?)
        .with_claims::<PeerClaims>()
        .jwks_source(client)
        .build()
        .await?;
    let layer = ValidatorLayer::builder()
        .validator(validator)
        .build()
        .require_scopes([SCOPE.as_str()]);
    Ok(Contender::axum(
        "huskarl-resource-server 0.11",
        Baseline::AxumBare,
        layer.layer(AxumBare),
    ))
}

#[derive(Clone, FromRef)]
struct AppState {
    decoder: Decoder<PeerClaims>,
}

/// The peer is an extractor and not a layer, so it needs a router. It does not check scopes.
pub async fn axum_jwt_auth(url: &str) -> Result<Contender, Failure> {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.validate_nbf = true;
    let decoder = RemoteJwksDecoder::builder()
        .jwks_url(url.to_owned())
        .validation(validation)
        .build()?;
    // The returned token would stop the refresh, which runs once per hour.
    let _refreshing = decoder.initialize().await?;
    let route = get(|_: Claims<PeerClaims>| async { StatusCode::OK });
    let router = Router::new().route("/", route).with_state(AppState {
        decoder: Arc::new(decoder),
    });
    Ok(Contender::axum(
        "axum-jwt-auth 0.7",
        Baseline::Router,
        router,
    ))
}
