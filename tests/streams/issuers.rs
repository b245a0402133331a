//! Streams of issuers that the application resolves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use tower_m2m::testing::{AUDIENCE, LocalIssuer};
use tower_m2m::{BoxError, Clock, Denylist, InvalidationReason, Issuer, Profile, Verifier};

use super::support::{Document, Fixture, NOW, built, local_issuer, with_keys_of};

const PARTNER: &str = "https://partner.example";

/// The responses of the application's directory of issuers.
const TRUSTED: u8 = 0;
const WITHDRAWN: u8 = 1;
const FAILS: u8 = 2;
const OTHER_CLIENTS: u8 = 3;

struct Directory {
    issuer: Arc<LocalIssuer>,
    response: AtomicU8,
    resolutions: AtomicU64,
}

impl Directory {
    fn resolve(&self) -> Result<Option<Issuer>, BoxError> {
        self.resolutions.fetch_add(1, Ordering::SeqCst);
        let trusted = Verifier::issuer(PARTNER)
            .audience(AUDIENCE)
            .profile(Profile::KINDE);
        let trusted = with_keys_of(trusted, &self.issuer, &Document::default());
        match self.response.load(Ordering::SeqCst) {
            TRUSTED => Ok(Some(trusted)),
            WITHDRAWN => Ok(None),
            OTHER_CLIENTS => Ok(Some(trusted.allow_clients(["another"]))),
            _ => Err("the database is down".into()),
        }
    }
}

fn fixture() -> (Arc<Directory>, Fixture) {
    let clock = Clock::manual(NOW);
    let issuer = local_issuer(PARTNER, &clock);
    let directory = Arc::new(Directory {
        issuer: Arc::clone(&issuer),
        response: AtomicU8::new(TRUSTED),
        resolutions: AtomicU64::new(0),
    });
    let (denylist, asked) = (Denylist::new(), Arc::clone(&directory));
    let builder = Verifier::builder([])
        .resolve_issuers_with(move |_| {
            let resolved = asked.resolve();
            async move { resolved }
        })
        .max_resolved_issuers(1)
        .denylist(denylist.clone());
    let verifier = built(builder, &clock);
    let fixture = Fixture {
        issuer,
        clock,
        denylist,
        verifier,
        document: Document::default(),
    };
    (directory, fixture)
}

async fn open(fixture: &Fixture) -> super::support::OpenStream {
    let token = fixture.token().expires_in(Duration::from_secs(100_000));
    fixture.open_with(&fixture.verifier.layer(), &token).await
}

/// Rule 200.
///
/// The issuer is resolved again after 5 minutes, also if no request comes.
#[tokio::test(start_paused = true)]
async fn stream_ends_when_its_issuer_is_withdrawn() {
    for (response, expected) in [
        (WITHDRAWN, InvalidationReason::IssuerWithdrawn),
        (OTHER_CLIENTS, InvalidationReason::NotAllowed),
    ] {
        let (directory, fixture) = fixture();
        let mut stream = open(&fixture).await;
        assert_eq!(fixture.end_of(&mut stream, 200).await, None);
        directory.response.store(response, Ordering::SeqCst);
        let (seconds, reason) = fixture.end_of(&mut stream, 200).await.unwrap();
        assert_eq!(reason, expected);
        assert!((90..=112).contains(&seconds), "{seconds}");
    }
}

/// An issuer that is resolved again with the same settings keeps its streams.
#[tokio::test(start_paused = true)]
async fn stream_stays_open_while_its_issuer_is_trusted() {
    let (directory, fixture) = fixture();
    let mut stream = open(&fixture).await;
    assert_eq!(fixture.end_of(&mut stream, 3600).await, None);
    let resolutions = directory.resolutions.load(Ordering::SeqCst);
    assert!((10..=13).contains(&resolutions), "{resolutions}");
}

/// If the application's function fails until the lifetime of the issuer ends, requests get a 503,
/// and streams end.
#[tokio::test(start_paused = true)]
async fn stream_ends_when_its_issuer_cannot_be_resolved() {
    let (directory, fixture) = fixture();
    let mut stream = open(&fixture).await;
    directory.response.store(FAILS, Ordering::SeqCst);
    let (seconds, reason) = fixture.end_of(&mut stream, 1000).await.unwrap();
    assert_eq!(reason, InvalidationReason::Unavailable);
    assert!((600..=620).contains(&seconds), "{seconds}");
}
