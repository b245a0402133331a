//! Spans and their fields: the caller is recorded on the request's span, and slow work has its own
//! span.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use tower::ServiceExt as _;
use tower_http::trace::TraceLayer;
use tower_m2m::testing::{AUDIENCE, Endpoint, Fault, LocalIssuer, TokenBuilder, forged};
use tower_m2m::{OrgCode, Rejection, Scope, Scoped, Verifier};
use tracing::field::{Empty, Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, info, info_span, span};
use tracing_core::span::Current;

use super::support;

tower_m2m::scopes! { Api { Write = "write:x" } }

/// Records spans of a level, their fields, and the spans around events, on one thread.
#[derive(Clone)]
struct Watch {
    level: Level,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    spans: Vec<Seeing>,
    entered: Vec<u64>,
    /// The message, and the names of the spans around the event.
    events: Vec<(String, Vec<&'static str>)>,
}

struct Seeing {
    metadata: &'static Metadata<'static>,
    parent: Option<&'static str>,
    fields: BTreeMap<&'static str, Vec<String>>,
}

impl Watch {
    fn at(level: Level) -> Self {
        Self {
            level,
            seen: Arc::default(),
        }
    }

    /// Returns the fields of the spans with this name, each with all recorded values.
    fn fields(&self, name: &str) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let spans = seen
            .spans
            .iter()
            .filter(|span| span.metadata.name() == name);
        let line = |span: &Seeing| {
            let fields = span
                .fields
                .iter()
                .map(|(name, values)| format!("{name}={}", values.join(",")));
            fields.collect::<Vec<_>>().join(" ")
        };
        spans.map(line).collect()
    }

    fn parents(&self, name: &str) -> Vec<Option<&'static str>> {
        let seen = self.seen.lock().unwrap();
        seen.spans
            .iter()
            .filter(|span| span.metadata.name() == name)
            .map(|span| span.parent)
            .collect()
    }

    /// Returns the spans around the first event with this message.
    fn around(&self, message: &str) -> Vec<&'static str> {
        let seen = self.seen.lock().unwrap();
        seen.events
            .iter()
            .find(|(said, _)| said == message)
            .unwrap_or_else(|| panic!("{message} was not said"))
            .1
            .clone()
    }

    fn forget(&self) {
        self.seen.lock().unwrap().spans.clear();
    }
}

impl Seen {
    fn name(&self, id: u64) -> &'static str {
        self.spans[usize::try_from(id).unwrap() - 1].metadata.name()
    }
}

struct Taking<'f>(&'f mut BTreeMap<&'static str, Vec<String>>);

impl Visit for Taking<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0
            .entry(field.name())
            .or_default()
            .push(format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl Subscriber for Watch {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let ours = metadata.target().starts_with("tower_m2m")
            || metadata.target().starts_with("configuration");
        ours && *metadata.level() <= self.level
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let mut seen = self.seen.lock().unwrap();
        let parent = if attributes.is_root() {
            None
        } else {
            seen.entered.last().map(|id| seen.name(*id))
        };
        let mut fields = BTreeMap::new();
        attributes.record(&mut Taking(&mut fields));
        seen.spans.push(Seeing {
            metadata: attributes.metadata(),
            parent,
            fields,
        });
        span::Id::from_u64(u64::try_from(seen.spans.len()).unwrap())
    }

    fn record(&self, id: &span::Id, values: &span::Record<'_>) {
        let place = usize::try_from(id.into_u64()).unwrap() - 1;
        values.record(&mut Taking(
            &mut self.seen.lock().unwrap().spans[place].fields,
        ));
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = BTreeMap::new();
        event.record(&mut Taking(&mut fields));
        let mut seen = self.seen.lock().unwrap();
        let around = seen.entered.iter().map(|id| seen.name(*id)).collect();
        seen.events.push((fields["message"].concat(), around));
    }

    fn enter(&self, id: &span::Id) {
        self.seen.lock().unwrap().entered.push(id.into_u64());
    }

    fn exit(&self, _: &span::Id) {
        self.seen.lock().unwrap().entered.pop();
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn current_span(&self) -> Current {
        let seen = self.seen.lock().unwrap();
        match seen.entered.last() {
            Some(id) => Current::new(
                span::Id::from_u64(*id),
                seen.spans[usize::try_from(*id).unwrap() - 1].metadata,
            ),
            None => Current::none(),
        }
    }
}

/// Wraps an API as the guide shows: a span for each request, with fields for the caller.
fn traced(app: Router) -> Router {
    let request = |_: &Request<Body>| {
        info_span!(
            "request",
            client_id = Empty,
            issuer = Empty,
            organization = Empty,
            jti = Empty,
            outcome = Empty
        )
    };
    app.layer(TraceLayer::new_for_http().make_span_with(request))
}

fn routes(verifier: &Verifier) -> Router {
    let act = Scope::from_static("act:any");
    let handler = async |org: OrgCode| info!("the handler serves {org}");
    Router::new()
        .route(
            "/orgs/{org_code}",
            get(handler).route_layer(verifier.layer().allow_global_with(act)),
        )
        .route(
            "/write",
            get(async |_: Scoped<Write>| ()).route_layer(verifier.layer()),
        )
        .route(
            "/twice",
            get(handler)
                .route_layer(verifier.layer())
                .route_layer(verifier.layer()),
        )
        .route(
            "/open",
            get(async || ()).route_layer(verifier.optional_layer()),
        )
}

async fn call(app: &Router, path: &str, authorization: Option<&str>) -> Option<&'static str> {
    let request = authorization
        .into_iter()
        .fold(Request::get(path), |request, value| {
            request.header("authorization", value)
        });
    let response = app
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    response
        .extensions()
        .get::<Rejection>()
        .map(Rejection::code)
}

fn fixture() -> (LocalIssuer, Router, TokenBuilder) {
    let (issuer, verifier) = support::fixture();
    let token = issuer.org("org_a").client("c1").claim("jti", "t1");
    (issuer, traced(routes(&verifier)), token)
}

#[tokio::test]
async fn request_span_records_caller_and_outcome() {
    let (issuer, app, token) = fixture();
    let watch = Watch::at(Level::INFO);
    let _guard = crate::subscriber::set_subscriber(watch.clone());
    let caller = "client_id=c1 issuer=https://acme.kinde.com jti=t1 organization=org_a";
    let global = issuer
        .global()
        .client("c1")
        .claim("jti", "t1")
        .scopes(["act:any"]);
    let nameless = issuer.org("org_a").client("c1").without("jti");
    for (path, authorization, expected) in [
        (
            "/orgs/org_a",
            Some(token.bearer()),
            format!("{caller} outcome=admitted"),
        ),
        // A second layer records no other values.
        (
            "/twice",
            Some(token.bearer()),
            format!("{caller} outcome=admitted"),
        ),
        (
            "/orgs/org_b",
            Some(token.bearer()),
            format!("{caller} outcome=wrong_organization"),
        ),
        (
            "/write",
            Some(token.bearer()),
            format!("{caller} outcome=admitted,insufficient_scope"),
        ),
        (
            "/orgs/org_b",
            Some(global.bearer()),
            caller.replace("org_a", "org_b") + " outcome=admitted",
        ),
        (
            "/orgs/org_a",
            Some(nameless.bearer()),
            caller.replace(" jti=t1", "") + " outcome=admitted",
        ),
        // If a token is invalid, the span has no caller.
        (
            "/orgs/org_a",
            Some("Bearer garbage".to_owned()),
            "outcome=not_three_segments".to_owned(),
        ),
        ("/orgs/org_a", None, "outcome=missing_token".to_owned()),
        ("/open", None, "outcome=anonymous".to_owned()),
    ] {
        watch.forget();
        call(&app, path, authorization.as_deref()).await;
        assert_eq!(watch.fields("request"), [expected], "{path}");
        assert_eq!(
            watch.seen.lock().unwrap().spans.len(),
            1,
            "at INFO there are no spans but the application's"
        );
    }
    assert_eq!(watch.around("the handler serves org_a"), ["request"]);
}

#[tokio::test]
async fn span_without_declared_fields_is_unchanged() {
    let (_issuer, _, token) = fixture();
    let (issuer, watch) = (
        LocalIssuer::in_process("https://acme.kinde.com").unwrap(),
        Watch::at(Level::INFO),
    );
    let verifier = Verifier::kinde("acme")
        .audience(AUDIENCE)
        .jwk_set(issuer.jwks())
        .build()
        .unwrap();
    let plain = |_: &Request<Body>| info_span!("request", method = "GET");
    let app = routes(&verifier).layer(TraceLayer::new_for_http().make_span_with(plain));
    let _guard = crate::subscriber::set_subscriber(watch.clone());
    call(&app, "/orgs/org_a", Some(&token.bearer())).await;
    assert_eq!(watch.fields("request"), ["method=GET"]);
}

#[tokio::test]
async fn fetches_waits_and_verifications_have_spans() {
    let issuer = LocalIssuer::start().await.unwrap();
    let watch = Watch::at(Level::DEBUG);
    let _guard = crate::subscriber::set_subscriber(watch.clone());
    let verifier = Verifier::builder([Verifier::kinde(issuer.url()).audience(AUDIENCE)])
        .start_lazily()
        .build()
        .unwrap();
    let app = traced(routes(&verifier));
    let (url, kid) = (issuer.url(), issuer.signing_key().kid().to_owned());
    let token = issuer.org("org_a");
    for _ in 0..2 {
        assert_eq!(call(&app, "/orgs/org_a", Some(&token.bearer())).await, None);
    }

    assert_eq!(
        watch.fields("fetch_keys"),
        [format!("cause=start issuer={url} outcome=ok")]
    );
    assert_eq!(
        watch.parents("fetch_keys"),
        [None],
        "a fetch belongs to no single request"
    );
    assert_eq!(watch.around("keys fetched"), ["fetch_keys"]);
    assert_eq!(
        watch.fields("wait_for_keys"),
        [format!("issuer={url} kid={kid}")]
    );
    assert_eq!(watch.parents("wait_for_keys"), [Some("request")]);
    // One before the wait and one after it. The second request uses the cached response.
    let expected = [
        format!("algorithm=RS256 kid={kid} outcome=pending"),
        format!("algorithm=RS256 issuer={url} kid={kid} outcome=verified"),
    ];
    assert_eq!(watch.fields("verify_token"), expected);
    assert_eq!(watch.parents("verify_token"), [Some("request"); 2]);

    watch.forget();
    issuer.set_fault(Endpoint::Jwks, Fault::status(http::StatusCode::FORBIDDEN));
    assert_eq!(
        call(
            &app,
            "/orgs/org_a",
            Some(&token.header("kid", "new").bearer())
        )
        .await,
        Some("key_unavailable")
    );
    assert_eq!(
        watch.fields("fetch_keys"),
        [format!(
            "cause=unknown_kid issuer={url} outcome=unexpected_status"
        )]
    );
    assert_eq!(watch.around("key fetch failed"), ["fetch_keys"]);

    // The guide has a row for each span and field.
    let guide = include_str!("../../src/guide/observability.md");
    let seen = watch.seen.lock().unwrap();
    for name in seen
        .spans
        .iter()
        .map(|span| span.metadata.name())
        .chain(seen.events.iter().map(|(said, _)| &**said))
    {
        assert!(
            name == "request"
                || name.starts_with("the handler")
                || guide.contains(&format!("| `{name}` |")),
            "{name}"
        );
    }
}

/// Rules 20, 130.
///
/// Spans contain no part of the token. The `kid` of an unknown client is short and on one line.
#[tokio::test]
async fn spans_contain_no_token() {
    let (issuer, app, token) = fixture();
    let watch = Watch::at(Level::TRACE);
    let _guard = crate::subscriber::set_subscriber(watch.clone());
    let good = issuer.org("org_a");
    for forgery in forged::all(&good) {
        watch.forget();
        call(&app, "/orgs/org_a", Some(forgery.authorization())).await;
        let fields = format!(
            "{:?}{:?}",
            watch.fields("request"),
            watch.fields("verify_token")
        );
        for part in forgery.token().split('.').filter(|part| part.len() > 15) {
            assert!(!fields.contains(part), "{}: {fields}", forgery.name());
        }
    }
    watch.forget();
    let long = format!("a\nb{}", "x".repeat(200));
    call(
        &app,
        "/orgs/org_a",
        Some(&token.header("kid", &*long).bearer()),
    )
    .await;
    let fields = watch.fields("verify_token");
    assert_eq!(
        fields,
        [format!(
            "algorithm=RS256 kid=a\\\\nb{} outcome=unknown_key",
            "x".repeat(60)
        )]
    );
}
