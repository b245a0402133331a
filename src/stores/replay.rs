//! Used DPoP proofs in Redis: one key for each, which Redis removes when the proof expires.

use std::sync::Arc;
use std::time::Duration;

use ::redis::cmd;
use tokio::runtime::Handle;

use super::redis::RedisStore;
use crate::proof_of_possession::{ProofUse, ReplayStore, STORE_TIMEOUT, UsedProof};
use crate::util::BoxError;

/// The time in which Redis must confirm a proof. It is shorter than that of the request, so that a
/// connection without responses is replaced.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(800);

const _: () = assert!(RESPONSE_TIMEOUT.as_millis() < STORE_TIMEOUT.as_millis());

/// Stores used proofs (feature `dpop`), each with `SET … NX PX`. The command is sent once. If Redis
/// is full, it fails, because Redis must not evict entries.
impl ReplayStore for RedisStore {
    async fn insert(&self, proof: UsedProof) -> Result<ProofUse, BoxError> {
        let milliseconds = u64::try_from(proof.remaining().as_millis()).unwrap_or(u64::MAX);
        let mut command = cmd("SET");
        command
            .arg(self.proof(&proof.key()))
            .arg(1)
            .arg("NX")
            .arg("PX")
            .arg(milliseconds);
        let connections = Arc::clone(self.connections());
        // In a task of its own, because clients that end their requests early must not hide that
        // the connection is broken.
        let write = Handle::try_current()?.spawn(async move {
            let written = connections.query_within(&command, RESPONSE_TIMEOUT).await;
            written.map(|written: Option<String>| written.is_some())
        });
        let is_first = write.await??;
        Ok(if is_first {
            ProofUse::First
        } else {
            ProofUse::Repeated
        })
    }
}
