//! The application's caller check runs for every request and fails closed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tower_m2m::{
    BoxError, Caller, CallerCheck, CallerStatus, Claims, OrgCode, Scope, Verifier, VerifierBuilder,
};

use super::support::{self, Fixture, ISSUER, NOW};

fn app(verifier: &Verifier) -> Router {
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

fn verifier(fixture: &Fixture, check: impl CallerCheck) -> Verifier {
    Verifier::builder([fixture.trusted()])
        .clock(fixture.clock.clone())
        .check_caller(check)
        .build()
        .unwrap()
}

#[tokio::test]
async fn caller_check_runs_for_cached_tokens() {
    let fixture = Fixture::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let verifier = verifier(&fixture, {
        let asked = Arc::clone(&asked);
        move |_: Caller| {
            let before = asked.fetch_add(1, Ordering::Relaxed);
            async move {
                Ok(if before < 3 {
                    CallerStatus::Active
                } else {
                    CallerStatus::Revoked
                })
            }
        }
    });
    let (app, token) = (app(&verifier), fixture.org("org_a"));
    for _ in 0..3 {
        assert_eq!(
            support::get(&app, "/orgs/org_a/x", &token).await,
            (200, None)
        );
    }
    assert_eq!(
        support::get(&app, "/orgs/org_a/x", &token).await,
        (401, Some("revoked"))
    );
    assert_eq!(asked.load(Ordering::Relaxed), 4);
    let rejection = verifier.verify(&token.token()).await.unwrap_err();
    assert_eq!(rejection.code(), "revoked");
}

#[tokio::test]
async fn each_caller_status_has_its_response() {
    let fixture = Fixture::new();
    for (standing, status, code) in [
        (CallerStatus::Revoked, 401, "revoked"),
        (CallerStatus::Suspended, 403, "suspended"),
        (CallerStatus::ClientNotAllowed, 403, "client_not_allowed"),
        (
            CallerStatus::OrganizationNotAllowed,
            403,
            "organization_not_allowed",
        ),
    ] {
        let app = app(&verifier(
            &fixture,
            move |_: Caller| async move { Ok(standing) },
        ));
        assert_eq!(
            support::get(&app, "/orgs/org_a/x", &fixture.org("org_a")).await,
            (status, Some(code))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn failed_caller_check_is_503_without_error_code() {
    let fixture = Fixture::new();
    let token = fixture.org("org_a");
    let failing = app(&verifier(&fixture, async |_: Caller| {
        Err(BoxError::from("the database is down"))
    }));
    assert_eq!(
        support::get(&failing, "/orgs/org_a/x", &token).await,
        (503, Some("caller_status_unavailable"))
    );

    let started = tokio::time::Instant::now();
    let hanging = app(&verifier(&fixture, |_: Caller| std::future::pending()));
    assert_eq!(
        support::get(&hanging, "/orgs/org_a/x", &token).await,
        (503, Some("caller_status_unavailable"))
    );
    assert_eq!(started.elapsed(), Duration::from_millis(500));
}

#[tokio::test]
async fn panicking_caller_check_is_a_failed_check() {
    let fixture = Fixture::new();
    let app = app(&verifier(&fixture, |caller: Caller| async move {
        let organization = caller.organization().map(ToString::to_string);
        assert_eq!(
            organization.as_deref(),
            Some("org_b"),
            "the check has a bug"
        );
        Ok(CallerStatus::Active)
    }));
    assert_eq!(
        support::get(&app, "/orgs/org_a/x", &fixture.org("org_a")).await,
        (503, Some("caller_status_unavailable"))
    );
    assert_eq!(
        support::get(&app, "/orgs/org_b/x", &fixture.org("org_b")).await,
        (200, None)
    );
}

#[tokio::test(start_paused = true)]
async fn fail_open_admits_on_check_failure() {
    let fixture = Fixture::new();
    let verifier = hanging(&fixture)
        .dangerous_caller_check_fail_open()
        .build()
        .unwrap();
    assert_eq!(
        support::get(&app(&verifier), "/orgs/org_a/x", &fixture.org("org_a")).await,
        (200, None)
    );
}

#[tokio::test(start_paused = true)]
async fn caller_check_timeout_is_configurable() {
    let fixture = Fixture::new();
    let verifier = hanging(&fixture).build().unwrap();
    let started = tokio::time::Instant::now();
    support::get(&app(&verifier), "/orgs/org_a/x", &fixture.org("org_a")).await;
    assert_eq!(started.elapsed(), Duration::from_millis(20));
    for timeout in [Duration::ZERO, Duration::from_secs(61)] {
        let error = Verifier::builder([fixture.trusted()])
            .caller_check_timeout(timeout)
            .build()
            .unwrap_err();
        assert_eq!(error.setting(), "caller_check_timeout");
    }
}

/// A verifier whose caller check never completes and times out after 20 ms.
fn hanging(fixture: &Fixture) -> VerifierBuilder {
    Verifier::builder([fixture.trusted()])
        .clock(fixture.clock.clone())
        .check_caller(|_: Caller| std::future::pending())
        .caller_check_timeout(Duration::from_millis(20))
}

/// The check receives the organization that a global client acts for. Otherwise the client could
/// act for a suspended organization.
#[tokio::test]
async fn caller_check_receives_token_and_request_data() {
    let fixture = Fixture::new();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let verifier = verifier(&fixture, {
        let heard = Arc::clone(&heard);
        move |caller: Caller| {
            let organization = caller
                .organization()
                .map(|org| (org.to_string(), org.is_acting()));
            let facts = (
                caller.issuer().to_owned(),
                organization,
                caller.client_id().to_owned(),
                caller.issued_at(),
            );
            assert_eq!(caller.jti(), caller.claims().jti());
            assert!(caller.jti().is_some());
            heard.lock().unwrap().push(facts);
            async { Ok(CallerStatus::Active) }
        }
    });
    let app = app(&verifier);
    support::get(&app, "/orgs/org_a/x", &fixture.org("org_a").client("c1")).await;
    support::get(
        &app,
        "/orgs/org_b/x",
        &fixture.global().client("c2").scopes(["act:any"]),
    )
    .await;
    let fact = |organization: (&str, bool), client: &str| {
        (
            ISSUER.to_owned(),
            Some((organization.0.to_owned(), organization.1)),
            client.to_owned(),
            Some(NOW),
        )
    };
    assert_eq!(
        *heard.lock().unwrap(),
        [fact(("org_a", false), "c1"), fact(("org_b", true), "c2")]
    );
}

/// Revocation, then tenant, then scope: the first failure decides the response.
#[tokio::test]
async fn revocation_precedes_tenant_and_tenant_precedes_scope() {
    let fixture = Fixture::new();
    let token = fixture.org("org_a");
    let route = |verifier: &Verifier| {
        Router::new()
            .route("/orgs/{org_code}/x", get(|| async {}))
            .route_layer(verifier.layer().require(Scope::from_static("read:x")))
    };
    let revoked = route(&verifier(&fixture, async |_: Caller| {
        Ok(CallerStatus::Revoked)
    }));
    assert_eq!(
        support::get(&revoked, "/orgs/org_b/x", &token).await,
        (401, Some("revoked"))
    );
    let good = route(&verifier(&fixture, async |_: Caller| {
        Ok(CallerStatus::Active)
    }));
    assert_eq!(
        support::get(&good, "/orgs/org_b/x", &token).await,
        (403, Some("wrong_organization"))
    );
    assert_eq!(
        support::get(&good, "/orgs/org_a/x", &token).await,
        (403, Some("insufficient_scope"))
    );
}

/// A second layer of the same verifier does not repeat the check unless it finds a new acting
/// organization.
#[tokio::test]
async fn two_layers_run_the_caller_check_once() {
    let fixture = Fixture::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let verifier = verifier(&fixture, {
        let asked = Arc::clone(&asked);
        move |_: Caller| {
            asked.fetch_add(1, Ordering::Relaxed);
            async { Ok(CallerStatus::Active) }
        }
    });
    let acting = || {
        verifier
            .layer()
            .allow_global_with(Scope::from_static("act:any"))
    };
    let app = app(&verifier).layer(acting());
    assert_eq!(
        support::get(&app, "/orgs/org_a/x", &fixture.org("org_a")).await,
        (200, None)
    );
    assert_eq!(asked.swap(0, Ordering::Relaxed), 1);
    let outside = Router::new().fallback_service(app).layer(acting());
    assert_eq!(
        support::get(
            &outside,
            "/orgs/org_b/x",
            &fixture.global().scopes(["act:any"])
        )
        .await,
        (200, None)
    );
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

/// If only the extractors see the acting organization, they run the check, once for all of them.
#[tokio::test]
async fn extractor_runs_caller_check_for_route_organization() {
    let fixture = Fixture::new();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let verifier = verifier(&fixture, {
        let asked = Arc::clone(&asked);
        move |caller: Caller| {
            let org = caller.organization().map(ToString::to_string);
            asked.lock().unwrap().push(org.clone());
            async move {
                Ok(if org.as_deref() == Some("org_b") {
                    CallerStatus::Suspended
                } else {
                    CallerStatus::Active
                })
            }
        }
    });
    let routes = Router::new().route("/orgs/{org_code}/x", get(|_: OrgCode, _: Claims| async {}));
    let layer = verifier
        .layer()
        .allow_global_with(Scope::from_static("act:any"));
    let app = Router::new().fallback_service(routes).layer(layer);
    let token = fixture.global().scopes(["act:any"]);
    assert_eq!(
        support::get(&app, "/orgs/org_a/x", &token).await,
        (200, None)
    );
    assert_eq!(
        std::mem::take(&mut *asked.lock().unwrap()),
        [None, Some("org_a".to_owned())]
    );
    assert_eq!(
        support::get(&app, "/orgs/org_b/x", &token).await,
        (403, Some("suspended"))
    );
}
