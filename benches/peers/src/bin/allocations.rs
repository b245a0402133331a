//! Counts the allocations per request over the same service without authentication, until the
//! response is dropped.

use std::alloc::System;
use std::process::ExitCode;

use http::StatusCode;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tower_m2m_benches::{measure, request};
use tower_m2m_peers::{Backend, Baseline, Contender, Failure, Setup};

#[global_allocator]
static ALLOCATIONS: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    match Setup::new(Backend::AwsLcRs).and_then(count) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn count(mut setup: Setup) -> Result<(), Failure> {
    let _entered = setup.runtime.enter();
    let token = setup.bench.token(0);
    let mut counts = Vec::new();
    for contender in &mut setup.contenders {
        let (allocations, bytes) = of_one(contender, &token)?;
        counts.push((contender.name, contender.baseline, allocations, bytes));
    }
    for baseline in [Baseline::Bare, Baseline::AxumBare, Baseline::Router] {
        let mut rows = counts.iter().filter(|(_, of, ..)| *of == baseline);
        let Some((name, _, base, base_bytes)) = rows.next() else {
            continue;
        };
        println!("\n{name}: {base} allocations, {base_bytes} bytes\n");
        println!("| per request over no auth | allocations | bytes |");
        println!("|---|---:|---:|");
        for (name, _, allocations, bytes) in rows {
            println!(
                "| {name} | {} | {} |",
                allocations.saturating_sub(*base),
                bytes.saturating_sub(*base_bytes)
            );
        }
    }
    Ok(())
}

/// Counts the allocations of one request, and their bytes.
fn of_one(contender: &mut Contender, token: &str) -> Result<(usize, usize), Failure> {
    let name = contender.name;
    measure::allocations(
        ALLOCATIONS,
        || request(token),
        |request| match contender.call(request) {
            StatusCode::OK => Ok(()),
            status => Err(format!("{name} rejected a valid token: {status}").into()),
        },
    )
}
