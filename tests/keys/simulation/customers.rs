//! The issuers that the application resolves: more than the verifier keeps, and named by forged
//! tokens.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http::Response;
use tokio::time::Instant;
use tower_m2m::testing::{AUDIENCE, LocalIssuer, SigningAlgorithm};
use tower_m2m::{Algorithm, BoxError, Clock, Issuer, Profile, Verifier};

use super::super::harness::NOW;
use super::{COOLDOWN, IssuerBehavior, Random};

const CUSTOMERS: u64 = 8;

/// The fetches that requests for one issuer can cause at once.
const BURST: f64 = 3.0;

pub(super) const CAPACITY: usize = 3;

/// How long the answer about an issuer counts.
const RESOLUTION_TTL: Duration = Duration::from_secs(600);

/// The name and the tokens of one customer's issuer, which all seeds share.
#[derive(Clone)]
struct CustomerInputs {
    iss: String,
    jwks: String,
    token: String,
    /// A token with a published `kid`, signed with another key.
    forged: String,
    /// A token with a `kid` that is never published.
    invented: String,
}

#[derive(Clone)]
pub(super) struct AllInputs(Vec<CustomerInputs>);

impl AllInputs {
    pub(super) fn new(decades: Duration) -> Self {
        let inputs = |number| {
            // Status reports are sorted by name: the listed issuer is the first.
            let iss = format!("https://z-customer-{number}.example");
            let mint = || {
                let mint = LocalIssuer::builder().algorithm(SigningAlgorithm::EdDsa);
                mint.clock(Clock::manual(NOW)).in_process(&iss).unwrap()
            };
            let (mint, forger) = (mint(), mint());
            let kid = mint.signing_key().kid().to_owned();
            let timeless = |mint: &LocalIssuer| mint.org("org_a").issued_at(1).expires_in(decades);
            CustomerInputs {
                jwks: mint.jwks(),
                token: timeless(&mint).token(),
                forged: timeless(&forger).header("kid", kid).token(),
                invented: timeless(&mint).header("kid", "invented").token(),
                iss: iss.clone(),
            }
        };
        Self((0..CUSTOMERS).map(inputs).collect())
    }
}

/// One customer's issuer and its fetches.
struct Customer {
    inputs: CustomerInputs,
    model: Mutex<CustomerModel>,
}

struct CustomerModel {
    behavior: IssuerBehavior,
    trusted_since: Option<Instant>,
    resolved_at: Option<Instant>,
    begun: u64,
    /// The fetches that requests can still cause, as of a time.
    budget: (f64, Instant),
    behavior_changes: u64,
}

impl Customer {
    fn model(&self) -> MutexGuard<'_, CustomerModel> {
        self.model.lock().unwrap()
    }

    fn trusted(self: &Arc<Self>, seed: u64) -> Issuer {
        let customer = Arc::clone(self);
        Verifier::issuer(&self.inputs.iss)
            .audience(AUDIENCE)
            .profile(Profile::KINDE)
            .algorithms([Algorithm::EdDSA])
            .jwks_url(format!("{}/jwks", self.inputs.iss))
            .jitter_seed(seed)
            .fetch_with(move |_| Arc::clone(&customer).respond())
    }

    async fn respond(self: Arc<Self>) -> Result<Response<Vec<u8>>, BoxError> {
        let behavior = {
            let mut model = self.model();
            model.begun += 1;
            model.behavior
        };
        match behavior {
            IssuerBehavior::Slow(pause) => tokio::time::sleep(pause).await,
            IssuerBehavior::Down => return Err("connection refused".into()),
            IssuerBehavior::Hang => std::future::pending().await,
            IssuerBehavior::Status(status, seconds) => {
                let mut response = Response::builder().status(status);
                if let Some(seconds) = seconds {
                    response = response.header("retry-after", seconds);
                }
                return Ok(response.body(Vec::new())?);
            }
            _ => {}
        }
        Ok(Response::new(self.inputs.jwks.clone().into_bytes()))
    }
}

/// All customers of one simulation.
pub(super) struct CustomerIssuers {
    all: Arc<Vec<Arc<Customer>>>,
    begun: Instant,
}

impl CustomerIssuers {
    pub(super) fn new(inputs: &AllInputs) -> Self {
        let now = Instant::now();
        let customer = |inputs: &CustomerInputs| {
            Arc::new(Customer {
                inputs: inputs.clone(),
                model: Mutex::new(CustomerModel {
                    behavior: IssuerBehavior::Good,
                    trusted_since: Some(now),
                    resolved_at: None,
                    begun: 0,
                    // The first fetch of a name costs none.
                    budget: (BURST + 1.0, now),
                    behavior_changes: 0,
                }),
            })
        };
        Self {
            all: Arc::new(inputs.0.iter().map(customer).collect()),
            begun: now,
        }
    }

    /// Returns the application's answer about an issuer.
    pub(super) fn resolver(&self, seed: u64) -> impl Fn(&str) -> Option<Issuer> + use<> {
        let all = Arc::clone(&self.all);
        move |iss| {
            let customer = all.iter().find(|customer| customer.inputs.iss == iss)?;
            let mut model = customer.model();
            model.trusted_since?;
            model.resolved_at = Some(Instant::now());
            drop(model);
            Some(customer.trusted(seed))
        }
    }

    fn any(&self, random: &mut Random) -> &Arc<Customer> {
        &self.all[usize::try_from(random.below(CUSTOMERS)).unwrap()]
    }

    /// One of them fails, or is slow, or is withdrawn; all others recover.
    pub(super) fn change(&self, random: &mut Random) {
        for customer in self.all.iter() {
            let mut model = customer.model();
            if !matches!(model.behavior, IssuerBehavior::Good) {
                model.behavior = IssuerBehavior::Good;
                model.behavior_changes += 1;
            }
            model.trusted_since.get_or_insert_with(Instant::now);
        }
        let mut model = self.any(random).model();
        let behavior = match random.below(7) {
            0 => IssuerBehavior::Down,
            1 => IssuerBehavior::Hang,
            2 => IssuerBehavior::Status(429, Some(random.below(400))),
            3 => IssuerBehavior::Status(500, None),
            4 => IssuerBehavior::Slow(random.millis(2_900)),
            5 => {
                model.trusted_since = None;
                return;
            }
            _ => return,
        };
        model.behavior = behavior;
        model.behavior_changes += 1;
    }

    /// Returns tokens that arrive at the same time: most of them are forged.
    pub(super) fn flood(&self, random: &mut Random) -> Vec<String> {
        let token = |random: &mut Random| {
            let inputs = &self.any(random).inputs;
            let token = match random.below(8) {
                0 => &inputs.token,
                1 => &inputs.invented,
                _ => &inputs.forged,
            };
            token.clone()
        };
        (0..random.below(80)).map(|_| token(random)).collect()
    }

    /// Returns the fetches so far. No time may pass until [`count`](Self::count) is called.
    pub(super) fn fetch_counts(&self) -> Vec<u64> {
        let begun = self.all.iter().map(|customer| customer.model().begun);
        begun.collect()
    }

    /// Takes the fetches that the requests since [`fetch_counts`](Self::fetch_counts) caused out of
    /// the budget of the issuer's name: three at once, then one per cooldown, however often it is
    /// evicted. None of them was scheduled, because no time passed.
    pub(super) fn count(&self, before: &[u64]) {
        let now = Instant::now();
        for (customer, before) in self.all.iter().zip(before) {
            let mut model = customer.model();
            let (left, since) = model.budget;
            let earned = (now - since).as_secs_f64() / COOLDOWN.as_secs_f64();
            let caused = u32::try_from(model.begun - before).unwrap();
            // What was earned counts up to the burst.
            let left = left.max((left + earned).min(BURST)) - f64::from(caused);
            model.budget = (left, now);
            assert!(
                left >= 0.0,
                "{}: {caused} fetches at once, {left} left",
                customer.inputs.iss
            );
        }
    }

    /// A fetch that began in a runtime that does not run any more is begun anew.
    pub(super) fn switch_runtime(&self) {
        for customer in self.all.iter() {
            customer.model().budget.0 += 1.0;
        }
    }

    /// Returns a good token of an issuer that responds and is trusted, and that no cached result
    /// rejects.
    pub(super) fn admissible(&self, random: &mut Random) -> Option<String> {
        let customer = self.any(random);
        let model = customer.model();
        let is_good = matches!(
            model.behavior,
            IssuerBehavior::Good | IssuerBehavior::Slow(_)
        );
        let is_trusted = model
            .trusted_since
            .is_some_and(|since| since + Duration::from_secs(31) < Instant::now());
        (is_good && is_trusted).then(|| customer.inputs.token.clone())
    }

    /// Returns a good token of each issuer whose keys are available and which need not be resolved.
    pub(super) fn loaded(&self, verifier: &Verifier) -> Vec<String> {
        let (status, now) = (verifier.status(), Instant::now());
        let is_loaded = |customer: &&Arc<Customer>| {
            let resolved_at = customer.model().resolved_at;
            let is_resolved = resolved_at.is_some_and(|at| now < at + RESOLUTION_TTL);
            is_resolved
                && status
                    .iter()
                    .any(|one| one.issuer == customer.inputs.iss && !one.keys.is_empty())
        };
        let loaded = self.all.iter().filter(is_loaded);
        loaded
            .map(|customer| customer.inputs.token.clone())
            .collect()
    }

    /// Fetches that are scheduled have growing pauses, also across evictions.
    pub(super) fn check_fetches(&self, switches: u32) {
        let (elapsed, switches) = (self.begun.elapsed(), u64::from(switches));
        let earned = u64::try_from(elapsed.as_millis() / COOLDOWN.as_millis()).unwrap();
        for customer in self.all.iter() {
            let (model, iss) = (customer.model(), &customer.inputs.iss);
            let scheduled = elapsed.as_secs() / 3 + 8 * model.behavior_changes;
            assert!(
                model.begun <= 8 + earned + scheduled + 4 * switches,
                "{iss}: {} fetches in {elapsed:?}",
                model.begun
            );
        }
    }

    pub(super) fn fetches(&self) -> u64 {
        self.all.iter().map(|customer| customer.model().begun).sum()
    }
}
