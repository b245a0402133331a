//! The manual, in chapters.
//!
//! | chapter | what it answers |
//! |---|---|
//! | [`answers`] | what a client gets to see, and what to do about it |
//! | [`kinde`] | what Kinde's tokens look like, and what to look out for |
//! | [`keys`] | what happens when the issuer is down, rotates, leaks a key, or somebody floods |
//! | [`operations`] | start, readiness, outages, what to log and to alert on |
//! | `testing` (feature `test-util`) | how to test an API behind the layer, and how to keep the test kit out of production |
//! | [`architecture`] | the floors, the way of a request, the invariants |
//! | [`decisions`] | what was decided, and why |

#[doc = include_str!("answers.md")]
pub mod answers {}

#[doc = include_str!("kinde.md")]
pub mod kinde {}

#[doc = include_str!("keys.md")]
pub mod keys {}

#[doc = include_str!("operations.md")]
pub mod operations {}

#[cfg(feature = "test-util")]
#[doc = include_str!("testing.md")]
pub mod testing {}

#[doc = include_str!("architecture.md")]
pub mod architecture {}

#[doc = include_str!("decisions.md")]
pub mod decisions {}
