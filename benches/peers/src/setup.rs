//! What both programs start with.

use jsonwebtoken10::crypto::{CryptoProvider, aws_lc, rust_crypto};
use tokio::runtime::{Builder, Runtime};
use tower_m2m::testing::SigningAlgorithm;
use tower_m2m_benches::Bench;

use crate::{Contender, Failure, contenders};

/// The backend of axum-jwt-auth's `jsonwebtoken`. The other peers leave no choice at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Installed by the application, and faster.
    AwsLcRs,
    /// What axum-jwt-auth comes with.
    RustCrypto,
}

/// Everybody, the keys they hold, and the runtime that their background tasks live on.
pub struct Setup {
    pub bench: Bench,
    pub contenders: Vec<Contender>,
    pub runtime: Runtime,
}

impl Setup {
    /// Sets everybody up.
    ///
    /// # Errors
    ///
    /// A peer that could not be set up, by name.
    pub fn new(backend: Backend) -> Result<Self, Failure> {
        let provider = if backend == Backend::AwsLcRs {
            &aws_lc::DEFAULT_PROVIDER
        } else {
            &rust_crypto::DEFAULT_PROVIDER
        };
        CryptoProvider::install_default(provider)
            .map_err(|_| "jsonwebtoken has a backend already")?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let bench = Bench::new(SigningAlgorithm::Rs256);
        let contenders = runtime.block_on(contenders(&bench))?;
        Ok(Self {
            bench,
            contenders,
            runtime,
        })
    }
}
