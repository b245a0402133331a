//! Events of an issuer that take effect: Kinde's webhooks, its suspended organizations, and
//! Security Event Tokens.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::too_many_lines,
    reason = "helpers of tests are tests"
)]

mod bodies;
mod caller_check;
mod capacity;
mod complex_subjects;
mod effects;
mod fake_kinde;
mod forged;
mod keys;
mod kinde_api;
mod matrix;
mod order;
#[path = "../support/other_thread.rs"]
mod other_thread;
mod pauses;
mod poll;
#[path = "../support/recorder.rs"]
mod recorder;
mod replicas;
mod reports;
mod runtimes;
mod sets;
mod settings;
#[path = "../support/subscriber.rs"]
mod subscriber;
mod support;
mod webhooks;
