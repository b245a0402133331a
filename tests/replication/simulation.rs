//! Runs random steps in virtual time with three replicas and a faulty store, and checks the
//! invariants after each: 10,000 steps by default, and 100,000 with `just simulation`.
//!
//! `REPLICAS_SEEDS=1000` sets the number of seeds, `REPLICAS_SEED=7` runs only that one, and
//! `REPLICAS_STEPS=5000` sets the steps of each. A failure names its seed.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;
use tower_m2m::testing::{MemoryStore, MemoryStoreCopy};

use super::paused_runtime::paused_runtime;
use super::support::{Replica, issuer, settle};

const MAX_STALE: Duration = Duration::from_secs(900);
pub(crate) const REPLICAS: usize = 3;
pub(crate) const ORGANIZATIONS: [&str; 4] = ["org_a", "org_b", "org_c", "org_d"];

/// Xorshift: the seed determines every number.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % end
    }

    pub(crate) fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).unwrap()
    }
}

/// What is known about the denial of an organization.
#[derive(Clone, Copy, Debug)]
enum Denial {
    /// Confirmed by the store at this time, by this replica, and not removed since.
    Confirmed { at: Instant, by: Option<usize> },
    /// The store did not confirm the last change, so it may have happened or not.
    Unknown,
}

impl Denial {
    /// The replica that wrote it has ended.
    fn forget_writer(&mut self, ended: usize) {
        if let Self::Confirmed { by, .. } = self
            && *by == Some(ended)
        {
            *by = None;
        }
    }
}

struct Model {
    denials: HashMap<&'static str, Denial>,
    /// When the store lost data last. Only the replica that wrote an entry can write it again.
    lost_at: Option<Instant>,
}

async fn run(seed: u64, steps: u64) {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let tokens = ORGANIZATIONS.map(|org| (org, issuer.org(org).token()));
    let tokens = HashMap::from(tokens);
    let mut replicas: Vec<Replica> = (0..REPLICAS)
        .map(|_| Replica::new(&issuer, store.clone()))
        .collect();
    let mut random = Random::new(seed);
    let mut model = Model {
        denials: HashMap::new(),
        lost_at: None,
    };
    let (mut copy, mut is_up): (Option<(MemoryStoreCopy, Instant)>, bool) = (None, true);
    settle().await;
    for step in 0..steps {
        let by = random.index(REPLICAS);
        let org = ORGANIZATIONS[random.index(ORGANIZATIONS.len())];
        match random.below(22) {
            0..=3 => {
                let denied = replicas[by].deny(org).await;
                let call = replicas[by].send(&tokens[org]).await;
                assert_eq!(
                    call, "suspended",
                    "seed {seed}, step {step}: denied here first"
                );
                let at = Instant::now();
                let denial = match denied {
                    Ok(()) => Denial::Confirmed { at, by: Some(by) },
                    Err(_) => Denial::Unknown,
                };
                model.denials.insert(org, denial);
            }
            4..=5 => {
                let _ = replicas[by].remove(org).await;
                model.denials.insert(org, Denial::Unknown);
            }
            6 => {
                store.set_down();
                is_up = false;
            }
            7 => {
                store.set_silent();
                is_up = false;
            }
            8 => {
                store.lose_confirmations();
                is_up = false;
            }
            9..=12 => {
                store.set_up();
                is_up = true;
            }
            13 => store.trim(),
            14 => copy = Some((store.copy(), Instant::now())),
            15 => {
                // A failover to a copy of the last minutes.
                let is_recent = |at: &Instant| at.elapsed() < Duration::from_secs(300);
                if let Some((copy, _)) = copy.take().filter(|(_, at)| is_recent(at)) {
                    store.restore(&copy);
                    model.lost_at = Some(Instant::now());
                }
            }
            16 => {
                store.flush();
                model.lost_at = Some(Instant::now());
            }
            17 => {
                replicas[by] = Replica::new(&issuer, store.clone());
                for denial in model.denials.values_mut() {
                    denial.forget_writer(by);
                }
            }
            18..=19 => tokio::time::sleep(Duration::from_secs(random.below(1_200))).await,
            _ => tokio::time::sleep(Duration::from_millis(random.below(40_000))).await,
        }
        check(&tokens, &replicas, &model, is_up, seed, step).await;
    }
    converge(&tokens, &replicas, &store, seed).await;
}

/// A request never waits. If a denial was confirmed for longer than `max_stale` ago, no replica
/// admits the caller.
async fn check(
    tokens: &HashMap<&str, String>,
    replicas: &[Replica],
    model: &Model,
    is_up: bool,
    seed: u64,
    step: u64,
) {
    settle().await;
    for (number, replica) in replicas.iter().enumerate() {
        for org in ORGANIZATIONS {
            let begun = Instant::now();
            let call = replica.send(&tokens[org]).await;
            assert_eq!(
                begun.elapsed(),
                Duration::ZERO,
                "seed {seed}, step {step}: it waited"
            );
            if call == "ok" {
                assert!(replica.verifier.is_ready(), "seed {seed}, step {step}");
            }
            let Some(Denial::Confirmed { at, by }) = model.denials.get(org) else {
                continue;
            };
            // A store that lost data cannot send it, so only the writer must deny.
            let is_lost = model.lost_at.is_some_and(|lost_at| lost_at >= *at);
            let is_due = at.elapsed() > MAX_STALE + Duration::from_secs(31) || Some(number) == *by;
            if is_due && (!is_lost || Some(number) == *by && at.elapsed() < Duration::from_secs(60))
            {
                assert_ne!(
                    call,
                    "ok",
                    "seed {seed}, step {step}: replica {number} admits {org}, denied by {by:?} {:?} ago (up: {is_up}): {:?}",
                    at.elapsed(),
                    replica.status()
                );
            }
        }
    }
}

/// With a store that works again, all replicas have the same list, and no write is left.
async fn converge(
    tokens: &HashMap<&str, String>,
    replicas: &[Replica],
    store: &MemoryStore,
    seed: u64,
) {
    store.set_up();
    tokio::time::sleep(Duration::from_secs(200)).await;
    for replica in replicas {
        let status = replica.status();
        assert_eq!(status.pending_writes, 0, "seed {seed}: {status:?}");
        assert!(
            !status.is_stale && status.is_usable,
            "seed {seed}: {status:?}"
        );
        assert_eq!(
            replica.denylist.len(),
            store.len(),
            "seed {seed}: {status:?}"
        );
    }
    for org in ORGANIZATIONS {
        let first = replicas[0].send(&tokens[org]).await;
        for replica in replicas {
            assert_eq!(
                replica.send(&tokens[org]).await,
                first,
                "seed {seed}: {org}"
            );
        }
    }
}

#[test]
fn invariants_hold_after_random_faults() {
    for_each_seed(run);
}

/// Runs a simulation with each seed, in virtual time.
pub(crate) fn for_each_seed(run: impl AsyncFn(u64, u64)) {
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |value| value.parse().unwrap())
    };
    let steps = number("REPLICAS_STEPS", 500);
    let seeds = match std::env::var("REPLICAS_SEED") {
        Ok(seed) => {
            let seed: u64 = seed.parse().unwrap();
            seed..seed + 1
        }
        Err(_) => 1..number("REPLICAS_SEEDS", 20) + 1,
    };
    for seed in seeds {
        let runtime = paused_runtime();
        runtime.block_on(run(seed, steps));
    }
}
