//! Counts the allocations of one request on each path, and their bytes, until the response is
//! dropped.
//!
//! ```text
//! cargo run --release --bin layer_allocations
//! ```

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tower_m2m_benches::measure;
use tower_m2m_benches::paths::{self, Path};

#[global_allocator]
static ALLOCATIONS: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<(), String> {
    println!("| one request | allocations | bytes |");
    println!("|---|---:|---:|");
    for Path {
        name,
        mut make,
        mut run,
        ..
    } in paths::all()
    {
        let once = |mut requests| {
            if run(&mut requests) == 1 {
                Ok(())
            } else {
                Err(format!("{name}: unexpected response"))
            }
        };
        let (allocations, bytes) = measure::allocations(ALLOCATIONS, || make(1), once)?;
        println!("| {name} | {allocations} | {bytes} |");
    }
    Ok(())
}
