//! Runs random steps in virtual time with a store that loses its data and replicas that are
//! restarted. The variables of `simulation` apply.
//!
//! A denial that the store confirmed in the last 14 minutes is known to a running replica. After
//! any loss, no replica admits the caller, also none that starts.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;
use tower_m2m::testing::{LocalIssuer, MemoryStore, MemoryStoreCopy};

use super::simulation::{ORGANIZATIONS, REPLICAS, Random, for_each_seed};
use super::support::{Replica, issuer, seconds, settle};

/// A replica writes entries again for 15 minutes.
const RECENT: Duration = Duration::from_secs(14 * 60);

/// A replica is connected again this long after an outage.
const RECONNECTED_AFTER: Duration = Duration::from_secs(6);

/// A replica that does not know whether a removal or its own denial came first loads the list. It
/// pauses for a second before.
const LATE: Duration = Duration::from_secs(2);

/// A denial that the store confirmed.
struct Denial {
    at: Instant,
    /// The running replicas that have it.
    holders: HashSet<usize>,
}

struct Simulation {
    issuer: LocalIssuer,
    store: MemoryStore,
    replicas: Vec<Replica>,
    tokens: HashMap<&'static str, String>,
    denials: HashMap<&'static str, Denial>,
    /// When the last outage ended.
    up_since: Instant,
    is_up: bool,
    copy: Option<(MemoryStoreCopy, Instant)>,
    seed: u64,
}

impl Simulation {
    async fn act(&mut self, random: &mut Random, step: u64) {
        let by = random.index(REPLICAS);
        let org = ORGANIZATIONS[random.index(ORGANIZATIONS.len())];
        match random.below(20) {
            0..=4 => {
                // Denying again changes nothing, so the time of the first denial counts.
                let is_new = !self.is_denied(org).await;
                let is_confirmed = self.replicas[by].deny(org).await.is_ok();
                if is_new && is_confirmed {
                    let denial = Denial {
                        at: Instant::now(),
                        holders: HashSet::from([by]),
                    };
                    self.denials.insert(org, denial);
                }
            }
            5 => {
                self.denials.remove(org);
                let _ = self.replicas[by].remove(org).await;
            }
            6 | 7 => self.store.flush(),
            8 => self.copy = Some((self.store.copy(), Instant::now())),
            9 => {
                let is_recent = |at: &Instant| at.elapsed() < Duration::from_secs(300);
                if let Some((copy, _)) = self.copy.take().filter(|(_, at)| is_recent(at)) {
                    self.store.restore(&copy);
                }
            }
            10 => {
                self.store.set_down();
                self.is_up = false;
            }
            11 | 12 if !self.is_up => {
                self.store.set_up();
                (self.is_up, self.up_since) = (true, Instant::now());
            }
            13 => self.restart(by),
            14 => self.store.trim(),
            15 => seconds(random.below(300)).await,
            _ => tokio::time::sleep(Duration::from_millis(random.below(20_000))).await,
        }
        self.denials
            .retain(|_, denial| denial.at.elapsed() < RECENT);
        self.check(step).await;
    }

    async fn is_denied(&self, org: &str) -> bool {
        for replica in &self.replicas {
            if replica.send(&self.tokens[org]).await == "suspended" {
                return true;
            }
        }
        false
    }

    /// Restarts a replica if another one has all entries.
    fn restart(&mut self, ended: usize) {
        let is_known = |denial: &Denial| denial.holders.iter().any(|holder| *holder != ended);
        if self.denials.values().all(is_known) {
            for denial in self.denials.values_mut() {
                denial.holders.remove(&ended);
            }
            self.replicas[ended] = Replica::new(&self.issuer, self.store.clone());
        }
    }

    async fn check(&mut self, step: u64) {
        settle().await;
        let seed = self.seed;
        let is_connected = self.is_up && self.up_since.elapsed() > RECONNECTED_AFTER;
        for (number, replica) in self.replicas.iter().enumerate() {
            for (org, denial) in &mut self.denials {
                let call = replica.send(&self.tokens[org]).await;
                if call == "suspended" {
                    denial.holders.insert(number);
                }
                let must_have_it = is_connected && denial.at.elapsed() > LATE;
                let must_deny = must_have_it || denial.holders.contains(&number);
                assert!(
                    !must_deny || call != "ok",
                    "seed {seed}, step {step}: replica {number} admits {org}, denied {:?} ago: {:?}",
                    denial.at.elapsed(),
                    replica.status()
                );
                // A replica that was never loaded has no list.
                assert!(call != "ok" || replica.status().is_loaded);
            }
        }
    }

    /// With a store that works again, all replicas have the same list.
    async fn converge(&mut self) {
        self.store.set_up();
        (self.is_up, self.up_since) = (true, Instant::now());
        for step in 0..20 {
            seconds(10).await;
            self.denials
                .retain(|_, denial| denial.at.elapsed() < RECENT);
            self.check(step).await;
        }
        let seed = self.seed;
        for replica in &self.replicas {
            let status = replica.status();
            assert!(
                status.is_usable && !status.is_emptying,
                "seed {seed}: {status:?}"
            );
            assert_eq!(replica.denylist.len(), self.store.len(), "seed {seed}");
            assert_eq!(status.pending_writes, 0, "seed {seed}");
        }
    }
}

async fn run(seed: u64, steps: u64) {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let tokens = ORGANIZATIONS.map(|org| (org, issuer.org(org).token()));
    let replicas: Vec<Replica> = (0..REPLICAS)
        .map(|_| Replica::new(&issuer, store.clone()))
        .collect();
    let mut simulation = Simulation {
        replicas,
        tokens: HashMap::from(tokens),
        issuer,
        denials: HashMap::new(),
        up_since: Instant::now(),
        is_up: true,
        copy: None,
        store,
        seed,
    };
    let mut random = Random::new(seed);
    seconds(10).await;
    for step in 0..steps {
        simulation.act(&mut random, step).await;
    }
    simulation.converge().await;
}

/// Rules 185, 189.
#[test]
fn emptied_store_admits_no_denied_caller() {
    for_each_seed(run);
}
