//! Behaviour through the public door: real sockets on loopback, a real issuer, a clock that the tests move.

mod answers;
mod attack;
mod config;
mod extractors;
mod floors;
mod layer;
mod outage;
mod sources;
mod support;
mod tenant;
mod verifier;
