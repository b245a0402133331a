//! Proof of possession: whether the sender of a token has the key or the certificate that the token
//! is bound to (RFC 9449, RFC 8705).
//!
//! All of it is pure except the replay store. The middleware compares the request with the proof,
//! because it knows the request's method and URL.

#[cfg(feature = "mtls")]
mod client_cert_header;
#[cfg(feature = "mtls")]
mod client_certificate;
#[cfg(feature = "dpop")]
mod dpop;
#[cfg(feature = "dpop")]
mod htu;
#[cfg(feature = "mtls")]
mod ip_range;
#[cfg(feature = "mtls")]
mod mtls;
#[cfg(feature = "mtls")]
mod mtls_settings;
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
mod short_bytes;

#[cfg(feature = "mtls")]
pub(crate) use client_cert_header::{CLIENT_CERT, CLIENT_CERT_CHAIN};
#[cfg(feature = "mtls")]
pub use client_certificate::{ClientCertificate, PeerAddress};
#[cfg(feature = "dpop")]
pub(crate) use dpop::{
    CheckedProof, DpopRules, DpopState, NonceRenewal, ProofRequest, single_proof,
};
#[cfg(feature = "mtls")]
pub use ip_range::{InvalidIpRange, IpRange};
#[cfg(feature = "mtls")]
pub(crate) use mtls::Connection;
#[cfg(feature = "mtls")]
pub use mtls_settings::Mtls;
#[cfg(feature = "dpop")]
pub(crate) use nonce::NonceKey;
#[cfg(feature = "dpop")]
pub use replay::ReplayStatus;
#[cfg(all(feature = "dpop", feature = "redis"))]
pub(crate) use replay::STORE_TIMEOUT;
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
