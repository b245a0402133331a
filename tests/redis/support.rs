//! Provides replicas that share a Redis.

use std::time::{Duration, Instant};

use tower_m2m::testing::{AUDIENCE, LocalIssuer};
use tower_m2m::{
    Clock, Denylist, DenylistEntry, EntryExpiry, RedisStore, ReplicationError, ReplicationStatus,
    Verifier,
};

pub(crate) const ISSUER: &str = "https://acme.kinde.com";
pub(crate) const NAMESPACE: &str = "acme:m2m";
pub(crate) const ENTRIES: &str = "{acme:m2m}:denylist";
pub(crate) const CHANGES: &str = "{acme:m2m}:denylist:changes";

pub(crate) struct Replica {
    pub(crate) denylist: Denylist,
    pub(crate) verifier: Verifier,
    pub(crate) clock: Clock,
    issuer: LocalIssuer,
}

pub(crate) fn organization(code: &str) -> DenylistEntry {
    DenylistEntry::organization(ISSUER, code)
}

/// Returns the JSON of a record that another program could write.
pub(crate) fn record(org: &str) -> String {
    format!(r#"{{"v":1,"kind":"organization","issuer":"{ISSUER}","name":"{org}"}}"#)
}

pub(crate) fn key(org: &str) -> String {
    format!(r#"["organization","application","all","{ISSUER}","{org}"]"#)
}

impl Replica {
    pub(crate) async fn connect(url: &str) -> Self {
        let store = RedisStore::connect(url, NAMESPACE).await.unwrap();
        Self::new(Denylist::replicated(store)).await
    }

    /// Starts a replica of a new store.
    pub(crate) async fn new(denylist: Denylist) -> Self {
        denylist.confirm_empty();
        let replica = Self::start(denylist);
        replica.until_status(|status| status.is_usable).await;
        replica
    }

    /// Starts a replica, which may be not ready.
    pub(crate) fn start(denylist: Denylist) -> Self {
        let clock = Clock::manual(Clock::system().unix_seconds());
        let issuer = LocalIssuer::builder()
            .clock(clock.clone())
            .in_process(ISSUER)
            .unwrap();
        let verifier = Verifier::kinde("acme")
            .audience(AUDIENCE)
            .jwk_set(issuer.jwks())
            .denylist(denylist.clone())
            .denylist_stale_warning_after(Duration::from_secs(10))
            .denylist_max_stale(Duration::ZERO)
            .clock(clock.clone())
            .build()
            .unwrap();
        Self {
            denylist,
            verifier,
            clock,
            issuer,
        }
    }

    /// Returns the code of the response to a token of this organization: `ok`, or the rejection's.
    pub(crate) async fn call(&self, org: &str) -> &'static str {
        // Another second of the wall clock, so that the age of the list is compared.
        self.clock.advance(Duration::from_secs(1));
        let token = self.issuer.org(org).token();
        match self.verifier.verify(&token).await {
            Ok(_) => "ok",
            Err(rejection) => rejection.code(),
        }
    }

    pub(crate) async fn deny(&self, org: &str) -> Result<(), ReplicationError> {
        let denied = self
            .denylist
            .deny_on_all_replicas(organization(org), EntryExpiry::Never);
        denied.await
    }

    pub(crate) async fn remove(&self, org: &str) -> Result<(), ReplicationError> {
        self.denylist
            .remove_on_all_replicas(&organization(org))
            .await
    }

    pub(crate) fn status(&self) -> ReplicationStatus {
        self.denylist.replication_status().unwrap()
    }

    /// Waits until a request of the organization gets this response.
    pub(crate) async fn until(&self, org: &str, code: &str) {
        let expected = format!("{org}: {code}");
        self.wait(&expected, async || self.call(org).await == code)
            .await;
    }

    /// Waits until the status is as expected.
    pub(crate) async fn until_status(&self, is_met: impl Fn(&ReplicationStatus) -> bool) {
        self.wait("status", async || is_met(&self.status())).await;
    }

    /// Waits for at most 60 s.
    pub(crate) async fn wait(&self, expected: &str, is_met: impl AsyncFn() -> bool) {
        let begun = Instant::now();
        while !is_met().await {
            let waited = begun.elapsed();
            assert!(
                waited < Duration::from_secs(60),
                "{expected}: {:?}",
                self.status()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
