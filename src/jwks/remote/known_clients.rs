//! The clients with recently verified tokens in this process.

use std::sync::Mutex;

use super::config::Registration;

use super::requester::{ClientHash, Requester, RequesterKind};
use crate::jwks::keyed_hash;
use crate::util::lock;

/// Clients in one part of the table. Each part takes at most 2 KiB.
const PART_CAPACITY: usize = 256;

/// The number of parts of a listed issuer. Names are distributed by their hash, so 10,000 recent
/// clients fill no part of 256.
const PARTS: usize = 64;

/// A table of keyed hashes of client names. Only a verified token writes to it. It has a fixed
/// size, and a new client replaces the one that was recorded longest ago. It only decides which
/// clients may use the reserve. Security does not depend on it.
pub(super) struct KnownClients {
    /// In each part the newest client is the last.
    parts: Box<[Mutex<Vec<u64>>]>,
}

impl KnownClients {
    /// Creates a table: at least 10,000 recent clients for a listed issuer, 256 for a resolved one.
    pub(super) fn new(registration: Registration) -> Self {
        let parts = match registration {
            Registration::Listed => PARTS,
            Registration::Resolved => 1,
        };
        Self {
            parts: (0..parts).map(|_| Mutex::default()).collect(),
        }
    }

    /// Copies the clients of a table of the same size.
    pub(super) fn inherit_from(&self, other: &Self) {
        for (own, other) in self.parts.iter().zip(&other.parts) {
            let clients = lock(other).clone();
            *lock(own) = clients;
        }
    }

    pub(super) fn record(&self, client_id: &str) {
        let hash = keyed_hash(client_id);
        let Some(part) = self.part(hash) else { return };
        let mut clients = lock(part);
        match clients.iter().rposition(|client| *client == hash) {
            // The client is recent enough. Most requests end here without a write.
            Some(at) if at >= clients.len() / 2 => return,
            Some(at) => {
                clients.remove(at);
            }
            None if clients.len() >= PART_CAPACITY => {
                clients.remove(0);
            }
            None => {}
        }
        clients.push(hash);
    }

    pub(super) fn classify(&self, client_id: &str) -> Requester {
        let hash = keyed_hash(client_id);
        let is_known = self
            .part(hash)
            .is_some_and(|part| lock(part).contains(&hash));
        Requester {
            name: ClientHash(hash),
            kind: if is_known {
                RequesterKind::Known
            } else {
                RequesterKind::Unknown
            },
        }
    }

    fn part(&self, hash: u64) -> Option<&Mutex<Vec<u64>>> {
        let at = usize::try_from(hash >> 32).unwrap_or(0) % self.parts.len().max(1);
        self.parts.get(at)
    }
}

impl std::fmt::Debug for KnownClients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KnownClients").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
