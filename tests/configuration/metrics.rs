//! The metrics, and that no client can invent a label.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::header::AUTHORIZATION;
use http::{Request, StatusCode};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit, set_default_local_recorder,
};
use tower::ServiceExt as _;
use tower_m2m::testing::MemoryStore;
use tower_m2m::testing::{
    AUDIENCE, Endpoint, Fault, LocalIssuer, SigningAlgorithm, SigningKey, forged,
};
use tower_m2m::{Denylist, DenylistEntry, EntryExpiry, OrgCode, Scoped, Verifier};

tower_m2m::scopes! { ApiScopes { ReadInvoices = "read:invoices" } }

/// Records every value under `name{label=value,…}`.
#[derive(Clone, Default)]
struct Book(Arc<Mutex<BTreeMap<String, f64>>>);

/// One recorded metric.
struct Line {
    book: Book,
    series: String,
}

impl Book {
    fn line(&self, key: &Key) -> Arc<Line> {
        let mut labels: Vec<String> = key
            .labels()
            .map(|label| format!("{}={}", label.key(), label.value()))
            .collect();
        labels.sort();
        Arc::new(Line {
            book: self.clone(),
            series: format!("{}{{{}}}", key.name(), labels.join(",")),
        })
    }

    fn value(&self, series: &str) -> f64 {
        self.0.lock().unwrap().get(series).copied().unwrap_or(0.0)
    }

    fn series(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }
}

impl Line {
    fn change(&self, change: impl Fn(f64) -> f64) {
        let mut book = self.book.0.lock().unwrap();
        let value = book.entry(self.series.clone()).or_default();
        *value = change(*value);
    }
}

impl CounterFn for Line {
    fn increment(&self, by: u64) {
        let by = u32::try_from(by).unwrap();
        self.change(|value| value + f64::from(by));
    }

    fn absolute(&self, to: u64) {
        let to = u32::try_from(to).unwrap();
        self.change(|_| f64::from(to));
    }
}

impl GaugeFn for Line {
    fn increment(&self, by: f64) {
        self.change(|value| value + by);
    }

    fn decrement(&self, by: f64) {
        self.change(|value| value - by);
    }

    fn set(&self, to: f64) {
        self.change(|_| to);
    }
}

/// Counts how often a histogram was recorded.
impl HistogramFn for Line {
    fn record(&self, seconds: f64) {
        assert!((0.0..60.0).contains(&seconds));
        self.change(|value| value + 1.0);
    }
}

impl Recorder for Book {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.line(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.line(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.line(key))
    }
}

fn app(verifier: &Verifier) -> Router {
    Router::new()
        .route("/", get(async |org: OrgCode| org.to_string()))
        .route("/scoped", get(async |_: Scoped<ReadInvoices>| ""))
        .route_layer(verifier.layer())
        .route(
            "/open",
            get(async || "").route_layer(verifier.optional_layer()),
        )
}

async fn call(app: &Router, path: &str, authorization: Option<&str>) -> StatusCode {
    let request = authorization
        .into_iter()
        .fold(Request::get(path), |request, value| {
            request.header(AUTHORIZATION, value)
        });
    app.clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap()
        .status()
}

#[tokio::test]
async fn metrics_count_decisions_and_cache_lookups() {
    let book = Book::default();
    let _recording = set_default_local_recorder(&book);
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let app = app(&Verifier::kinde("acme")
        .audience(AUDIENCE)
        .jwk_set(issuer.jwks())
        .build()
        .unwrap());
    let good = issuer.org("org_a").bearer();
    for _ in 0..3 {
        assert_eq!(call(&app, "/", Some(&good)).await, StatusCode::OK);
    }
    call(&app, "/", None).await;
    call(&app, "/open", None).await;
    call(&app, "/", Some(&issuer.global().bearer())).await;
    call(
        &app,
        "/",
        Some(
            &issuer
                .org("org_a")
                .expired_by(Duration::from_secs(3600))
                .bearer(),
        ),
    )
    .await;
    assert_eq!(
        call(&app, "/scoped", Some(&good)).await,
        StatusCode::FORBIDDEN
    );

    for (series, count) in [
        (
            "tower_m2m_decisions_total{compared=none,outcome=admitted,stage=layer}",
            4.0,
        ),
        (
            "tower_m2m_decisions_total{compared=none,outcome=missing_token,stage=layer}",
            1.0,
        ),
        (
            "tower_m2m_decisions_total{compared=none,outcome=anonymous,stage=layer}",
            1.0,
        ),
        (
            "tower_m2m_decisions_total{compared=none,outcome=organization_required,stage=layer}",
            1.0,
        ),
        (
            "tower_m2m_decisions_total{compared=none,outcome=expired,stage=layer}",
            1.0,
        ),
        (
            "tower_m2m_decisions_total{compared=none,outcome=insufficient_scope,stage=extractor}",
            1.0,
        ),
        ("tower_m2m_token_cache_lookups_total{result=hit}", 3.0),
        ("tower_m2m_token_cache_lookups_total{result=miss}", 3.0),
        ("tower_m2m_verification_duration_seconds{}", 3.0),
    ] {
        assert!(
            (book.value(series) - count).abs() < 0.5,
            "{series} is {}: {:?}",
            book.value(series),
            book.series()
        );
    }
    assert_eq!(book.series().len(), 9, "{:?}", book.series());
}

#[tokio::test]
async fn metrics_count_fetches_and_report_key_age() {
    let book = Book::default();
    let _recording = set_default_local_recorder(&book);
    let issuer = LocalIssuer::start().await.unwrap();
    let name = issuer.url();
    let verifier = Verifier::kinde(name)
        .audience(AUDIENCE)
        .keys_time_to_live(Duration::from_secs(600))
        .build()
        .unwrap();
    let app = app(&verifier);
    assert_eq!(
        call(&app, "/", Some(&issuer.org("org_a").bearer())).await,
        StatusCode::OK
    );

    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64();
    let gauge = |what: &str| book.value(&format!("{what}{{issuer={name}}}"));
    assert!((gauge("tower_m2m_keys") - 1.0).abs() < 0.1);
    let fetched = gauge("tower_m2m_keys_fetched_timestamp_seconds");
    assert!((now - fetched).abs() < 60.0, "{fetched} is not about {now}");
    assert!((gauge("tower_m2m_keys_fresh_until_timestamp_seconds") - fetched - 600.0).abs() < 0.1);
    assert!(
        (gauge("tower_m2m_keys_usable_until_timestamp_seconds") - fetched - 4200.0).abs() < 0.1
    );
    assert!(
        book.value(&format!(
            "tower_m2m_key_fetches_total{{cause=start,issuer={name},outcome=ok}}"
        )) > 0.5
    );

    // A token with an unknown `kid` causes a fetch, which fails.
    issuer.set_fault(
        Endpoint::Jwks,
        Fault::status(StatusCode::INTERNAL_SERVER_ERROR),
    );
    let stranger = SigningKey::generate(SigningAlgorithm::Rs256).unwrap();
    call(
        &app,
        "/",
        Some(&issuer.org("org_a").signed_with(&stranger).bearer()),
    )
    .await;
    assert!(
        book.value("tower_m2m_decisions_total{compared=none,outcome=key_unavailable,stage=layer}")
            > 0.5,
        "{:?}",
        book.series()
    );
    assert!(
        book.value(&format!(
            "tower_m2m_key_fetches_total{{cause=unknown_kid,issuer={name},outcome=unexpected_status}}"
        )) > 0.5
    );
}

/// Usable keys over the limit and sets over the limit are visible without a token.
#[tokio::test]
async fn metrics_report_reached_limits() {
    let book = Book::default();
    let _recording = set_default_local_recorder(&book);
    let issuer = LocalIssuer::in_process("https://issuer.example").unwrap();
    for _ in 0..2 {
        let key = SigningKey::generate(SigningAlgorithm::EdDsa).unwrap();
        issuer.publish_key(key);
    }
    let set = format!("{}{}", " ".repeat(1024), issuer.jwks());
    let build = async |keys: usize, bytes: usize| {
        let set = set.clone().into_bytes();
        let issuer = Verifier::issuer("https://issuer.example")
            .audience(AUDIENCE)
            .jwks_url("https://issuer.example/jwks")
            .max_usable_keys(keys)
            .max_key_set_bytes(bytes)
            .fetch_with(move |_| {
                let set = set.clone();
                async move { Ok(http::Response::new(set)) }
            });
        Verifier::builder([issuer]).build_ready().await.is_ok()
    };
    let value = |what: &str| book.value(&format!("{what}{{issuer=https://issuer.example}}"));
    assert!(build(1, 1 << 20).await);
    assert!((value("tower_m2m_keys") - 1.0).abs() < 0.1);
    assert!((value("tower_m2m_unusable_keys") - 2.0).abs() < 0.1);
    assert!(build(3, 1 << 20).await);
    assert!((value("tower_m2m_keys") - 3.0).abs() < 0.1);
    assert!(value("tower_m2m_unusable_keys").abs() < 0.1);
    assert!(!build(3, 1024).await);
    let failed =
        "tower_m2m_key_fetches_total{cause=start,issuer=https://issuer.example,outcome=too_large}";
    assert!(book.value(failed) > 0.5, "{:?}", book.series());
}

/// If a service starts with saved keys while the issuer is down, it has the gauges for the alerts.
#[tokio::test]
async fn metrics_report_restored_keys_before_any_fetch() {
    let issuer = LocalIssuer::start().await.unwrap();
    let trust = || Verifier::kinde(issuer.url()).audience(AUDIENCE);
    let saved = Verifier::builder([trust()])
        .build_ready()
        .await
        .unwrap()
        .export_keys();
    let book = Book::default();
    let _recording = set_default_local_recorder(&book);
    let _verifier = Verifier::builder([trust()])
        .restore_keys(saved)
        .start_lazily()
        .build()
        .unwrap();
    let gauge = |what: &str| book.value(&format!("{what}{{issuer={}}}", issuer.url()));
    assert!(
        (gauge("tower_m2m_keys") - 1.0).abs() < 0.1,
        "{:?}",
        book.series()
    );
    let (fetched, usable) = (
        gauge("tower_m2m_keys_fetched_timestamp_seconds"),
        gauge("tower_m2m_keys_usable_until_timestamp_seconds"),
    );
    assert!(fetched > 1.0 && usable > fetched, "{fetched} {usable}");
}

/// For all requests, labels are fixed words and configured issuers. There is no series per token,
/// client or `kid`.
#[tokio::test]
async fn client_input_creates_no_metric_series() {
    let book = Book::default();
    let _recording = set_default_local_recorder(&book);
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let app = app(&Verifier::kinde("acme")
        .audience(AUDIENCE)
        .jwk_set(issuer.jwks())
        .build()
        .unwrap());
    let good = issuer.org("org_secret").client("client_secret");
    for forgery in forged::all(&good) {
        call(&app, "/", Some(forgery.authorization())).await;
    }
    let before = book.series();
    for forgery in forged::all(
        &good
            .clone()
            .client("other")
            .org("org_other")
            .header("kid", "other")
            .claim("iss", "https://o.example"),
    ) {
        call(&app, "/", Some(forgery.authorization())).await;
    }
    assert_eq!(book.series(), before);
    assert!(
        before.len() < 40
            && before
                .iter()
                .all(|series| series.is_ascii() && !series.contains("secret")),
        "{before:?}"
    );
}

/// An alert about the increase of a counter misses the first one if the counter did not exist.
#[tokio::test(start_paused = true)]
async fn counters_of_alerts_exist_before_their_first_increment() {
    let book = Book::default();
    let _recording = set_default_local_recorder(&book);
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let store = MemoryStore::new();
    store.set_down();
    let denylist = Denylist::replicated(store);
    let verifier = Verifier::kinde("acme")
        .audience(AUDIENCE)
        .jwk_set(issuer.jwks())
        .denylist(denylist.clone())
        .build()
        .unwrap();
    #[cfg(feature = "security-events")]
    let _receiver = tower_m2m::EventReceiver::kinde_webhooks(&verifier, &denylist).unwrap();
    assert!(!verifier.is_ready());
    let series = book.series();
    for (name, label, values) in [
        (
            "changes",
            "kind",
            &["added", "removed", "loaded", "gap", "disconnected"][..],
        ),
        ("writes", "outcome", &["ok", "failed"]),
        (
            "records_ignored",
            "reason",
            &["malformed", "unauthenticated", "unknown_kind", "full"],
        ),
    ] {
        for value in values {
            let expected = format!("tower_m2m_denylist_{name}_total{{{label}={value}}}");
            assert!(
                series.contains(&expected),
                "{expected} is not in {series:?}"
            );
            assert!(book.value(&expected) < 0.5, "{expected}");
        }
    }
    #[cfg(feature = "security-events")]
    for outcome in ["rejected", "unavailable"] {
        let expected = format!(
            "tower_m2m_security_events_total{{event=none,issuer=https://acme.kinde.com,outcome={outcome}}}"
        );
        assert!(
            series.contains(&expected),
            "{expected} is not in {series:?}"
        );
    }
    for gauge in ["entries", "usable", "emptying", "pending_writes"] {
        let expected = format!("tower_m2m_denylist_{gauge}{{}}");
        assert!(
            series.contains(&expected),
            "{expected} is not in {series:?}"
        );
    }
}

/// The gauge shows both: a store that is new, and one that lost its entries.
#[tokio::test(start_paused = true)]
async fn metrics_report_a_store_without_effect() {
    let book = Book::default();
    let _recording = set_default_local_recorder(&book);
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let store = MemoryStore::new();
    store.flush();
    let denylist = Denylist::replicated(store.clone());
    let _verifier = Verifier::kinde("acme")
        .audience(AUDIENCE)
        .jwk_set(issuer.jwks())
        .denylist(denylist.clone())
        .build()
        .unwrap();
    let is_emptying = || book.value("tower_m2m_denylist_emptying{}") > 0.5;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(is_emptying() && denylist.replication_status().unwrap().is_emptying);
    tokio::time::sleep(Duration::from_secs(70)).await;
    assert!(!is_emptying());
    let entry = DenylistEntry::organization("https://acme.kinde.com", "org_a");
    let denied = denylist.deny_on_all_replicas(entry, EntryExpiry::Never);
    denied.await.unwrap();
    tokio::time::sleep(Duration::from_secs(16 * 60)).await;
    store.flush();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(is_emptying());
    denylist.confirm_empty();
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(!is_emptying());
}
