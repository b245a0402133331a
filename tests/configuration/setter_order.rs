//! The order of setters makes no difference: every pair of each builder, in both orders.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::any;
use http::{HeaderName, HeaderValue, Method, Request};
use serde::Deserialize;
use tower::ServiceExt as _;
use tower_m2m::testing::{self, AUDIENCE, LocalIssuer};
use tower_m2m::{
    Algorithm, ApiKeys, AuthorizeLayer, BoxError, Caller, CallerOrg, CallerStatus, Clock, Denylist,
    Introspection, Issuer, OrganizationSource, Profile, ProofOfPossession, ProofUse, Readiness,
    ReplayStore, RequestExt as _, ResourceMetadata, SavedCredentials, Scope, UsedProof, Verifier,
    VerifierBuilder,
};

/// Returns the setters of this type in the list of the public API.
pub(crate) fn listed_setters(owner: &str) -> Vec<String> {
    let api = include_str!("../public-api/api.txt");
    let prefix = format!("tower_m2m::{owner}::");
    let mut names: Vec<String> = api
        .lines()
        .filter_map(|line| line.split_once(&prefix))
        .filter(|(_, rest)| rest.ends_with("-> Self") || rest.contains("-> Self where"))
        .filter(|(_, rest)| rest.contains("(self"))
        .map(|(_, rest)| {
            let name = rest.split(['(', '<']).next();
            name.unwrap_or_default().to_owned()
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

fn assert_complete<T>(owner: &str, setters: &[(&str, T)]) {
    let mut named: Vec<&str> = setters.iter().map(|(name, _)| *name).collect();
    named.sort_unstable();
    named.dedup();
    assert_eq!(named, listed_setters(owner), "{owner}");
}

type Setter<T> = Box<dyn Fn(T) -> T>;

fn setter<T>(set: impl Fn(T) -> T + 'static) -> Setter<T> {
    Box::new(set)
}

#[derive(Debug, Deserialize)]
struct Region {
    _region: Option<String>,
}

#[expect(clippy::too_many_lines, reason = "one table of setters")]
fn issuer_setters() -> Vec<(&'static str, Setter<Issuer>)> {
    let second = Duration::from_secs(1);
    vec![
        ("profile", setter(|i: Issuer| i.profile(Profile::AUTH0))),
        (
            "algorithms",
            setter(|i: Issuer| i.algorithms([Algorithm::ES256])),
        ),
        ("leeway", setter(move |i: Issuer| i.leeway(second))),
        ("max_age", setter(move |i: Issuer| i.max_age(second))),
        ("require_rfc9068", setter(Issuer::require_rfc9068)),
        (
            "proof_of_possession",
            setter(|i: Issuer| i.proof_of_possession(ProofOfPossession::dpop("https://a.example"))),
        ),
        ("allow_any_grant_type", setter(Issuer::allow_any_grant_type)),
        (
            "require_claim",
            setter(|i: Issuer| i.require_claim("/v", "2")),
        ),
        (
            "require_header",
            setter(|i: Issuer| i.require_header("/gty", "x")),
        ),
        ("dangerous_allow_http", setter(Issuer::dangerous_allow_http)),
        (
            "organization_claim",
            setter(|i: Issuer| i.organization_claim("/o")),
        ),
        (
            "organization_claim_key",
            setter(|i: Issuer| i.organization_claim_key("/k")),
        ),
        (
            "organization_may_be_absent_in",
            setter(|i: Issuer| i.organization_may_be_absent_in("/o")),
        ),
        (
            "organization_code_pattern",
            setter(|i: Issuer| i.organization_code_pattern("o_*")),
        ),
        (
            "without_organization_code_pattern",
            setter(Issuer::without_organization_code_pattern),
        ),
        ("scope_claim", setter(|i: Issuer| i.scope_claim("/s"))),
        (
            "client_id_claim",
            setter(|i: Issuer| i.client_id_claim("c")),
        ),
        ("custom_claims", setter(Issuer::custom_claims::<Region>)),
        (
            "custom_claims",
            setter(Issuer::custom_claims::<Vec<Region>>),
        ),
        (
            "allow_organizations",
            setter(|i: Issuer| i.allow_organizations(["org_a"])),
        ),
        (
            "allow_organizations",
            setter(|i: Issuer| i.allow_organizations(["org_b"])),
        ),
        ("allow_clients", setter(|i: Issuer| i.allow_clients(["x"]))),
        ("allow_clients", setter(|i: Issuer| i.allow_clients(["y"]))),
        (
            "jwks_url",
            setter(|i: Issuer| i.jwks_url("https://keys.example/")),
        ),
        (
            "max_key_set_bytes",
            setter(|i: Issuer| i.max_key_set_bytes(4096)),
        ),
        ("max_usable_keys", setter(|i: Issuer| i.max_usable_keys(7))),
        ("jwk_set", setter(|i: Issuer| i.jwk_set(r#"{"keys":[]}"#))),
        (
            "public_key_pem",
            setter(|i: Issuer| i.public_key_pem(Algorithm::RS256, "x")),
        ),
        (
            "fetch_with",
            setter(|i: Issuer| {
                i.fetch_with(async |_| Err::<http::Response<Vec<u8>>, BoxError>("down".into()))
            }),
        ),
        (
            "keys_time_to_live",
            setter(move |i: Issuer| i.keys_time_to_live(second)),
        ),
        (
            "keys_max_stale",
            setter(move |i: Issuer| i.keys_max_stale(second)),
        ),
        (
            "unknown_kid_cooldown",
            setter(move |i: Issuer| i.unknown_kid_cooldown(second)),
        ),
        (
            "unknown_kid_max_ttl",
            setter(move |i: Issuer| i.unknown_kid_max_ttl(second)),
        ),
        ("require_kid", setter(Issuer::require_kid)),
        (
            "max_keys_without_kid",
            setter(|i: Issuer| i.max_keys_without_kid(2)),
        ),
        (
            "connect_timeout",
            setter(move |i: Issuer| i.connect_timeout(second)),
        ),
        (
            "dangerous_allow_private_addresses",
            setter(Issuer::dangerous_allow_private_addresses),
        ),
        (
            "fetch_timeout",
            setter(move |i: Issuer| i.fetch_timeout(second)),
        ),
        (
            "initial_keys_timeout",
            setter(move |i: Issuer| i.initial_keys_timeout(second)),
        ),
        ("jitter_seed", setter(|i: Issuer| i.jitter_seed(7))),
        ("without_proxy", setter(Issuer::without_proxy)),
        (
            "ca_certificate_pem",
            setter(|i: Issuer| i.ca_certificate_pem("x")),
        ),
        ("api_keys", setter(|i: Issuer| i.api_keys(ApiKeys::kinde()))),
        (
            "introspection",
            setter(|i: Issuer| i.introspection(Introspection::from_metadata())),
        ),
    ]
}

fn api_key_setters() -> Vec<(&'static str, Setter<ApiKeys>)> {
    let second = Duration::from_secs(1);
    vec![
        (
            "client_credentials",
            setter(|k: ApiKeys| k.client_credentials("c", "s")),
        ),
        ("api_id", setter(|k: ApiKeys| k.api_id("a"))),
        ("allow_user_keys", setter(ApiKeys::allow_user_keys)),
        ("kinde_domain", setter(|k: ApiKeys| k.kinde_domain("acme"))),
        ("prefix", setter(|k: ApiKeys| k.prefix("k_"))),
        ("header", setter(|k: ApiKeys| k.header("x-api-key"))),
        (
            "time_to_live",
            setter(move |k: ApiKeys| k.time_to_live(second)),
        ),
        ("max_stale", setter(move |k: ApiKeys| k.max_stale(second))),
        ("timeout", setter(move |k: ApiKeys| k.timeout(2 * second))),
        (
            "send_with",
            setter(|k: ApiKeys| {
                k.send_with(async |_| Err::<http::Response<Vec<u8>>, BoxError>("down".into()))
            }),
        ),
    ]
}

fn introspection_setters() -> Vec<(&'static str, Setter<Introspection>)> {
    let second = Duration::from_secs(1);
    vec![
        (
            "client_credentials",
            setter(|t: Introspection| t.client_credentials("c", "s")),
        ),
        (
            "client_credentials_in_body",
            setter(|t: Introspection| t.client_credentials_in_body("c", "s")),
        ),
        ("prefix", setter(|t: Introspection| t.prefix("k_"))),
        (
            "allow_missing_token_type",
            setter(Introspection::allow_missing_token_type),
        ),
        (
            "time_to_live",
            setter(move |t: Introspection| t.time_to_live(second)),
        ),
        (
            "max_stale",
            setter(move |t: Introspection| t.max_stale(second)),
        ),
        (
            "timeout",
            setter(move |t: Introspection| t.timeout(2 * second)),
        ),
        (
            "send_with",
            setter(|t: Introspection| {
                t.send_with(async |_| Err::<http::Response<Vec<u8>>, BoxError>("down".into()))
            }),
        ),
    ]
}

fn assert_commute<T>(
    owner: &str,
    setters: &[(&str, Setter<T>)],
    issuer: impl Fn(&dyn Fn(T) -> T) -> Issuer,
) {
    assert_complete(owner, setters);
    for (at, (first, set_first)) in setters.iter().enumerate() {
        for (second, set_second) in &setters[at + 1..] {
            let a = issuer(&|settings| set_second(set_first(settings)));
            let b = issuer(&|settings| set_first(set_second(settings)));
            if format!("{a:?}") != format!("{b:?}") {
                let error = |issuer: Issuer| issuer.build().err().map(|e| e.to_string());
                let (a, b) = (error(a), error(b));
                assert!(a.is_some() && a == b, "{first}, {second}: {a:?}, {b:?}");
            }
        }
    }
}

#[tokio::test]
async fn opaque_credential_setters_commute() {
    let issuer = || Verifier::kinde("acme").audience(AUDIENCE);
    assert_commute("ApiKeys", &api_key_setters(), |set| {
        issuer().api_keys(set(ApiKeys::kinde()))
    });
    let tokens = introspection_setters();
    assert_commute("Introspection", &tokens, |set| {
        issuer().introspection(set(Introspection::from_metadata()))
    });
}

/// A pair of setters gives the same settings in both orders, or the same error.
#[test]
fn issuer_setters_commute() {
    let setters = issuer_setters();
    assert_complete("Issuer", &setters);
    let issuer = || Verifier::kinde("acme").audience(AUDIENCE);
    for (at, (first, set_first)) in setters.iter().enumerate() {
        for (second, set_second) in &setters[at + 1..] {
            let (a, b) = (
                set_second(set_first(issuer())),
                set_first(set_second(issuer())),
            );
            if format!("{a:?}") != format!("{b:?}") {
                let error = |issuer: Issuer| issuer.build().err().map(|e| e.to_string());
                let (a, b) = (error(a), error(b));
                assert!(a.is_some() && a == b, "{first}, {second}: {a:?}, {b:?}");
            }
        }
    }
}

#[test]
fn contradicting_issuer_settings_are_errors() {
    let issuer = || Verifier::kinde("acme").audience(AUDIENCE);
    let empty = r#"{"keys":[]}"#;
    for (issuer, setting) in [
        (
            issuer().jwk_set(empty).jwks_url("https://k.example/"),
            "jwks_url",
        ),
        (
            issuer().jwks_url("https://k.example/").jwk_set(empty),
            "jwks_url",
        ),
        (
            issuer()
                .jwk_set(empty)
                .public_key_pem(Algorithm::RS256, "x"),
            "jwk_set",
        ),
        (
            issuer()
                .without_organization_code_pattern()
                .organization_code_pattern("org_*"),
            "organization_code_pattern",
        ),
        (
            issuer()
                .custom_claims::<Region>()
                .custom_claims::<Vec<u8>>(),
            "custom_claims",
        ),
    ] {
        assert_eq!(issuer.build().unwrap_err().setting(), setting);
    }
    let same = issuer().custom_claims::<Region>().custom_claims::<Region>();
    assert!(
        same.build().is_ok(),
        "the same type again makes no difference"
    );
}

/// A claim that was required before the profile was set is still required.
#[tokio::test]
async fn required_claims_add_up_in_any_order() {
    let local = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let issuer = || {
        Verifier::issuer("https://acme.kinde.com")
            .audience(AUDIENCE)
            .jwk_set(local.jwks())
    };
    let good = local.org("org_a").claim("tier", "gold");
    let wrong_claim = local.org("org_a").claim("tier", "tin");
    let of_user = good.clone().claim("gty", "authorization_code");
    for (issuer, user_passes) in [
        (
            issuer()
                .require_claim("/tier", "gold")
                .profile(Profile::KINDE),
            false,
        ),
        (
            issuer()
                .profile(Profile::KINDE)
                .require_claim("/tier", "gold"),
            false,
        ),
        (
            issuer()
                .require_claim("/tier", "gold")
                .profile(Profile::KINDE)
                .allow_any_grant_type(),
            true,
        ),
        (
            issuer()
                .allow_any_grant_type()
                .require_claim("/tier", "gold")
                .profile(Profile::KINDE),
            true,
        ),
        (
            issuer()
                .require_claim("/tier", "gold")
                .require_claim("/v", "2")
                .profile(Profile::KINDE),
            false,
        ),
    ] {
        let verifier = issuer.build().unwrap();
        assert!(verifier.verify(&good.token()).await.is_ok());
        assert!(verifier.verify(&wrong_claim.token()).await.is_err());
        assert_eq!(verifier.verify(&of_user.token()).await.is_ok(), user_passes);
    }
    // Other settings of the profile keep their values too.
    let elsewhere = good.without("org_code").claim("team", "org_a").token();
    for issuer in [
        issuer().organization_claim("/team").profile(Profile::KINDE),
        issuer().profile(Profile::KINDE).organization_claim("/team"),
    ] {
        let claims = issuer.build().unwrap().verify(&elsewhere).await.unwrap();
        assert_eq!(claims.org_code().unwrap().as_str(), "org_a");
    }
}

#[tokio::test]
async fn allow_lists_of_several_calls_add_up() {
    let local = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let issuer = Verifier::kinde("acme")
        .audience(AUDIENCE)
        .jwk_set(local.jwks());
    let verifier = issuer
        .allow_clients(["x"])
        .allow_organizations(["org_a"])
        .allow_clients(["y"])
        .allow_organizations(["org_b"])
        .build()
        .unwrap();
    for (org, client, expected) in [
        ("org_a", "x", true),
        ("org_b", "y", true),
        ("org_c", "x", false),
        ("org_a", "z", false),
    ] {
        let token = local.org(org).client(client).token();
        assert_eq!(
            verifier.verify(&token).await.is_ok(),
            expected,
            "{org} {client}"
        );
    }
}

fn builder_setters() -> Vec<(&'static str, Setter<VerifierBuilder>)> {
    let second = Duration::from_secs(1);
    vec![
        (
            "resolve_issuers_with",
            setter(|b: VerifierBuilder| b.resolve_issuers_with(async |_| Ok(None))),
        ),
        (
            "max_issuer_resolutions_per_second",
            setter(|b: VerifierBuilder| b.max_issuer_resolutions_per_second(0)),
        ),
        (
            "readiness",
            setter(|b: VerifierBuilder| b.readiness(Readiness::Any)),
        ),
        (
            "max_resolved_issuers",
            setter(|b: VerifierBuilder| b.max_resolved_issuers(0)),
        ),
        (
            "clock",
            setter(|b: VerifierBuilder| b.clock(Clock::manual(1))),
        ),
        (
            "max_claim_values",
            setter(|b: VerifierBuilder| b.max_claim_values(100)),
        ),
        (
            "max_token_bytes",
            setter(|b: VerifierBuilder| b.max_token_bytes(1024)),
        ),
        (
            "token_cache",
            setter(|b: VerifierBuilder| b.token_cache(1, 1)),
        ),
        (
            "without_token_cache",
            setter(VerifierBuilder::without_token_cache),
        ),
        (
            "denylist",
            setter(|b: VerifierBuilder| b.denylist(Denylist::new())),
        ),
        (
            "check_caller",
            setter(|b: VerifierBuilder| {
                b.check_caller(async |_: Caller| Ok::<_, BoxError>(CallerStatus::Active))
            }),
        ),
        (
            "denylist_stale_warning_after",
            setter(move |b: VerifierBuilder| b.denylist_stale_warning_after(second)),
        ),
        (
            "denylist_max_stale",
            setter(move |b: VerifierBuilder| b.denylist_max_stale(second)),
        ),
        (
            "caller_check_timeout",
            setter(move |b: VerifierBuilder| b.caller_check_timeout(second)),
        ),
        (
            "dangerous_caller_check_fail_open",
            setter(VerifierBuilder::dangerous_caller_check_fail_open),
        ),
        (
            "restore_keys",
            setter(|b: VerifierBuilder| b.restore_keys([])),
        ),
        (
            "restore_known_credentials",
            setter(|b: VerifierBuilder| {
                let saved = [&[1][..], &[0; 36]].concat();
                b.restore_known_credentials(SavedCredentials::from_bytes(&saved).unwrap())
            }),
        ),
        (
            "replay_store",
            setter(|b: VerifierBuilder| b.replay_store(AnyStore)),
        ),
        (
            "dpop_nonce_key",
            setter(|b: VerifierBuilder| b.dpop_nonce_key([0; 32])),
        ),
        (
            "max_proofs",
            setter(|b: VerifierBuilder| b.max_proofs(2, 1)),
        ),
        ("start_lazily", setter(VerifierBuilder::start_lazily)),
        (
            "max_rejection_events_per_second",
            setter(|b: VerifierBuilder| b.max_rejection_events_per_second(1)),
        ),
    ]
}

/// A replay store that is never called.
struct AnyStore;

impl ReplayStore for AnyStore {
    async fn insert(&self, _: UsedProof) -> Result<ProofUse, BoxError> {
        Ok(ProofUse::Repeated)
    }
}

#[test]
fn builder_setters_commute() {
    let setters = builder_setters();
    assert_complete("VerifierBuilder", &setters);
    let keys = LocalIssuer::in_process("https://acme.kinde.com")
        .unwrap()
        .jwks();
    // The settings about DPoP need an issuer that has it.
    let issuer = || {
        let issuer = Verifier::kinde("acme").audience(AUDIENCE).jwk_set(&keys);
        issuer.proof_of_possession(ProofOfPossession::dpop("https://a.example"))
    };
    let builder = || Verifier::builder([issuer()]);
    let outcome = |builder: VerifierBuilder| {
        let settings = format!("{builder:?}");
        (settings, builder.build().err().map(|e| e.to_string()))
    };
    for (at, (first, set_first)) in setters.iter().enumerate() {
        for (second, set_second) in &setters[at..] {
            assert_eq!(
                outcome(set_second(set_first(builder()))),
                outcome(set_first(set_second(builder()))),
                "{first}, {second}"
            );
        }
    }
    for (builder, setting) in [
        (
            builder().without_token_cache().token_cache(1, 1),
            "token_cache",
        ),
        (
            builder().token_cache(1, 1).without_token_cache(),
            "token_cache",
        ),
        (
            builder()
                .denylist(Denylist::new())
                .denylist(Denylist::new()),
            "denylist",
        ),
        (
            builder()
                .check_caller(async |_: Caller| Ok::<_, BoxError>(CallerStatus::Active))
                .check_caller(async |_: Caller| Ok::<_, BoxError>(CallerStatus::Revoked)),
            "check_caller",
        ),
        (
            builder().replay_store(AnyStore).replay_store(AnyStore),
            "replay_store",
        ),
    ] {
        assert_eq!(builder.build().unwrap_err().setting(), setting);
    }
}

const READ: Scope = Scope::from_static("read");
const WRITE: Scope = Scope::from_static("write");

fn layer_setters(verifier: &Verifier) -> Vec<(&'static str, Setter<AuthorizeLayer>)> {
    let metadata = ResourceMetadata::new(verifier, "https://api.acme.com").unwrap();
    let header = || OrganizationSource::header(HeaderName::from_static("x-org"));
    vec![
        ("require", setter(|l: AuthorizeLayer| l.require(READ))),
        ("require", setter(|l: AuthorizeLayer| l.require(WRITE))),
        ("allow_global", setter(AuthorizeLayer::allow_global)),
        (
            "allow_global_with",
            setter(|l: AuthorizeLayer| l.allow_global_with(READ)),
        ),
        (
            "allow_global_with",
            setter(|l: AuthorizeLayer| l.allow_global_with(WRITE)),
        ),
        ("only_global", setter(AuthorizeLayer::only_global)),
        (
            "organization_from",
            setter(move |l: AuthorizeLayer| l.organization_from(header())),
        ),
        (
            "reject_preflights",
            setter(AuthorizeLayer::reject_preflights),
        ),
        ("grpc", setter(AuthorizeLayer::grpc)),
        ("end_streams", setter(AuthorizeLayer::end_streams)),
        (
            "check_callers_of_streams_every",
            setter(|layer: AuthorizeLayer| {
                layer.check_callers_of_streams_every(Duration::from_secs(9))
            }),
        ),
        ("require_jwt", setter(AuthorizeLayer::require_jwt)),
        ("allow_users", setter(AuthorizeLayer::allow_users)),
        (
            "require_proof_of_possession",
            setter(AuthorizeLayer::require_proof_of_possession),
        ),
        (
            "hide_organizations",
            setter(AuthorizeLayer::hide_organizations),
        ),
        ("realm", setter(|l: AuthorizeLayer| l.realm("r"))),
        (
            "problem_type_base_url",
            setter(|l: AuthorizeLayer| l.problem_type_base_url("https://p/#")),
        ),
        (
            "resource_metadata",
            setter(|l: AuthorizeLayer| l.resource_metadata("https://m/")),
        ),
        (
            "resource",
            setter(move |l: AuthorizeLayer| l.resource(&metadata)),
        ),
        (
            "without_rejection_body",
            setter(AuthorizeLayer::without_rejection_body),
        ),
        (
            "rejection_response_with",
            setter(|l: AuthorizeLayer| {
                l.rejection_response_with(|_, response| *response.body_mut() = "custom".into())
            }),
        ),
        (
            "organization_parameter",
            setter(|l: AuthorizeLayer| l.organization_parameter("org")),
        ),
        (
            "optional_organization_parameter",
            setter(|l: AuthorizeLayer| l.optional_organization_parameter("org")),
        ),
        (
            "ignore_parameter",
            setter(|l: AuthorizeLayer| l.ignore_parameter("org")),
        ),
        (
            "allow_other_organizations_in",
            setter(|l: AuthorizeLayer| l.allow_other_organizations_in("org")),
        ),
        (
            "tenant_parameter_names",
            setter(|l: AuthorizeLayer| l.tenant_parameter_names(["place"])),
        ),
        (
            "possible_tenant_parameter_names",
            setter(|l: AuthorizeLayer| l.possible_tenant_parameter_names(["org"])),
        ),
        (
            "allow_path_segment",
            setter(|l: AuthorizeLayer| l.allow_path_segment("org_b")),
        ),
        (
            "allow_other_organizations_in_path",
            setter(|l: AuthorizeLayer| l.allow_other_organizations_in_path("/free/{org_code}")),
        ),
    ]
}

/// Returns every response to a fixed list of requests, as a string.
async fn responses(layer: AuthorizeLayer, tokens: &[Option<String>]) -> Vec<String> {
    let reached = |request: Request<Body>| async move {
        match request.caller_org() {
            Ok(CallerOrg::Organization(org)) => format!("{org} {}", org.is_acting()),
            Ok(CallerOrg::Global) => "global".to_owned(),
            _ => "no caller".to_owned(),
        }
    };
    let app = Router::new()
        .route("/plain", any(reached))
        .route("/a/{org_code}", any(reached))
        .route("/b/{org}", any(reached))
        .route("/c/{place}", any(reached))
        .route_layer(layer.clone())
        .fallback_service(layer_around(layer));
    let mut all = Vec::new();
    for path in [
        "/plain",
        "/a/org_a",
        "/b/org_a",
        "/c/org_b",
        "/free/org_b",
        "/x/org_b",
    ] {
        for token in tokens {
            let request = Request::get(path);
            let request = match token {
                Some(token) => request.header("authorization", token),
                None => request,
            };
            all.push(response(&app, request.body(Body::empty()).unwrap()).await);
        }
        let preflight = Request::builder()
            .method(Method::OPTIONS)
            .uri(path)
            .header("origin", "https://a.example")
            .header("access-control-request-method", "GET");
        all.push(response(&app, preflight.body(Body::empty()).unwrap()).await);
    }
    let mut with_header = Request::new(Body::empty());
    *with_header.uri_mut() = "/plain".parse().unwrap();
    with_header
        .headers_mut()
        .insert("x-org", HeaderValue::from_static("org_b"));
    if let Some(Some(token)) = tokens.last() {
        let token = HeaderValue::try_from(token).unwrap();
        with_header.headers_mut().insert("authorization", token);
    }
    all.push(response(&app, with_header).await);
    all
}

/// Creates a plain service, which has no matched route.
fn layer_around(layer: AuthorizeLayer) -> Router {
    Router::new().fallback(|| async { "fallback" }).layer(layer)
}

async fn response(app: &Router, request: Request<Body>) -> String {
    let response = app.clone().oneshot(request).await.unwrap();
    let head = format!("{} {:?}", response.status(), response.headers());
    let body = to_bytes(response.into_body(), 4096).await.unwrap();
    let response = format!("{head} {}", String::from_utf8_lossy(&body));
    // A response lists the scopes in the order in which they were required.
    response.replace("write read", "read write")
}

#[tokio::test]
async fn layer_setters_commute() {
    let local = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let verifier = Verifier::kinde("acme")
        .audience(AUDIENCE)
        .jwk_set(local.jwks())
        .build()
        .unwrap();
    let setters = layer_setters(&verifier);
    assert_complete("AuthorizeLayer", &setters);
    let tokens = [
        None,
        Some(local.global().bearer()),
        Some(local.global().scopes(["read"]).bearer()),
        Some(local.org("org_b").bearer()),
        Some(local.org("org_a").scopes(["read", "write"]).bearer()),
    ];
    for (at, (first, set_first)) in setters.iter().enumerate() {
        for (second, set_second) in &setters[at + 1..] {
            let (a, b) = (
                set_second(set_first(verifier.layer())),
                set_first(set_second(verifier.layer())),
            );
            let (a, b) = (responses(a, &tokens).await, responses(b, &tokens).await);
            let difference = a.iter().zip(&b).find(|(a, b)| a != b);
            assert_eq!(difference, None, "{first}, {second}");
        }
    }
}

/// Three permissions in all orders: a request is admitted only if all of them allow it.
#[tokio::test]
async fn strictest_permission_counts_in_any_order() {
    let local = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let verifier = Verifier::kinde("acme")
        .audience(AUDIENCE)
        .jwk_set(local.jwks())
        .build()
        .unwrap();
    let layer = || verifier.layer();
    let org = local.org("org_a").scopes(["read", "write"]).bearer();
    let bare = local.global().bearer();
    let reader = local.global().scopes(["read"]).bearer();
    let both = local.global().scopes(["read", "write"]).bearer();
    for (layer, expected) in [
        (layer().only_global().allow_global(), [403, 200, 200, 200]),
        (layer().allow_global().only_global(), [403, 200, 200, 200]),
        (
            layer().only_global().allow_global_with(READ),
            [403, 403, 200, 200],
        ),
        (
            layer().allow_global_with(READ).only_global(),
            [403, 403, 200, 200],
        ),
        (
            layer().allow_global_with(READ).allow_global_with(WRITE),
            [200, 403, 403, 200],
        ),
        (
            layer().allow_global_with(READ).allow_global(),
            [200, 403, 200, 200],
        ),
        (
            layer()
                .allow_global_with(READ)
                .only_global()
                .allow_global_with(WRITE),
            [403, 403, 403, 200],
        ),
    ] {
        let app = Router::new()
            .route("/", any(|| async {}))
            .route_layer(layer);
        let mut statuses = Vec::new();
        for token in [&org, &bare, &reader, &both] {
            let request = Request::get("/").header("authorization", token);
            let request = request.body(Body::empty()).unwrap();
            let response = app.clone().oneshot(request).await.unwrap();
            statuses.push(response.status().as_u16());
        }
        assert_eq!(statuses, expected);
    }
}

/// In claims for handler tests, the organization belongs to the issuer. The order of the two
/// setters does not matter.
#[test]
fn fake_claims_setters_commute() {
    let issuer = "https://issuer.example";
    for claims in [
        testing::claims().org("org_a").issuer(issuer),
        testing::claims().issuer(issuer).org("org_a"),
    ] {
        assert_eq!(claims.claims().org_code().unwrap().issuer(), issuer);
    }
    for claims in [
        testing::claims().acting_for("org_a").issuer(issuer),
        testing::claims().issuer(issuer).acting_for("org_a"),
    ] {
        let mut request = Request::new(());
        claims.insert_into(request.extensions_mut());
        assert_eq!(request.org_code().unwrap().issuer(), issuer);
    }
}
