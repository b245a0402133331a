//! Attacks on the budget for unknown credentials, with numbers: by unknown callers, by a client
//! that turns hostile, and after a restart. `--nocapture` prints rows of a table: the attack, its
//! invented keys, the introspection requests, the served customers, and their waits.

use std::time::Duration;

use tokio::time::Instant;
use tower_m2m::{SavedCredentials, Verifier};

use super::scripted::{Scripted, UNAVAILABLE, customer, invented, outcomes, send};

const CUSTOMERS: usize = 50;
/// The budget for unknown credentials.
const AT_ONCE: usize = 50;
const PER_SECOND: usize = 20;

fn count(outcomes: &[&str], outcome: &str) -> usize {
    outcomes.iter().filter(|&&one| one == outcome).count()
}

/// Pseudo-random numbers, the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = next.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Sends 500 invented keys at once and then `per_second`, each in a random millisecond. Returns how
/// many were sent.
async fn flood(verifier: Verifier, per_second: usize, seconds: usize) -> usize {
    let (mut random, begun) = (Random(1), Instant::now());
    let mut sent: Vec<_> = (0..500)
        .map(|number| send(&verifier, invented(number)))
        .collect();
    for second in 0..seconds {
        let mut times: Vec<u64> = (0..per_second).map(|_| random.below(1_000)).collect();
        times.sort_unstable();
        for time in times {
            let since = Duration::from_secs(u64::try_from(second).unwrap());
            tokio::time::sleep_until(begun + since + Duration::from_millis(time)).await;
            sent.push(send(&verifier, invented(sent.len())));
        }
    }
    let count = sent.len();
    for outcome in outcomes(sent).await {
        assert!(["inactive_credential", UNAVAILABLE].contains(&outcome));
    }
    count
}

/// Calls until the customer is served, and honors `Retry-After`. Returns how long that took.
async fn call_until_served(verifier: Verifier, number: usize, seconds: u64) -> Option<Duration> {
    let mut random = Random(u64::try_from(number).unwrap());
    let pause =
        |random: &mut Random, least: u64| Duration::from_millis(least + random.below(1_000));
    tokio::time::sleep(pause(&mut random, 1)).await;
    let begun = Instant::now();
    while begun.elapsed().as_secs() < seconds {
        match verifier.verify(&customer(number)).await {
            Ok(_) => return Some(begun.elapsed()),
            Err(rejection) => assert_eq!(rejection.code(), UNAVAILABLE),
        }
        tokio::time::sleep(pause(&mut random, 1_000)).await;
    }
    None
}

/// What happened in an attack.
struct AttackResult {
    invented: usize,
    requests: usize,
    /// How long the served customers waited, in order.
    waits: Vec<Duration>,
}

/// Runs a flood of invented keys while each customer calls.
async fn attack(test: &Scripted, per_second: usize, seconds: usize) -> AttackResult {
    let before = test.issuer.requests();
    let flooding = tokio::spawn(flood(test.verifier.clone(), per_second, seconds));
    let limit = u64::try_from(seconds - 1).unwrap();
    let customers: Vec<_> = (0..CUSTOMERS)
        .map(|number| tokio::spawn(call_until_served(test.verifier.clone(), number, limit)))
        .collect();
    let mut waits = Vec::new();
    for customer in customers {
        waits.extend(customer.await.unwrap());
    }
    waits.sort();
    AttackResult {
        invented: flooding.await.unwrap(),
        requests: test.issuer.requests() - before,
        waits,
    }
}

impl AttackResult {
    fn longest(&self) -> Duration {
        self.waits.last().copied().unwrap_or_default()
    }

    fn print(&self, attack: &str) {
        let Self {
            invented,
            requests,
            waits,
        } = self;
        let median = waits.get(waits.len() / 2).copied().unwrap_or_default();
        println!(
            "| {attack} | {invented} | {requests} | {} of {CUSTOMERS} | {median:.2?} | {:.2?} |",
            waits.len(),
            self.longest()
        );
    }
}

/// Rule 172.
///
/// A minute of invented keys beside known customers.
#[tokio::test(start_paused = true)]
async fn unknown_callers_use_the_budget_only() {
    const SECONDS: usize = 60;
    let test = Scripted::with_customers(CUSTOMERS).await;
    let report = attack(&test, 200, SECONDS).await;
    assert_eq!(report.waits, [Duration::ZERO; CUSTOMERS], "from the cache");
    let budget = AT_ONCE + PER_SECOND * SECONDS;
    assert!(
        (budget - PER_SECOND..=budget).contains(&report.requests),
        "{}",
        report.requests
    );
    report.print("unknown callers, known customers");
}

/// Rule 172.
///
/// A known client sends 10,000 invented keys, and then its own key after it was revoked.
#[tokio::test(start_paused = true)]
async fn known_client_that_turns_hostile_gains_nothing() {
    let test = Scripted::with_customers(CUSTOMERS).await;
    let own = customer(0);
    let before = test.issuer.requests();
    let flood = (0..10_000).map(|number| send(&test.verifier, invented(number)));
    let flood = outcomes(flood.collect()).await;
    let sent = test.issuer.requests() - before;
    assert_eq!(sent, AT_ONCE);
    assert_eq!(count(&flood, "inactive_credential"), AT_ONCE);
    assert_eq!(count(&flood, UNAVAILABLE), 10_000 - AT_ONCE);
    // The valid key of the hostile client is not affected, and neither are those of the others.
    test.call_customers(0..CUSTOMERS).await;
    println!("| known client, 10,000 invented keys at once | 10000 | {sent} |");

    test.issuer.revoke(&own);
    test.advance(61).await;
    let before = test.issuer.requests();
    let mut outcomes = Vec::new();
    for second in 0..60 {
        for _ in 0..100 {
            outcomes.push(test.outcome(&own).await);
        }
        // The others call too.
        if second % 10 == 0 {
            test.call_customers(1..CUSTOMERS).await;
        }
        test.advance(1).await;
    }
    assert_eq!(count(&outcomes, "inactive_credential"), 6_000);
    // Each of the others is queried again twice: at the first call, and in the last quarter.
    let others = 2 * (CUSTOMERS - 1);
    let sent = test.issuer.requests() - before;
    let own_requests = sent.saturating_sub(others);
    assert!((1..=6).contains(&own_requests), "{sent}");
    println!("| known client, 6,000 requests with its revoked key | 0 | {own_requests} |");
}

/// Rules 172, 323.
///
/// A restart under a flood, with and without restored digests.
#[tokio::test(start_paused = true)]
async fn restart_under_a_flood() {
    let before = Scripted::with_customers(CUSTOMERS).await;
    let saved = before.verifier.export_known_credentials().unwrap();
    let bytes = saved.to_bytes();
    for (is_restored, per_second, seconds) in [(true, 1_000, 10), (false, 200, 60)] {
        let saved = SavedCredentials::from_bytes(&bytes).unwrap();
        let after = Scripted::with(|builder| {
            if is_restored {
                builder.restore_known_credentials(saved)
            } else {
                builder
            }
        });
        for number in 0..CUSTOMERS {
            after.issuer.add_key(&customer(number), "org_a");
        }
        let report = attack(&after, per_second, seconds).await;
        let budget = AT_ONCE + PER_SECOND * seconds;
        assert!(report.requests <= budget + CUSTOMERS, "{}", report.requests);
        if is_restored {
            // One response of the issuer each.
            assert_eq!(report.waits, [Duration::from_millis(10); CUSTOMERS]);
            report.print("restart with restored digests");
        } else {
            // A customer gets one of 20 requests per second, for which the flood competes.
            assert!(report.waits.len() > CUSTOMERS / 2, "{}", report.waits.len());
            assert!(report.longest() > Duration::from_secs(5));
            report.print("restart without restored digests");
        }
    }
}
