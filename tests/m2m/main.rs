//! Runs the command-line tool as a program: against a local issuer, the example server of this
//! repository, servers with one defect each, and a server in another language.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod attack;
mod defects;
mod explain;
mod foreign;
mod issuer;
mod lint;
mod support;
mod usage;

#[path = "../end_to_end/node.rs"]
#[allow(dead_code, reason = "not all of it is of use here")]
mod node;
#[path = "../examples/program.rs"]
#[allow(dead_code, reason = "not all of it is of use here")]
mod program;
