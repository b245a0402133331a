//! Sends the whole corpus of attacks to a protected API on a socket.

use std::fmt::Write as _;

use axum::Router;
use axum::routing::get;
use tower_m2m::testing::{
    AUDIENCE, Endpoint, LocalIssuer, Profile as Shape, SigningAlgorithm, forged,
};
use tower_m2m::{Algorithm, OrgCode, Verifier};

use crate::support::{Api, READ};

async fn protected(verifier: &Verifier) -> Api {
    let app = Router::new().route(
        "/orgs/{org_code}",
        get(|org: OrgCode| async move { org.to_string() }),
    );
    Api::serve(app.route_layer(verifier.layer().require(READ))).await
}

/// Every forgery is rejected with the right status and code. No response repeats a part of it. The
/// fetches stay within the budget for unknown keys (two, and one more for a known client).
#[tokio::test]
async fn every_forgery_is_rejected_within_the_fetch_budget() {
    let issuer = LocalIssuer::start().await.unwrap();
    let verifier = Verifier::builder([Verifier::kinde(issuer.url()).audience(AUDIENCE)])
        .build_ready()
        .await
        .unwrap();
    let api = protected(&verifier).await;
    let good = issuer
        .org("org_a")
        .scopes(["read:invoices"])
        .claim("sub", "secret-subject")
        .property("p", "secret-property");

    let (log, _recording) = record();
    let mut answers = String::new();
    let report = forged::attack(&good, async |authorization| {
        api.send("GET", "/orgs/org_a", &[("authorization", &authorization)])
            .await
    })
    .await;
    report.assert_all_rejected();
    assert!(report.sent() > 100, "{report}");
    assert!(
        (1..=4).contains(&issuer.hits(Endpoint::Jwks)),
        "{} fetches",
        issuer.hits(Endpoint::Jwks)
    );
    assert_eq!(
        (
            issuer.hits(Endpoint::Discovery),
            issuer.hits(Endpoint::Other)
        ),
        (1, 0)
    );

    // Rules 20, 130: no response and no log line contains a token or a claim's value.
    for forgery in forged::all(&good) {
        let answer = api
            .send(
                "GET",
                "/orgs/org_a",
                &[("authorization", forgery.authorization())],
            )
            .await;
        let _ = write!(
            answers,
            "{:?} {}",
            answer.headers(),
            String::from_utf8_lossy(answer.body())
        );
        let parts = forgery.token().split('.').filter(|part| part.len() >= 16);
        for part in parts {
            assert!(
                !log.text().contains(part),
                "{} is in the log",
                forgery.name()
            );
        }
    }
    assert!(!answers.contains("secret-") && !log.text().contains("secret-"));
    // The API still works.
    api.get("/orgs/org_a", &good).await.assert_status(200);
}

#[tokio::test]
async fn forgeries_fail_for_every_algorithm_and_token_shape() {
    for (signing, algorithm) in [
        (SigningAlgorithm::Es256, Algorithm::ES256),
        (SigningAlgorithm::Es384, Algorithm::ES384),
        (SigningAlgorithm::Es512, Algorithm::ES512),
        (SigningAlgorithm::EdDsa, Algorithm::EdDSA),
        (SigningAlgorithm::Ps256, Algorithm::PS256),
    ] {
        let issuer = LocalIssuer::builder()
            .algorithm(signing)
            .profile(Shape::Rfc9068)
            .in_process("https://issuer.example")
            .unwrap();
        let trusted = Verifier::issuer(issuer.url())
            .audience(AUDIENCE)
            .algorithms([algorithm])
            .jwk_set(issuer.jwks());
        let api = protected(&trusted.build().unwrap()).await;
        let good = issuer.org("org_a").scopes(["read:invoices"]);
        let report = forged::attack(&good, async |authorization| {
            api.send("GET", "/orgs/org_a", &[("authorization", &authorization)])
                .await
        })
        .await;
        assert!(report.failures().next().is_none(), "{signing}\n{report}");
    }
}

/// A verifier without HTTP rejects the corpus too.
#[tokio::test]
async fn verifier_without_layer_rejects_every_forgery() {
    let good = crate::support::good();
    let verifier = crate::support::verifier();
    verifier.verify(&good.token()).await.unwrap();
    for forgery in forged::all(&good) {
        assert!(
            verifier.verify(forgery.token()).await.is_err(),
            "{}",
            forgery.name()
        );
    }
}

pub(crate) use recording::record;

/// Records the log that operators would read, as a string.
mod recording {
    use std::fmt::{Debug, Write as _};
    use std::sync::{Arc, Mutex};

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    #[derive(Clone, Default)]
    pub(crate) struct Log(Arc<Mutex<String>>);

    impl Log {
        pub(crate) fn text(&self) -> String {
            self.0.lock().unwrap().clone()
        }
    }

    /// Records every event of this thread until the guard is dropped. The runtime of a test has one
    /// thread.
    pub(crate) fn record() -> (Log, tracing::subscriber::DefaultGuard) {
        let log = Log::default();
        (log.clone(), crate::subscriber::set_subscriber(log))
    }

    struct Writer<'a>(&'a mut String);

    impl Visit for Writer<'_> {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            let _ = write!(self.0, "{field}={value:?} ");
        }
    }

    impl Subscriber for Log {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target().starts_with("tower_m2m")
        }

        fn event(&self, event: &Event<'_>) {
            event.record(&mut Writer(&mut self.0.lock().unwrap()));
        }

        fn new_span(&self, span: &Attributes<'_>) -> Id {
            span.record(&mut Writer(&mut self.0.lock().unwrap()));
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, values: &Record<'_>) {
            values.record(&mut Writer(&mut self.0.lock().unwrap()));
        }

        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }
}
