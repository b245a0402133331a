//! Proof of possession: whether the sender of a token has the key that the token is bound to (RFC
//! 9449).
//!
//! All of it is pure except the replay store. The middleware compares the request with the proof,
//! because it knows the request's method and URL.

#[cfg(feature = "dpop")]
mod dpop;
#[cfg(feature = "dpop")]
mod htu;
#[cfg(feature = "dpop")]
mod nonce;
#[cfg(feature = "dpop")]
mod proof;
#[cfg(feature = "dpop")]
mod proof_key;
#[cfg(feature = "dpop")]
mod replay;
#[cfg(feature = "dpop")]
mod replay_memory;
#[cfg(feature = "dpop")]
mod replay_store;
mod settings;

#[cfg(feature = "dpop")]
pub(crate) use dpop::{
    CheckedProof, DpopRules, DpopState, NonceRenewal, ProofRequest, single_proof,
};
#[cfg(feature = "dpop")]
pub(crate) use nonce::NonceKey;
#[cfg(feature = "dpop")]
pub(crate) use replay::{ReplayGuard, ReplayLimits, ReplayVerdict};
#[cfg(feature = "dpop")]
pub(crate) use replay_store::StoreRunner;
#[cfg(feature = "dpop")]
pub use replay_store::{ProofUse, ReplayStore, UsedProof};
#[cfg(feature = "dpop")]
pub use settings::Dpop;
pub use settings::ProofOfPossession;
pub(crate) use settings::{PossessionRules, PossessionSettings};
