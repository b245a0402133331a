//! Compares one thread with two: the gain of a second core if every token is new, and the cost if
//! both verify the same token.
//!
//! ```text
//! cargo run --release --bin threads
//! ```
//!
//! Slices are short and alternate, and each thread has its own core. A slice counts only if its
//! threads were not interrupted (wall time close to CPU time) and, for two threads, if they ran at
//! the same time. Ratios are taken within a round, and the program prints their median.

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_setaffinity};
use tower::{Layer, Service};
use tower_m2m::testing::SigningAlgorithm;
use tower_m2m_benches::measure::{Rounds, nanoseconds, thread_cpu};
use tower_m2m_benches::{Bare, Bench, SCOPE, now, raw_check, request};

/// The duration of the measurement.
const TIME: Duration = Duration::from_secs(40);
/// The minimum number of rounds for a useful median.
const ENOUGH: usize = 30;
/// The maximum ratio of wall time to CPU time in a slice that counts.
const UNDISTURBED: f64 = 1.05;
/// The minimum part of the time, from the first start to the last end, in which both threads ran.
const TOGETHER: f64 = 0.9;

/// The kinds of work, and how often each runs in a slice. A slice takes about half a millisecond,
/// so many are not interrupted.
const KINDS: [(&str, usize); 4] = [("raw", 30), ("cold", 30), ("bare", 3_000), ("hot", 1_500)];

fn main() -> ExitCode {
    let bench = Arc::new(Bench::new(SigningAlgorithm::Rs256));
    let (cached, uncached) = (bench.verifier(), bench.uncached());
    let token = bench.token(0);
    let workers = Workers::default();
    // Both threads share one verifier, and each has a clone of the service, as in a server.
    let worker = |_: usize| {
        let mut hot = cached.layer().require(SCOPE).layer(Bare);
        let mut cold = uncached.layer().require(SCOPE).layer(Bare);
        let raw = raw_check(&bench.issuer.signing_key(), &token);
        // The request is cloned inside the slice, with and without the layer, because a store of
        // ready requests would not fit the caches.
        let mine = request(&token);
        move |kind: usize| match kind {
            0 => drop(black_box(raw())),
            1 => drop(black_box(now(cold.call(mine.clone())))),
            2 => drop(black_box(now(Bare.call(mine.clone())))),
            _ => drop(black_box(now(hot.call(mine.clone())))),
        }
    };
    assert_eq!(
        now(cached
            .layer()
            .require(SCOPE)
            .layer(Bare)
            .call(request(&token)))
        .map(|answer| answer.status().as_u16()),
        Ok(200)
    );
    assert_eq!(
        now(uncached
            .layer()
            .require(SCOPE)
            .layer(Bare)
            .call(request(&token)))
        .map(|answer| answer.status().as_u16()),
        Ok(200)
    );
    report(&workers.run(worker))
}

/// The nanoseconds per request in one slice that counts.
#[derive(Clone, Copy)]
struct Figures {
    cpu: f64,
    wall: f64,
}

/// One round, by kind of work and by number of threads.
type Round = [[Option<Figures>; 2]; KINDS.len()];

/// Selects the values of one thread and of two threads from a whole round.
type Row = fn(&[f64; 4]) -> (f64, f64);

fn report(rounds: &[Round]) -> ExitCode {
    let counted = |kind: usize, threads: usize| {
        rounds
            .iter()
            .filter(|round| round[kind][threads].is_some())
            .count()
    };
    println!("slices that count of {}, one thread and two:", rounds.len());
    for (kind, (name, _)) in KINDS.iter().enumerate() {
        println!("  {name:5} {:5} {:5}", counted(kind, 0), counted(kind, 1));
    }
    println!(
        "\n| every token new | rounds | ns, alone | ns, two threads | work of two threads, one = 1 | by wall time |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    for (kind, (name, _)) in KINDS.iter().enumerate().take(2) {
        let pairs: Vec<_> = rounds
            .iter()
            .filter_map(|round| Some((round[kind][0]?, round[kind][1]?)))
            .collect();
        if pairs.len() < ENOUGH {
            return too_busy();
        }
        let (one, two) = (
            median(&pairs, |(one, _)| one.cpu),
            median(&pairs, |(_, two)| two.cpu),
        );
        // The values of two threads are per thread: both worked for that time and did twice as
        // much.
        let (gain, by_wall) = (
            median(&pairs, |(one, two)| 2.0 * one.cpu / two.cpu),
            median(&pairs, |(one, two)| one.wall / two.wall),
        );
        println!(
            "| {name} | {} | {one:.0} | {two:.0} | {gain:.2} | {by_wall:.2} |",
            pairs.len()
        );
    }
    let whole: Vec<_> = rounds
        .iter()
        .filter_map(|round| {
            Some(
                [round[2][0]?, round[2][1]?, round[3][0]?, round[3][1]?].map(|figures| figures.cpu),
            )
        })
        .collect();
    if whole.len() < ENOUGH {
        return too_busy();
    }
    println!(
        "\n| one token, {} rounds | ns, alone | ns, both threads | × |",
        whole.len()
    );
    println!("|---|---:|---:|---:|");
    let rows: [(&str, Row); 3] = [
        ("request and bare service", |[one, two, ..]| (*one, *two)),
        ("with the layer", |[.., one, two]| (*one, *two)),
        ("the layer", |[bare_one, bare_two, one, two]| {
            (one - bare_one, two - bare_two)
        }),
    ];
    for (name, of) in rows {
        let (one, two) = (
            median(&whole, |round| of(round).0),
            median(&whole, |round| of(round).1),
        );
        let times = median(&whole, |round| of(round).1 / of(round).0);
        println!("| {name} | {one:.0} | {two:.0} | {times:.2} |");
    }
    ExitCode::SUCCESS
}

fn too_busy() -> ExitCode {
    eprintln!("too few rounds count: the machine is too busy to compare one core with two");
    ExitCode::FAILURE
}

fn median<T>(rounds: &[T], figure: impl Fn(&T) -> f64) -> f64 {
    let mut figures = Rounds::default();
    for round in rounds {
        figures.push(figure(round));
    }
    figures.median()
}

/// Two threads that start together.
#[derive(Default)]
struct Workers {
    arrived: AtomicUsize,
    stop: AtomicBool,
}

impl Workers {
    fn run<W: FnMut(usize) + Send>(&self, worker: impl Fn(usize) -> W) -> Vec<Round> {
        let barrier = Barrier::new(2);
        let (mut first, mut second) = (worker(0), worker(1));
        thread::scope(|scope| {
            let helper = scope.spawn(|| self.part(&barrier, 1, &mut second));
            let mine = self.part(&barrier, 0, &mut first);
            let theirs = helper.join().unwrap_or_default();
            merge(&mine, &theirs)
        })
    }

    /// Runs every slice of one thread. The threads alternate in slices for one thread.
    fn part(
        &self,
        barrier: &Barrier,
        me: usize,
        work: &mut impl FnMut(usize),
    ) -> Vec<Option<Slice>> {
        // If the system rejects the affinity, few slices count.
        let mut core = CpuSet::new();
        core.set(me);
        let _ = sched_setaffinity(None, &core);
        let mut slices = Vec::new();
        let start = Instant::now();
        for round in 0.. {
            if me == 0 && start.elapsed() > TIME {
                self.stop.store(true, Ordering::Release);
            }
            barrier.wait();
            if self.stop.load(Ordering::Acquire) {
                break;
            }
            for (kind, (_, times)) in KINDS.iter().enumerate() {
                for threads in [1, 2] {
                    barrier.wait();
                    slices.push((threads == 2 || round % 2 == me).then(|| {
                        if threads == 2 {
                            self.together();
                        }
                        slice(*times, || work(kind))
                    }));
                }
            }
        }
        slices
    }

    /// Spins until the other thread arrives. A barrier of the operating system wakes one thread
    /// much later than the other.
    fn together(&self) {
        let ticket = self.arrived.fetch_add(1, Ordering::AcqRel);
        let both = (ticket | 1) + 1;
        while self.arrived.load(Ordering::Acquire) < both {
            std::hint::spin_loop();
        }
    }
}

#[derive(Clone, Copy)]
struct Slice {
    cpu: Duration,
    start: Instant,
    end: Instant,
}

impl Slice {
    fn undisturbed(&self) -> bool {
        (self.end - self.start).as_secs_f64() < UNDISTURBED * self.cpu.as_secs_f64()
    }
}

fn slice(times: usize, mut work: impl FnMut()) -> Slice {
    let (before, start) = (thread_cpu(), Instant::now());
    for _ in 0..times {
        work();
    }
    Slice {
        end: Instant::now(),
        cpu: thread_cpu().saturating_sub(before),
        start,
    }
}

fn together(ran: &[Slice], whole: Duration) -> bool {
    let (start, end) = (
        ran.iter().map(|slice| slice.start).max(),
        ran.iter().map(|slice| slice.end).min(),
    );
    let (Some(start), Some(end)) = (start, end) else {
        return false;
    };
    end.saturating_duration_since(start).as_secs_f64() > TOGETHER * whole.as_secs_f64()
}

/// Merges the slices of the two threads, which are in the same order.
fn merge(mine: &[Option<Slice>], theirs: &[Option<Slice>]) -> Vec<Round> {
    let figures = |times: usize, pair: (&Option<Slice>, &Option<Slice>)| {
        let ran: Vec<Slice> = [pair.0, pair.1].into_iter().flatten().copied().collect();
        let whole =
            ran.iter().map(|slice| slice.end).max()? - ran.iter().map(|slice| slice.start).min()?;
        let counts = ran.iter().all(Slice::undisturbed) && together(&ran, whole);
        let times = times * ran.len();
        counts.then(|| Figures {
            cpu: nanoseconds(ran.iter().map(|slice| slice.cpu).sum(), times),
            wall: nanoseconds(whole, times),
        })
    };
    let mut slices = mine.iter().zip(theirs);
    let mut rounds = Vec::new();
    while slices.len() >= 2 * KINDS.len() {
        rounds.push(
            KINDS.map(|(_, times)| {
                [0, 1].map(|_| slices.next().and_then(|pair| figures(times, pair)))
            }),
        );
    }
    rounds
}
