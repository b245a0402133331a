//! Measures tower-m2m and its peers in turns, in one process.
//!
//! ```text
//! peers [--as-shipped] answers          the response of each to wrong tokens: do they do the same work?
//! peers [--as-shipped] time             CPU time per request, over the same service without authentication
//! peers [--as-shipped] count TIMES      each path TIMES times inside `measured`, for callgrind
//! ```

use std::collections::HashSet;
use std::hint::black_box;
use std::process::ExitCode;

use http::StatusCode;
use tower_m2m_benches::measure::{Rounds, nanoseconds, thread_cpu};
use tower_m2m_benches::{raw_check, request};
use tower_m2m_peers::{Backend, Baseline, Contender, Failure, REFUSED, Refusals, Setup};

/// The number of rounds. Each contender has one turn per round.
const ROUNDS: usize = 600;
/// The number of requests in a turn, which takes about a millisecond.
const SLOW: usize = 40;
const FAST: usize = 1000;
/// A contender is fast if a request takes fewer nanoseconds.
const LIMIT: f64 = 5_000.0;

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let shipped = arguments
        .first()
        .is_some_and(|first| first == "--as-shipped");
    if shipped {
        arguments.remove(0);
    }
    let backend = if shipped {
        Backend::RustCrypto
    } else {
        Backend::AwsLcRs
    };
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match *arguments {
        ["answers"] => Setup::new(backend).and_then(answers),
        ["time"] => Setup::new(backend).and_then(time),
        ["count", times] => Setup::new(backend).and_then(|setup| count(setup, times)),
        _ => Err("usage: peers [--as-shipped] answers | time | count TIMES".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the responses of each contender to wrong tokens.
fn answers(mut setup: Setup) -> Result<(), Failure> {
    let _entered = setup.runtime.enter();
    let refusals = Refusals::new(&setup.bench);
    println!("| | good | {} |", REFUSED.join(" | "));
    println!("|---|---{}|", "|---".repeat(REFUSED.len()));
    let (mut useless, mut said) = (Vec::new(), HashSet::new());
    // A contender that protects several kinds of service responds in the same way for each.
    for contender in setup
        .contenders
        .iter_mut()
        .filter(|contender| protects(contender) && said.insert(contender.name))
    {
        let (good, wrong) = refusals.answers(contender);
        if good != StatusCode::OK {
            useless.push(contender.name);
        }
        let wrong: Vec<_> = wrong
            .iter()
            .map(|status| status.as_str().to_owned())
            .collect();
        println!(
            "| {} | {} | {} |",
            contender.name,
            good.as_str(),
            wrong.join(" | ")
        );
    }
    if useless.is_empty() {
        Ok(())
    } else {
        Err(format!("a valid token is rejected by {}", useless.join(", ")).into())
    }
}

fn protects(contender: &Contender) -> bool {
    !contender.name.starts_with("no auth") && !contender.name.starts_with("a layer")
}

/// A measured contender.
struct Candidate<'a> {
    contender: &'a mut Contender,
    turn: usize,
    rounds: Rounds,
}

impl Candidate<'_> {
    fn take_turn(&mut self, token: &str) -> Result<(), Failure> {
        let mut requests: Vec<_> = (0..self.turn).map(|_| request(token)).collect();
        let mut good = 0;
        let start = thread_cpu();
        while let Some(request) = requests.pop() {
            good += usize::from(black_box(self.contender.call(request)) == StatusCode::OK);
        }
        self.rounds
            .push(nanoseconds(thread_cpu().saturating_sub(start), self.turn));
        if good == self.turn {
            Ok(())
        } else {
            Err(format!("{} rejected a valid token", self.contender.name).into())
        }
    }
}

fn time(mut setup: Setup) -> Result<(), Failure> {
    let _entered = setup.runtime.enter();
    let token = setup.bench.token(0);
    let raw = raw_check(&setup.bench.issuer.signing_key(), &token);
    let mut candidates: Vec<_> = setup
        .contenders
        .iter_mut()
        .map(|contender| Candidate {
            contender,
            turn: SLOW,
            rounds: Rounds::default(),
        })
        .collect();
    for candidate in &mut candidates {
        candidate.take_turn(&token)?;
        candidate.take_turn(&token)?;
        candidate.turn = if candidate.rounds.best() < LIMIT {
            FAST
        } else {
            SLOW
        };
        candidate.rounds = Rounds::default();
    }
    let mut raw_rounds = Rounds::default();
    for _ in 0..ROUNDS {
        let start = thread_cpu();
        let good = (0..SLOW).filter(|_| black_box(raw())).count();
        raw_rounds.push(nanoseconds(thread_cpu().saturating_sub(start), SLOW));
        assert_eq!(good, SLOW, "the raw check fails");
        for candidate in &mut candidates {
            candidate.take_turn(&token)?;
        }
    }
    println!("a token of {} bytes, {ROUNDS} rounds", token.len());
    report(&candidates, &raw_rounds);
    Ok(())
}

/// Prints a table per kind of service. The first contender, without authentication, is the
/// baseline.
fn report(candidates: &[Candidate<'_>], raw: &Rounds) {
    println!(
        "raw RS256 check, aws-lc-rs, key ready: best {:.0} ns, median {:.0}",
        raw.best(),
        raw.median()
    );
    for baseline in [Baseline::Bare, Baseline::AxumBare, Baseline::Router] {
        let mut candidates = candidates
            .iter()
            .filter(|candidate| candidate.contender.baseline == baseline);
        let Some(base) = candidates.next() else {
            continue;
        };
        println!(
            "\n{}: best {:.0} ns, median {:.0}\n",
            base.contender.name,
            base.rounds.best(),
            base.rounds.median()
        );
        println!(
            "| ns per request over no auth | best round | median round | best, raw check = 1 |"
        );
        println!("|---|---:|---:|---:|");
        for candidate in candidates {
            let best = candidate.rounds.best() - base.rounds.best();
            let median = candidate.rounds.over(&base.rounds).median();
            println!(
                "| {} | {best:.0} | {median:.0} | {:.3} |",
                candidate.contender.name,
                best / raw.best()
            );
        }
    }
}

/// Runs the counted work. Callgrind finds this function by its name and counts only what it calls.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
}

/// Marks the end of a count: callgrind writes its counts and starts again from zero
/// when this returns.
#[inline(never)]
fn turn_over(name: &str) {
    black_box(name);
}

fn count(mut setup: Setup, times: &str) -> Result<(), Failure> {
    let _entered = setup.runtime.enter();
    let token = setup.bench.token(0);
    let times = times.parse::<usize>()?;
    for contender in &mut setup.contenders {
        for _ in 0..3 {
            contender.call(request(&token));
        }
        for _ in 0..times {
            let mut request = Some(request(&token));
            measured(&mut || {
                black_box(request.take().map(|request| contender.call(request)));
            });
        }
        turn_over(contender.name);
        println!("{:?}|{}", contender.baseline, contender.name);
    }
    Ok(())
}
