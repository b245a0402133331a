//! Measures the cost of each path through the layer over the bare service, in turns and in one run
//! with the raw signature checks.
//!
//! ```text
//! cargo run --release --bin layer [ROUNDS]
//! ```

use std::hint::black_box;

use tower_m2m_benches::measure::{Rounds, nanoseconds, thread_cpu};
use tower_m2m_benches::paths::{self, Baseline, Path};

const ROUNDS: usize = 600;
/// The approximate duration of a turn in nanoseconds. Short turns are rarely interrupted.
const TURN: f64 = 500_000.0;
/// The number of requests that are created in advance. More would not fit the processor's caches,
/// and a server reads a request that it just received.
const MOST: usize = 32;

/// A measured path.
struct Candidate {
    path: Path,
    turn: usize,
    rounds: Rounds,
}

impl Candidate {
    fn take_turn(&mut self) {
        let mut spent = std::time::Duration::ZERO;
        let mut left = self.turn;
        while left > 0 {
            let some = left.min(MOST);
            let mut requests = (self.path.make)(some);
            let start = thread_cpu();
            let good = black_box((self.path.run)(&mut requests));
            spent += thread_cpu().saturating_sub(start);
            assert_eq!(good, some, "{}: unexpected response", self.path.name);
            left -= some;
        }
        self.rounds.push(nanoseconds(spent, self.turn));
    }
}

fn main() {
    let rounds = std::env::args()
        .nth(1)
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(ROUNDS);
    let mut candidates: Vec<_> = paths::all()
        .into_iter()
        .map(|path| Candidate {
            path,
            turn: MOST,
            rounds: Rounds::default(),
        })
        .collect();
    for candidate in &mut candidates {
        candidate.take_turn();
        candidate.take_turn();
        candidate.turn = turn_of(candidate.rounds.best());
        candidate.rounds = Rounds::default();
    }
    for _ in 0..rounds {
        candidates.iter_mut().for_each(Candidate::take_turn);
    }
    report(&candidates);
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small number of requests"
)]
fn turn_of(nanoseconds: f64) -> usize {
    ((TURN / nanoseconds) as usize).clamp(8, MOST * 16)
}

fn report(candidates: &[Candidate]) {
    let find = |name: &str| {
        candidates
            .iter()
            .find(|candidate| candidate.path.name == name)
            .map(|candidate| &candidate.rounds)
    };
    println!("| | ns | over | ns more, best round | median round | raw check = 1 |");
    println!("|---|---:|---|---:|---:|---:|");
    for candidate in candidates {
        let (name, alone) = (candidate.path.name, candidate.rounds.best());
        let Baseline::Path(other, raw) = candidate.path.baseline else {
            println!("| {name} | {alone:.0} | | | | |");
            continue;
        };
        let Some(base) = find(other) else { continue };
        let (best, median) = (alone - base.best(), candidate.rounds.over(base).median());
        let ratio = raw
            .and_then(find)
            .map(|raw| format!("{:.3}", best / raw.best()))
            .unwrap_or_default();
        println!("| {name} | {alone:.0} | {other} | {best:.0} | {median:.0} | {ratio} |");
    }
}
