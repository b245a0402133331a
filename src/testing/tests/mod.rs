//! Tests of the test utilities without the rest of the crate, over real sockets.

mod assertions;
mod endpoints;
mod faults;
mod forgeries;
mod opaque;
mod support;
