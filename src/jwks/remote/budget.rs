//! How much an unknown `kid` may cost, and whom it is spent on.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Who asks for a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Requester {
    /// A client whose tokens were verified before.
    KnownClient,
    /// Anybody else, an attacker who invents names of keys among them.
    UnknownClient,
}

/// Fetches on behalf of unknown `kid`s: two at once, then one per cooldown. Apart from the scheduled refresh, so that a
/// flood cannot delay it; and one more is kept for clients that are known, so that a flood of invented names cannot keep
/// a rotated key from them.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    cooldown: Duration,
    fetches: u32,
    earned_until: Instant,
}

const RESERVED: u32 = 1;
const CAPACITY: u32 = 2 + RESERVED;

impl Budget {
    pub(crate) fn new(cooldown: Duration, now: Instant) -> Self {
        Self {
            cooldown,
            fetches: CAPACITY,
            earned_until: now,
        }
    }

    /// Takes one fetch out of the budget, if there is one for the asker. Nobody waits for the budget.
    pub(crate) fn take(&mut self, asker: Requester, now: Instant) -> bool {
        while self.fetches < CAPACITY
            && now.saturating_duration_since(self.earned_until) >= self.cooldown
        {
            self.fetches += 1;
            self.earned_until += self.cooldown;
        }
        let kept = match asker {
            Requester::KnownClient => 0,
            Requester::UnknownClient => RESERVED,
        };
        if self.fetches <= kept {
            return false;
        }
        if self.fetches == CAPACITY {
            self.earned_until = now;
        }
        self.fetches -= 1;
        true
    }
}

/// The clients whose tokens were verified: a table of fixed size that forgets, since it only decides who may use the
/// reserve. Only a verified token writes to it.
pub(crate) struct KnownClients {
    hasher: RandomState,
    fingerprints: Box<[AtomicU64]>,
}

impl KnownClients {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            fingerprints: (0..1024).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    pub(crate) fn record(&self, client_id: &str) {
        let (fingerprint, slot) = self.slot(client_id);
        // A look before the write keeps the line shared between cores when nothing changes.
        if let Some(slot) = slot.filter(|slot| slot.load(Ordering::Relaxed) != fingerprint) {
            slot.store(fingerprint, Ordering::Relaxed);
        }
    }

    pub(crate) fn classify(&self, client_id: Option<&str>) -> Requester {
        let is_known = client_id.is_some_and(|client_id| {
            let (fingerprint, slot) = self.slot(client_id);
            slot.is_some_and(|slot| slot.load(Ordering::Relaxed) == fingerprint)
        });
        if is_known {
            Requester::KnownClient
        } else {
            Requester::UnknownClient
        }
    }

    fn slot(&self, client_id: &str) -> (u64, Option<&AtomicU64>) {
        // Zero marks an empty place.
        let fingerprint = self.hasher.hash_one(client_id) | 1;
        let at = usize::try_from(fingerprint >> 32).unwrap_or(0) % self.fingerprints.len();
        (fingerprint, self.fingerprints.get(at))
    }
}

impl std::fmt::Debug for KnownClients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KnownClients").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOLDOWN: Duration = Duration::from_secs(10);

    #[test]
    fn unknown_client_has_burst_of_two_then_one_per_cooldown() {
        let start = Instant::now();
        let mut budget = Budget::new(COOLDOWN, start);
        let mut taken = |seconds: u64| {
            budget.take(
                Requester::UnknownClient,
                start + Duration::from_secs(seconds),
            )
        };
        assert_eq!([0, 0, 0, 9].map(&mut taken), [true, true, false, false]);
        assert_eq!([10, 10, 19, 20].map(&mut taken), [true, false, false, true]);
        assert_eq!(
            [500, 500, 500].map(&mut taken),
            [true, true, false],
            "no more than the burst is saved"
        );
    }

    /// Rule 144.
    ///
    /// Whatever strangers spend in a minute, a known client still has its fetch, and both stay
    /// within 2 + 6.
    #[test]
    fn unknown_client_cannot_use_reserved_fetch() {
        let start = Instant::now();
        let mut budget = Budget::new(COOLDOWN, start);
        let strangers = (0..60_000)
            .filter(|ms| budget.take(Requester::UnknownClient, start + Duration::from_millis(*ms)))
            .count();
        assert_eq!(strangers, 7);
        let end = start + Duration::from_millis(59_999);
        assert!(budget.take(Requester::KnownClient, end));
        assert!(!budget.take(Requester::KnownClient, end));
    }

    #[test]
    fn only_recorded_clients_are_known() {
        let clients = KnownClients::new();
        clients.record("a");
        assert_eq!(clients.classify(Some("a")), Requester::KnownClient);
        assert_eq!(clients.classify(Some("b")), Requester::UnknownClient);
        assert_eq!(clients.classify(None), Requester::UnknownClient);
    }

    /// Of two hundred in a thousand places few take each other's.
    #[test]
    fn two_hundred_clients_are_known_at_once() {
        let clients = KnownClients::new();
        let names: Vec<String> = (0..200).map(|at| format!("client {at}")).collect();
        for name in &names {
            clients.record(name);
        }
        assert!(
            names
                .iter()
                .filter(|name| clients.classify(Some(name)) == Requester::KnownClient)
                .count()
                > 100
        );
    }
}
