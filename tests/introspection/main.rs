//! API keys and opaque access tokens: what is accepted, and how often the issuer is queried.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests are tests"
)]

mod access_tokens;
mod attack;
mod bad_input;
#[cfg(feature = "mtls")]
mod bound;
mod budget;
mod canary;
mod concurrent;
mod events;
mod expiry;
mod explain;
mod failing_canary;
mod fast_issuer;
mod forged;
mod kinds_of_keys;
mod layers;
mod outages;
mod pauses;
mod places;
mod protected;
#[path = "../support/recorder.rs"]
mod recorder;
mod rfc7662;
mod scripted;
mod second_request;
mod settings;
mod streams;
#[path = "../support/subscriber.rs"]
mod subscriber;
mod support;
