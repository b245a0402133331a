//! Claims are checked again at each use: a request can wait, and a session can keep its extensions.
//! Row B6 of issue 13.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request as AxumRequest;
use axum::routing::get;
use http::header::AUTHORIZATION;
use http::{Extensions, HeaderValue, Request, Response};
use tower::util::MapRequestLayer;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_m2m::testing::{QueueLayer, TokenBuilder};
use tower_m2m::{
    Caller, CallerOrg, CallerStatus, Claims, Denylist, DenylistEntry, EntryExpiry, OrgCode,
    OrganizationSource, RequestExt as _, Scope, Scoped, Verifier,
};

use super::support::{self, Fixture, ISSUER};

tower_m2m::scopes! { Api { Read = "read:x" } }

const PATHS: [&str; 6] = ["/org", "/claims", "/scoped", "/maybe", "/caller", "/read"];

fn routes() -> Router {
    let read = async |request: AxumRequest| request.org_code().map(ToString::to_string);
    Router::new()
        .route("/org", get(async |org: OrgCode| org.to_string()))
        .route("/claims", get(async |_: Claims| "claims"))
        .route("/scoped", get(async |_: Scoped<Read>| "scoped"))
        .route(
            "/maybe",
            get(async |claims: Option<Claims>| claims.is_some().to_string()),
        )
        .route(
            "/caller",
            get(async |caller: CallerOrg| format!("{caller:?}")),
        )
        .route("/read", get(read))
}

fn token(fixture: &Fixture, code: &str) -> TokenBuilder {
    fixture.org(code).scopes(["read:x"])
}

fn request(token: &TokenBuilder) -> http::request::Builder {
    Request::get("/").header(AUTHORIZATION, token.bearer())
}

/// Returns a verifier, and how often its caller check ran. The check accepts every caller.
fn counting_verifier(fixture: &Fixture) -> (Verifier, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&runs);
    let verifier = Verifier::builder([fixture.trusted()])
        .clock(fixture.clock.clone())
        .check_caller(move |_: Caller| {
            counter.fetch_add(1, Ordering::Relaxed);
            async { Ok(CallerStatus::Active) }
        })
        .build()
        .unwrap();
    (verifier, runs)
}

/// Kinde's tokens are valid for a day, and the leeway is 30 s.
const LIFETIME: u64 = 86_400;

#[tokio::test]
async fn token_that_expires_in_a_queue_reaches_no_handler() {
    for (wait, expected) in [
        (LIFETIME + 29, (200, None)),
        (LIFETIME + 30, (401, Some("expired"))),
        (2 * LIFETIME, (401, Some("expired"))),
    ] {
        for path in PATHS {
            let fixture = Fixture::new();
            let queue = QueueLayer::new(fixture.clock.clone(), Duration::from_secs(wait));
            let layer = || fixture.verifier().layer();
            let own = token(&fixture, "org_a");
            let app = routes().layer(queue.clone()).layer(layer());
            assert_eq!(
                support::get(&app, path, &own).await,
                expected,
                "{path} {wait}"
            );
        }
        // The same verifier's inner layer, around a handler without extractors.
        let fixture = Fixture::new();
        let queue = QueueLayer::new(fixture.clock.clone(), Duration::from_secs(wait));
        let verifier = fixture.verifier();
        let app = Router::new()
            .route("/", get(async || "data"))
            .layer(verifier.layer())
            .layer(queue)
            .layer(verifier.layer());
        assert_eq!(
            support::get(&app, "/", &token(&fixture, "org_a")).await,
            expected
        );
    }
}

#[tokio::test]
async fn maximum_age_ends_in_a_queue() {
    let fixture = Fixture::new();
    let trusted = fixture.trusted().max_age(Duration::from_secs(60));
    let verifier = Verifier::builder([trusted])
        .clock(fixture.clock.clone())
        .build()
        .unwrap();
    for (wait, status) in [(89, 200), (90, 401)] {
        let own = token(&fixture, "org_a").issued_at(fixture.clock.unix_seconds());
        let queue = QueueLayer::new(fixture.clock.clone(), Duration::from_secs(wait));
        let app = routes().layer(queue).layer(verifier.layer());
        assert_eq!(support::get(&app, "/org", &own).await.0, status, "{wait}");
    }
}

/// Returns a layer that denies the organization between two layers.
fn denying(
    denylist: &Denylist,
) -> MapRequestLayer<impl Fn(Request<Body>) -> Request<Body> + Clone + use<>> {
    let denylist = denylist.clone();
    MapRequestLayer::new(move |request| {
        let entry = DenylistEntry::organization(ISSUER, "org_a");
        denylist.deny(entry, EntryExpiry::Never).unwrap();
        request
    })
}

#[tokio::test]
async fn denial_in_a_queue_is_effective() {
    for path in PATHS.into_iter().chain(["/plain"]) {
        let fixture = Fixture::new();
        let denylist = Denylist::new();
        let verifier = Verifier::builder([fixture.trusted()])
            .clock(fixture.clock.clone())
            .denylist(denylist.clone())
            .build()
            .unwrap();
        let own = token(&fixture, "org_a");
        let inner = Router::new()
            .route("/plain", get(async || "data"))
            .layer(verifier.layer());
        let app = routes().merge(inner);
        let undisturbed = app.clone().layer(verifier.layer());
        assert_eq!(
            support::get(&undisturbed, path, &own).await.0,
            200,
            "{path}"
        );
        let app = app.layer(denying(&denylist)).layer(verifier.layer());
        assert_eq!(
            support::get(&app, path, &own).await,
            (403, Some("suspended")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn kept_extensions_expire_with_the_token() {
    let fixture = Fixture::new();
    let denylist = Denylist::new();
    let verifier = Verifier::builder([fixture.trusted()])
        .clock(fixture.clock.clone())
        .denylist(denylist.clone())
        .build()
        .unwrap();
    let kept = Arc::new(Mutex::new(Extensions::new()));
    let service = verifier.layer().layer(service_fn({
        let kept = Arc::clone(&kept);
        move |request: Request<Body>| {
            *kept.lock().unwrap() = request.extensions().clone();
            std::future::ready(Ok::<_, Infallible>(Response::new(Body::empty())))
        }
    }));
    let own = request(&token(&fixture, "org_a"));
    service
        .oneshot(own.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let kept = kept.lock().unwrap().clone();
    let codes = || {
        [
            kept.claims().err().map(|rejection| rejection.code()),
            kept.org_code().err().map(|rejection| rejection.code()),
            kept.caller_org().err().map(|rejection| rejection.code()),
        ]
    };
    assert_eq!(codes(), [None; 3]);
    let entry = DenylistEntry::organization(ISSUER, "org_a");
    denylist.deny(entry.clone(), EntryExpiry::Never).unwrap();
    assert_eq!(codes(), [Some("suspended"); 3]);
    denylist.remove(&entry);
    assert_eq!(codes(), [None; 3]);
    fixture.clock.advance(Duration::from_secs(LIFETIME + 30));
    assert_eq!(codes(), [Some("expired"); 3]);
}

#[tokio::test]
async fn caller_check_runs_again_after_five_seconds() {
    let fixture = Fixture::new();
    let (verifier, runs) = counting_verifier(&fixture);
    let own = token(&fixture, "org_a");
    for (wait, expected) in [(0, 1), (5, 1), (6, 2), (60, 2)] {
        let queue = || QueueLayer::new(fixture.clock.clone(), Duration::from_secs(wait));
        let inner = Router::new()
            .route("/plain", get(async || "data"))
            .layer(verifier.layer());
        let app = routes().merge(inner).layer(queue()).layer(verifier.layer());
        for path in ["/plain", "/org", "/claims", "/caller"] {
            assert_eq!(support::get(&app, path, &own).await, (200, None));
            assert_eq!(runs.swap(0, Ordering::Relaxed), expected, "{path} {wait}");
        }
    }
    // If the clock moves backward, the age of the claims is unknown.
    let clock = fixture.clock.clone();
    let back = MapRequestLayer::new(move |request: Request<Body>| {
        clock.set(clock.unix_seconds() - 1);
        request
    });
    let app = routes().layer(back).layer(verifier.layer());
    assert_eq!(support::get(&app, "/org", &own).await, (200, None));
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn failed_recheck_rejects_the_request() {
    let fixture = Fixture::new();
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&runs);
    let verifier = Verifier::builder([fixture.trusted()])
        .clock(fixture.clock.clone())
        .check_caller(move |_: Caller| {
            let run = counter.fetch_add(1, Ordering::Relaxed);
            async move {
                Ok(match run % 2 {
                    0 => CallerStatus::Active,
                    _ => CallerStatus::Suspended,
                })
            }
        })
        .build()
        .unwrap();
    let queue = QueueLayer::new(fixture.clock.clone(), Duration::from_secs(6));
    let app = routes().layer(queue).layer(verifier.layer());
    for path in ["/org", "/claims", "/maybe", "/scoped", "/caller"] {
        assert_eq!(
            support::get(&app, path, &token(&fixture, "org_a")).await,
            (403, Some("suspended")),
            "{path}"
        );
    }
}

/// Returns a layer that changes the headers of each request.
fn changing(
    change: impl Fn(&mut http::HeaderMap) + Clone,
) -> MapRequestLayer<impl Fn(Request<Body>) -> Request<Body> + Clone> {
    MapRequestLayer::new(move |mut request: Request<Body>| {
        change(request.headers_mut());
        request
    })
}

fn replaced(token: &TokenBuilder) -> impl Fn(&mut http::HeaderMap) + Clone + use<> {
    let bearer = token.bearer();
    move |headers| {
        // The old value is dropped first, so that the new one can get its memory.
        headers.remove(AUTHORIZATION);
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&bearer).unwrap());
    }
}

#[tokio::test]
async fn inner_layer_verifies_a_replaced_header() {
    let fixture = Fixture::new();
    let verifier = fixture.verifier();
    let (a, b) = (token(&fixture, "org_a"), token(&fixture, "org_b"));
    assert_eq!(a.bearer().len(), b.bearer().len());
    let app = |change: Router| change.layer(verifier.layer());
    let inner = || routes().layer(verifier.layer());
    let swapped = app(inner().layer(changing(replaced(&b))));
    for _ in 0..100 {
        let text = support::text(&swapped, http::Method::GET, "/org", &a).await;
        assert_eq!(text, "org_b");
    }
    let forged = app(inner().layer(changing(|headers| {
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer a.b.c"));
    })));
    assert_eq!(support::get(&forged, "/org", &a).await.0, 401);
    let removed = app(inner().layer(changing(|headers| {
        headers.remove(AUTHORIZATION);
    })));
    assert_eq!(
        support::get(&removed, "/org", &a).await,
        (401, Some("missing_token"))
    );
    let optional = routes()
        .layer(verifier.optional_layer())
        .layer(changing(|headers| {
            headers.remove(AUTHORIZATION);
        }))
        .layer(verifier.layer());
    let text = support::text(&optional, http::Method::GET, "/caller", &a).await;
    assert_eq!(text, "Anonymous");
}

/// A header that is only marked as sensitive has the same value.
#[tokio::test]
async fn inner_layer_recognizes_the_verified_header() {
    let fixture = Fixture::new();
    let (verifier, runs) = counting_verifier(&fixture);
    let app = routes()
        .layer(verifier.layer())
        .layer(changing(|headers| {
            if let Some(value) = headers.get_mut(AUTHORIZATION) {
                value.set_sensitive(true);
            }
        }))
        .layer(verifier.layer());
    assert_eq!(
        support::get(&app, "/org", &token(&fixture, "org_a"))
            .await
            .0,
        200
    );
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

/// The next token does not inherit the organization that another global client acts for.
#[tokio::test]
async fn replaced_token_does_not_act_for_the_first_one() {
    let fixture = Fixture::new();
    let verifier = fixture.verifier();
    let source = OrganizationSource::header("x-org".parse().unwrap());
    let outer = verifier
        .layer()
        .allow_global_with(Scope::from_static("act:any"))
        .organization_from(source);
    let first = fixture.global().scopes(["act:any"]);
    let second = fixture.global();
    let inner = || verifier.layer().allow_global();
    let app = routes()
        .layer(inner())
        .layer(changing(replaced(&second)))
        .layer(outer.clone());
    let undisturbed = routes().layer(inner()).layer(outer);
    let send = async |app: &Router| {
        let request = Request::get("/org")
            .header(AUTHORIZATION, first.bearer())
            .header("x-org", "org_a");
        support::send(app, request.body(Body::empty()).unwrap()).await
    };
    assert_eq!(send(&undisturbed).await, (200, None));
    assert_eq!(send(&app).await, (403, Some("organization_required")));
}
