//! Allocations of one request on each path, the answer's end included, and their bytes.
//!
//! ```text
//! cargo run --release --bin layer_allocations
//! ```

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower_m2m_benches::paths;

#[global_allocator]
static ALLOCATIONS: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The least of so many requests counts, since the cache of verified tokens sees to itself now and then.
const TIMES: usize = 50;

fn main() {
    println!("| one request | allocations | bytes |");
    println!("|---|---:|---:|");
    for mut path in paths::all() {
        let mut least = (usize::MAX, usize::MAX);
        for time in 0..TIMES {
            let mut requests = path.requests(1);
            let region = Region::new(ALLOCATIONS);
            let good = path.run(&mut requests);
            let change = region.change();
            assert_eq!(good, 1, "{}: the answer was not the expected one", path.name);
            // The first few find nothing remembered yet.
            if time >= 5 {
                least = least.min((change.allocations + change.reallocations, change.bytes_allocated));
            }
        }
        println!("| {} | {} | {} |", path.name, least.0, least.1);
    }
}
