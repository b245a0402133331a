//! Used DPoP proofs in Redis: one key for each, which Redis removes when the proof expires.

use ::redis::cmd;

use super::redis::RedisStore;
use crate::proof_of_possession::{ProofUse, ReplayStore, UsedProof};
use crate::util::BoxError;

/// Stores used proofs (feature `dpop`), each with `SET … NX PX`. The command is sent once. If Redis
/// is full, it fails, because Redis must not evict entries.
impl ReplayStore for RedisStore {
    async fn insert(&self, proof: UsedProof) -> Result<ProofUse, BoxError> {
        let (connections, prefix) = self.proofs();
        let milliseconds = u64::try_from(proof.remaining().as_millis()).unwrap_or(u64::MAX);
        let mut command = cmd("SET");
        command
            .arg(format!("{prefix}{}", proof.key()))
            .arg(1)
            .arg("NX")
            .arg("PX")
            .arg(milliseconds);
        let written: Option<String> = connections.query(&command).await?;
        Ok(match written {
            Some(_) => ProofUse::First,
            None => ProofUse::Repeated,
        })
    }
}
