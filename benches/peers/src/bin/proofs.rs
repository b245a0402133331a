//! Compares the check of DPoP proofs (RFC 9449) with that of the peers that have one: which faults
//! each finds, and what a good request costs. Each request has a new proof.
//!
//! ```text
//! cargo run --release --bin proofs
//! ```

// CPU time never goes back.
#![allow(clippy::unchecked_time_subtraction)]

use std::alloc::System;
use std::cell::Cell;
use std::time::SystemTime;

use axum::body::Body;
use http::Request;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tower_m2m::testing::{DpopClient, ProofBuilder, SigningAlgorithm};
use tower_m2m_benches::measure::{Rounds, allocations, nanoseconds, thread_cpu};
use tower_m2m_benches::{Bench, SCOPE, es256_check, signed_parts};
use tower_m2m_peers::Failure;
use tower_m2m_peers::proofs::{
    Accept, BASE, URL, authplane, authplane_with_its_store, huskarl, ours,
};

#[global_allocator]
static ALLOCATIONS: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ROUNDS: usize = 100;
const PER_ROUND: usize = 25;
/// A line of the tables.
struct Row {
    name: &'static str,
    /// Each request has a new token too.
    is_new: bool,
    accept: Accept,
    rounds: Rounds,
}

impl Row {
    fn new(name: &'static str, is_new: bool, accept: Accept) -> Self {
        Self {
            name,
            is_new,
            accept,
            rounds: Rounds::default(),
        }
    }
}

fn main() -> Result<(), Failure> {
    let bench = Bench::new(SigningAlgorithm::Rs256);
    let client = DpopClient::new()?;
    let huskarl = bench.runtime().block_on(huskarl(&bench))?;
    let (alone, stored) = (authplane(&client), authplane_with_its_store(&client)?);
    let mut rows = [
        Row::new("tower-m2m, token seen before", false, ours(&bench, true)?),
        Row::new("tower-m2m, every token new", true, ours(&bench, false)?),
        Row::new("huskarl-resource-server 0.11", true, huskarl),
        Row::new("authplane-sdk 0.1, proof alone", false, alone),
        Row::new("authplane-sdk 0.1, its own store", false, stored),
    ];
    answers(&bench, &client, &mut rows)?;
    println!();
    time(&bench, &client, &mut rows)
}

/// Prints what each accepts. The first proof is good, and the last one too.
fn answers(bench: &Bench, client: &DpopClient, rows: &mut [Row]) -> Result<(), Failure> {
    let other = DpopClient::new()?;
    let token = bench.issuer.org("org_ba4a2311eb1");
    let token = token.scopes([SCOPE.as_str()]).bound_to(client).token();
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let proof = || client.proof("GET", URL, &token);
    let mut private = client.key().public_jwk();
    private["d"] = private["x"].clone();
    let used = proof();
    let proofs: [(&str, ProofBuilder); 13] = [
        ("a good proof", used.clone()),
        ("the same proof again", used),
        ("for another method", client.proof("POST", URL, &token)),
        ("for another URL", proof().claim("htu", BASE)),
        ("for another token", client.proof("GET", URL, "another")),
        (
            "an hour old",
            proof().claim("iat", unix.as_secs().saturating_sub(3_600)),
        ),
        (
            "an hour in the future",
            proof().claim("iat", unix.as_secs() + 3_600),
        ),
        ("forged signature", proof().signed_with(other.key())),
        ("of another key", other.proof("GET", URL, &token)),
        ("without `jti`", proof().without("jti")),
        ("`typ` of another token", proof().header("typ", "JWT")),
        ("a private key in `jwk`", proof().header("jwk", private)),
        (
            "good, host in capitals and default port",
            proof().claim("htu", "https://API.ACME.COM:443/invoices"),
        ),
    ];
    print!("| proof |");
    for row in &*rows {
        print!(" {} |", row.name);
    }
    println!("\n|---|{}", "---|".repeat(rows.len()));
    for (name, proof) in proofs {
        print!("| {name} |");
        for row in &mut *rows {
            let is_accepted = (row.accept)(request(&proof, &token));
            print!(" {} |", if is_accepted { "accepted" } else { "rejected" });
        }
        println!();
    }
    Ok(())
}

/// Prints the best round of each. The rounds take turns.
fn time(bench: &Bench, client: &DpopClient, rows: &mut [Row]) -> Result<(), Failure> {
    let number = Cell::new(0);
    let new_token = || {
        number.set(number.get() + 1);
        let token = bench.issuer.org("org_ba4a2311eb1");
        let token = token.scopes([SCOPE.as_str()]);
        let token = token.claim("jti", number.get().to_string());
        token.bound_to(client).token()
    };
    let same = new_token();
    let proof = |token: &str| client.proof("GET", URL, token);
    let make = |is_new: bool| {
        let token = if is_new { &new_token() } else { &same };
        request(&proof(token), token)
    };
    let check = es256_check(client.key());
    let mut raw = Rounds::default();
    for _ in 0..ROUNDS {
        let signed = || signed_parts(&proof(&same).sign());
        round(&mut raw, signed, |parts| assert!(check(&parts)));
        for row in &mut *rows {
            round(
                &mut row.rounds,
                || make(row.is_new),
                |request| assert!((row.accept)(request), "{}", row.name),
            );
        }
    }
    println!("| a good request | ns | raw ES256 check = 1 | allocations |");
    println!("|---|---:|---:|---:|");
    println!("| raw ES256 check | {:.0} | 1.00 | |", raw.best());
    for row in rows {
        let mut accepted = |request| (row.accept)(request).then_some(()).ok_or("rejected");
        let (count, _) = allocations(ALLOCATIONS, || make(row.is_new), &mut accepted)?;
        let best = row.rounds.best();
        let ratio = best / raw.best();
        println!("| {} | {best:.0} | {ratio:.2} | {count} |", row.name);
    }
    Ok(())
}

/// Runs one round. Creating the requests does not count.
fn round<R>(rounds: &mut Rounds, make: impl Fn() -> R, run: impl FnMut(R)) {
    let requests: Vec<R> = (0..PER_ROUND).map(|_| make()).collect();
    let begun = thread_cpu();
    requests.into_iter().for_each(run);
    rounds.push(nanoseconds(thread_cpu() - begun, PER_ROUND));
}

fn request(proof: &ProofBuilder, token: &str) -> Request<Body> {
    let request = Request::get("/invoices").body(Body::empty());
    proof.authorize(request.expect("a request"), token)
}
