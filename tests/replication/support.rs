//! Provides replicas: verifiers with the same issuer, each with its own list and clock.

use std::time::Duration;

use tower_m2m::testing::{AUDIENCE, LocalIssuer};
use tower_m2m::{
    Clock, Denylist, DenylistEntry, DenylistRecord, DenylistStore, EntryExpiry, ReplicationError,
    ReplicationStatus, Verifier, VerifierBuilder,
};

pub(crate) const ISSUER: &str = "https://acme.kinde.com";
pub(crate) const NOW: i64 = 1_750_000_000;

pub(crate) struct Replica {
    pub(crate) denylist: Denylist,
    pub(crate) verifier: Verifier,
    pub(crate) clock: Clock,
}

/// Returns the issuer of all replicas.
pub(crate) fn issuer() -> LocalIssuer {
    let clock = Clock::manual(NOW);
    LocalIssuer::builder()
        .clock(clock)
        .in_process(ISSUER)
        .unwrap()
}

pub(crate) fn organization(code: &str) -> DenylistEntry {
    DenylistEntry::organization(ISSUER, code)
}

/// Returns what a store has of an organization that is denied without an end.
pub(crate) fn record(org: &str) -> DenylistRecord {
    DenylistRecord::new(&organization(org), EntryExpiry::Never).unwrap()
}

impl Replica {
    pub(crate) fn new(issuer: &LocalIssuer, store: impl DenylistStore) -> Self {
        Self::with(issuer, Denylist::replicated(store), |builder| builder)
    }

    pub(crate) fn with(
        issuer: &LocalIssuer,
        denylist: Denylist,
        settings: impl FnOnce(VerifierBuilder) -> VerifierBuilder,
    ) -> Self {
        let clock = Clock::manual(NOW);
        let builder = Self::builder(issuer, denylist.clone()).clock(clock.clone());
        Self {
            denylist,
            verifier: settings(builder).build().unwrap(),
            clock,
        }
    }

    pub(crate) fn builder(issuer: &LocalIssuer, denylist: Denylist) -> VerifierBuilder {
        Verifier::kinde("acme")
            .audience(AUDIENCE)
            .jwk_set(issuer.jwks())
            .denylist(denylist)
    }

    /// Returns the code of the response to a token of this organization: `ok`, or the rejection's.
    pub(crate) async fn call(&self, issuer: &LocalIssuer, org: &str) -> &'static str {
        self.send(&issuer.org(org).token()).await
    }

    pub(crate) async fn send(&self, token: &str) -> &'static str {
        match self.verifier.verify(token).await {
            Ok(_) => "ok",
            Err(rejection) => rejection.code(),
        }
    }

    pub(crate) async fn deny(&self, org: &str) -> Result<(), ReplicationError> {
        let entry = organization(org);
        self.denylist
            .deny_on_all_replicas(entry, EntryExpiry::Never)
            .await
    }

    pub(crate) async fn remove(&self, org: &str) -> Result<(), ReplicationError> {
        self.denylist
            .remove_on_all_replicas(&organization(org))
            .await
    }

    pub(crate) fn status(&self) -> ReplicationStatus {
        self.denylist.replication_status().unwrap()
    }
}

/// Waits until the tasks have done all that is due.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(2)).await;
}

pub(crate) async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}
