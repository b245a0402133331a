//! Keys and tokens that other issuers publish, and how this crate reads them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod artifacts;
mod encodings;
mod es512;
mod guide;
mod issuer_names;
mod key_issuers;
mod limits;
mod limits_table;
mod nulls;
mod organizations;
mod quirks;
mod scopes;
mod support;
