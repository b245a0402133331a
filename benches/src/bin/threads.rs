//! One thread and two: what a second core brings when every token is new, and what it costs when both ask for one token.
//!
//! ```text
//! cargo run --release --bin threads
//! ```
//!
//! Turns are short and alternate, each thread on a core of its own. A turn counts only if nothing interrupted its threads (wall
//! time close to CPU time) and, of two, if they ran at the same time: else it would say nothing about two cores.

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

/// For so long turns are taken.
const TIME: Duration = Duration::from_secs(40);
/// The least number of undisturbed turns of each kind that is worth a median.
const ENOUGH: usize = 30;
/// Wall time over CPU time in a turn that counts.
const UNDISTURBED: f64 = 1.05;
/// Of the time from the first start to the last end, the part in which both threads ran.
const TOGETHER: f64 = 0.9;

/// What is done, and how many times: a turn takes about two milliseconds.
const KINDS: [(&str, usize); 4] = [("raw", 100), ("cold", 100), ("bare", 6_000), ("hot", 4_000)];

fn main() -> ExitCode {
    let bench = Arc::new(Bench::new(SigningAlgorithm::Rs256));
    let (cached, uncached) = (bench.verifier(), bench.uncached());
    let token = bench.token(0);
    let crew = Crew::default();
    // The same verifier on both threads, each with a clone of the service, as a server has it.
    let worker = |_: usize| {
        let mut hot = cached.layer().require(SCOPE).layer(Bare);
        let mut cold = uncached.layer().require(SCOPE).layer(Bare);
        let raw = raw_check(&bench, SigningAlgorithm::Rs256, &token);
        // Cloned inside the turn, with and without the layer: a store of ready ones would not fit the caches.
        let mine = request(&token);
        move |kind: usize| match kind {
            0 => drop(black_box(raw())),
            1 => drop(black_box(now(cold.call(mine.clone())))),
            2 => drop(black_box(now(Bare.call(mine.clone())))),
            _ => drop(black_box(now(hot.call(mine.clone())))),
        }
    };
    assert_eq!(
        now(cached.layer().require(SCOPE).layer(Bare).call(request(&token))).map(|answer| answer.status().as_u16()),
        Ok(200)
    );
    assert_eq!(
        now(uncached.layer().require(SCOPE).layer(Bare).call(request(&token))).map(|answer| answer.status().as_u16()),
        Ok(200)
    );
    let turns = crew.run(worker);
    report(&turns)
}

/// Undisturbed turns: CPU time and wall time per request, by kind and by threads.
#[derive(Default)]
struct Turns {
    cpu: [[Rounds; 2]; KINDS.len()],
    wall: [[Rounds; 2]; KINDS.len()],
    counted: [[usize; 2]; KINDS.len()],
    rounds: usize,
}

fn report(turns: &Turns) -> ExitCode {
    println!("turns that count of {}, one thread and two:", turns.rounds);
    for ((kind, _), [one, two]) in KINDS.iter().zip(turns.counted) {
        println!("  {kind:5} {one:5} {two:5}");
        if one.min(two) < ENOUGH {
            eprintln!("too few: the machine is too busy to say anything about two cores");
            return ExitCode::FAILURE;
        }
    }
    println!("\n| every token new | ns, alone | ns, two threads | work of two threads, one = 1 | by wall time |");
    println!("|---|---:|---:|---:|---:|");
    for kind in 0..2 {
        let ([one, two], [one_wall, two_wall]) = (&turns.cpu[kind], &turns.wall[kind]);
        let (gain, by_wall) = (2.0 * one.median() / two.median(), one_wall.median() / two_wall.median());
        println!("| {} | {:.0} | {:.0} | {gain:.2} | {by_wall:.2} |", KINDS[kind].0, one.median(), two.median());
    }
    let [[bare_one, bare_two], [hot_one, hot_two]] =
        [&turns.cpu[2], &turns.cpu[3]].map(|[one, two]| [one.median(), two.median()]);
    let (alone, both) = (hot_one - bare_one, hot_two - bare_two);
    println!("\n| one token | ns, alone | ns, both threads | × |");
    println!("|---|---:|---:|---:|");
    println!("| request and bare service | {bare_one:.0} | {bare_two:.0} | {:.2} |", bare_two / bare_one);
    println!("| with the layer | {hot_one:.0} | {hot_two:.0} | {:.2} |", hot_two / hot_one);
    println!("| the layer | {alone:.0} | {both:.0} | {:.2} |", both / alone);
    ExitCode::SUCCESS
}

/// Two threads that start together.
#[derive(Default)]
struct Crew {
    arrived: AtomicUsize,
    stop: AtomicBool,
}

impl Crew {
    fn run<W: FnMut(usize) + Send>(&self, worker: impl Fn(usize) -> W) -> Turns {
        let barrier = Barrier::new(2);
        let (mut first, mut second) = (worker(0), worker(1));
        thread::scope(|scope| {
            let helper = scope.spawn(|| self.part(&barrier, 1, &mut second));
            let mine = self.part(&barrier, 0, &mut first);
            let theirs = helper.join().unwrap_or_default();
            merge(&mine, &theirs)
        })
    }

    /// Every turn of one thread. In turns for one thread they take turns.
    fn part(&self, barrier: &Barrier, me: usize, work: &mut impl FnMut(usize)) -> Vec<Option<Turn>> {
        // Where it is refused, the turns that count will be few.
        let mut core = CpuSet::new();
        core.set(me);
        let _ = sched_setaffinity(None, &core);
        let mut turns = Vec::new();
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
                    turns.push((threads == 2 || round % 2 == me).then(|| {
                        if threads == 2 {
                            self.together();
                        }
                        turn(*times, || work(kind))
                    }));
                }
            }
        }
        turns
    }

    /// Spins until the other thread is here too: a barrier of the operating system wakes one much later than the other.
    fn together(&self) {
        let ticket = self.arrived.fetch_add(1, Ordering::AcqRel);
        let both = (ticket | 1) + 1;
        while self.arrived.load(Ordering::Acquire) < both {
            std::hint::spin_loop();
        }
    }
}

#[derive(Clone, Copy)]
struct Turn {
    cpu: Duration,
    start: Instant,
    end: Instant,
}

impl Turn {
    fn undisturbed(&self) -> bool {
        (self.end - self.start).as_secs_f64() < UNDISTURBED * self.cpu.as_secs_f64()
    }
}

fn turn(times: usize, mut work: impl FnMut()) -> Turn {
    let (before, start) = (thread_cpu(), Instant::now());
    for _ in 0..times {
        work();
    }
    Turn { end: Instant::now(), cpu: thread_cpu() - before, start }
}

fn together(ran: &[Turn], whole: Duration) -> bool {
    let (start, end) = (ran.iter().map(|turn| turn.start).max(), ran.iter().map(|turn| turn.end).min());
    let (Some(start), Some(end)) = (start, end) else { return false };
    end.saturating_duration_since(start).as_secs_f64() > TOGETHER * whole.as_secs_f64()
}

/// The two threads' turns are in the same order.
fn merge(mine: &[Option<Turn>], theirs: &[Option<Turn>]) -> Turns {
    let mut turns = Turns { rounds: mine.len() / KINDS.len() / 2, ..Turns::default() };
    for (index, pair) in mine.iter().zip(theirs).enumerate() {
        let (kind, threads) = (index / 2 % KINDS.len(), index % 2);
        let ran: Vec<Turn> = [pair.0, pair.1].into_iter().flatten().copied().collect();
        let (Some(start), Some(end)) = (ran.iter().map(|turn| turn.start).min(), ran.iter().map(|turn| turn.end).max()) else {
            continue;
        };
        if !ran.iter().all(Turn::undisturbed) || !together(&ran, end - start) {
            continue;
        }
        let times = KINDS[kind].1 * ran.len();
        turns.cpu[kind][threads].push(nanoseconds(ran.iter().map(|turn| turn.cpu).sum(), times));
        turns.wall[kind][threads].push(nanoseconds(end - start, times));
        turns.counted[kind][threads] += 1;
    }
    turns
}
