//! Allocations per request, over the same service without authentication, the answer's end included.

use std::alloc::System;
use std::process::ExitCode;

use http::StatusCode;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower_m2m_benches::request;
use tower_m2m_peers::{Backend, Contender, Failure, Over, Setup};

#[global_allocator]
static ALLOCATIONS: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The lowest of so many requests counts, since background tasks allocate too.
const TIMES: usize = 50;

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
        counts.push((contender.name, contender.over, allocations, bytes));
    }
    for over in [Over::Bare, Over::AxumBare, Over::Router] {
        let mut rows = counts.iter().filter(|(_, of, ..)| *of == over);
        let Some((name, _, base, base_bytes)) = rows.next() else { continue };
        println!("\n{name}: {base} allocations, {base_bytes} bytes\n");
        println!("| per request over no auth | allocations | bytes |");
        println!("|---|---:|---:|");
        for (name, _, allocations, bytes) in rows {
            println!("| {name} | {} | {} |", allocations.saturating_sub(*base), bytes.saturating_sub(*base_bytes));
        }
    }
    Ok(())
}

/// Allocations (and reallocations) of one request, and their bytes.
fn of_one(contender: &mut Contender, token: &str) -> Result<(usize, usize), Failure> {
    let mut least = None::<(usize, usize)>;
    for time in 0..TIMES {
        let request = request(token);
        let region = Region::new(ALLOCATIONS);
        let status = contender.call(request);
        let change = region.change();
        if status != StatusCode::OK {
            return Err(format!("{} refused a good token: {status}", contender.name).into());
        }
        // The first few find nothing cached yet.
        if time >= 5 {
            let this = (change.allocations + change.reallocations, change.bytes_allocated);
            least = Some(least.map_or(this, |least| least.min(this)));
        }
    }
    least.ok_or_else(|| "nothing was counted".into())
}
