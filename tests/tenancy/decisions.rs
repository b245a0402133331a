//! Every decision is one event with stable fields and without the token.

use std::collections::BTreeMap;
use std::fmt;

use axum::Router;
use axum::routing::get;
use tower_m2m::{Caller, CallerStatus, Claims, OrgCode, Scope, Scoped, Verifier};
use tracing::Level;
use tracing::field::{Field, Visit};

use super::recorder;
use super::support::{self, Fixture};

tower_m2m::scopes! { Api { Read = "read:x" } }

pub(crate) type Fields = BTreeMap<String, String>;

/// Records every event of the crate's main target.
pub(crate) type Recorder = recorder::Recorder<Fields>;

struct Taking<'f>(&'f mut Fields);

impl Visit for Taking<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(
            field.name().to_owned(),
            format!("{value:?}").trim_matches('"').to_owned(),
        );
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new(Level::TRACE, |event| {
            let metadata = event.metadata();
            let mut fields = Fields::from([("level".to_owned(), metadata.level().to_string())]);
            event.record(&mut Taking(&mut fields));
            (metadata.target() == "tower_m2m").then_some(fields)
        })
    }
}

impl Recorder {
    /// The one decision that there is, without its message.
    pub(crate) fn one(&self) -> Fields {
        let mut events = self.take();
        events.retain(|event| event.contains_key("outcome"));
        assert_eq!(events.len(), 1, "{events:?}");
        let mut event = events.remove(0);
        event.remove("message");
        event
    }
}

fn fields(expected: &[(&str, &str)]) -> Fields {
    expected
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn app(verifier: &Verifier) -> Router {
    let layer = || {
        verifier
            .layer()
            .require(Read)
            .allow_global_with(Scope::from_static("act:any"))
    };
    Router::new()
        .route(
            "/orgs/{org_code}/x",
            get(|_: OrgCode| async {}).route_layer(layer()),
        )
        .route(
            "/write",
            get(|_: Scoped<Write>| async {}).route_layer(layer()),
        )
        .route(
            "/open",
            get(|_: Option<Claims>| async {}).route_layer(verifier.optional_layer()),
        )
        .route("/bare", get(|_: Claims| async {}))
}

tower_m2m::scopes! { More { Write = "write:x" } }

#[expect(clippy::too_many_lines, reason = "one decision after the other")]
#[tokio::test]
async fn every_decision_is_one_event_with_stable_fields() {
    let fixture = Fixture::new();
    let app = app(&fixture.verifier());
    let recorder = Recorder::default();
    let _guard = crate::subscriber::set_subscriber(recorder.clone());
    let issuer = ("issuer", "https://acme.kinde.com");
    let who = ("access", "organization_or_global_with_scope");
    let compared = ("compared", "path:org_code");
    let common = [
        ("stage", "layer"),
        compared,
        who,
        issuer,
        ("client_id", "c1"),
        ("jti", "t1"),
        ("required_scopes", "read:x"),
    ];
    let route = ("route", "/orgs/{org_code}/x");

    let own = fixture
        .org("org_a")
        .client("c1")
        .claim("jti", "t1")
        .scopes(["read:x"]);
    support::get(&app, "/orgs/org_a/x", &own).await;
    let admitted = [
        ("level", "DEBUG"),
        ("outcome", "admitted"),
        route,
        ("has_required_scopes", "true"),
        ("organization", "org_a"),
        ("acting_for_organization", "false"),
    ];
    assert_eq!(recorder.one(), fields(&[&common[..], &admitted].concat()));

    support::get(&app, "/orgs/org_b/x", &own).await;
    let wrong = [
        ("level", "INFO"),
        ("outcome", "wrong_organization"),
        ("error", "the route's organization is not the token's"),
        route,
        ("has_required_scopes", "true"),
        ("organization", "org_a"),
        ("acting_for_organization", "false"),
    ];
    assert_eq!(recorder.one(), fields(&[&common[..], &wrong].concat()));

    support::get(&app, "/orgs/org_a/x", &own.clone().scopes(["other"])).await;
    let lacking = [
        ("level", "INFO"),
        ("outcome", "insufficient_scope"),
        (
            "error",
            "the token lacks a scope that the route requires: read:x (check that the issuer grants it to the client)",
        ),
        route,
        ("has_required_scopes", "false"),
        ("organization", "org_a"),
        ("acting_for_organization", "false"),
    ];
    assert_eq!(recorder.one(), fields(&[&common[..], &lacking].concat()));

    let global = fixture
        .global()
        .client("c1")
        .claim("jti", "t1")
        .scopes(["read:x", "act:any"]);
    support::get(&app, "/orgs/org_b/x", &global).await;
    let acting = [
        ("level", "INFO"),
        ("outcome", "admitted"),
        route,
        ("has_required_scopes", "true"),
        ("organization", "org_b"),
        ("acting_for_organization", "true"),
    ];
    assert_eq!(recorder.one(), fields(&[&common[..], &acting].concat()));

    support::get(&app, "/orgs/org_a/x", &own.clone().signed_with(&forger())).await;
    let forged = [
        ("level", "INFO"),
        ("outcome", "unknown_key"),
        (
            "error",
            "the token is not authentic: the issuer has published no key with this kid that fits alg",
        ),
        ("compared", "none"),
        ("stage", "layer"),
        route,
        who,
        ("required_scopes", "read:x"),
    ];
    assert_eq!(recorder.one(), fields(&forged));

    let request = http::Request::get("/open")
        .body(axum::body::Body::empty())
        .unwrap();
    support::send(&app, request).await;
    let open = [
        ("level", "DEBUG"),
        ("outcome", "anonymous"),
        ("compared", "none"),
        ("stage", "layer"),
        ("route", "/open"),
        ("access", "organization"),
    ];
    assert_eq!(recorder.one(), fields(&open));

    support::get(&app, "/bare", &own).await;
    let bare = [
        ("level", "ERROR"),
        ("outcome", "layer_missing"),
        (
            "error",
            "the handler of \"/bare\" extracts `Claims`, and no `AuthorizeLayer` protects it: add \
             `.route_layer(verifier.layer())` to the router after this route (axum applies a layer only to the routes that were \
             added before it)",
        ),
        ("compared", "none"),
        ("stage", "Claims"),
        ("route", "/bare"),
        ("access", "Claims"),
    ];
    assert_eq!(recorder.one(), fields(&bare));

    let guide = include_str!("../../src/guide/observability.md");
    let (_, table) = guide.split_once("| field of a decision |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let names = [&common[..], &admitted].concat();
    for (name, _) in names.iter().filter(|(name, _)| *name != "level") {
        assert!(
            table.contains(&format!("`{name}`")),
            "{name} is not documented"
        );
    }
}

fn forger() -> tower_m2m::testing::SigningKey {
    Fixture::new().issuer.signing_key()
}

#[tokio::test]
async fn failed_caller_check_is_a_warning() {
    let fixture = Fixture::new();
    let verifier = Verifier::builder([fixture.trusted()]).clock(fixture.clock.clone());
    let verifier = verifier
        .check_caller(async |_: Caller| Err::<CallerStatus, _>("no database".into()))
        .build()
        .unwrap();
    let app = Router::new()
        .route("/", get(|| async {}))
        .route_layer(verifier.layer());
    let recorder = Recorder::default();
    let _guard = crate::subscriber::set_subscriber(recorder.clone());
    support::get(&app, "/", &fixture.org("org_a")).await;
    let events = recorder.take();
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!(
        (events[0]["error"].as_str(), events[0]["level"].as_str()),
        ("no database", "WARN")
    );
    assert_eq!(events[0]["allowed"], "false");
    assert_eq!(
        (events[1]["outcome"].as_str(), events[1]["level"].as_str()),
        ("caller_status_unavailable", "WARN")
    );
}

/// Rules 20, 130.
///
/// The events contain no part of the token, and no path with data of other clients.
#[tokio::test]
async fn events_contain_no_token_and_no_path() {
    let fixture = Fixture::new();
    let app = app(&fixture.verifier());
    let recorder = Recorder::default();
    let _guard = crate::subscriber::set_subscriber(recorder.clone());
    let token = fixture
        .org("org_a")
        .scopes(["secret-scope"])
        .claim("email", "someone@example.com");
    for path in [
        "/orgs/org_a/x?secret=1",
        "/orgs/org_secret/x",
        "/write",
        "/open",
        "/bare",
    ] {
        support::get(&app, path, &token).await;
    }
    // The organization that a caller names has an event of its own, at DEBUG.
    let mut events = recorder.take();
    events.retain(|event| event["message"] != "other organization requested");
    let events = format!("{events:?}");
    for part in token.token().split('.').chain(["secret", "someone"]) {
        assert!(!events.contains(part), "{events}");
    }
}
