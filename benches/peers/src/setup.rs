//! Provides the setup of both programs.

use jsonwebtoken10::crypto::{CryptoProvider, aws_lc, rust_crypto};
use tokio::runtime::{Builder, Runtime};
use tower_m2m::testing::SigningAlgorithm;
use tower_m2m_benches::Bench;

use crate::{Contender, Failure, contenders};

/// The backend of axum-jwt-auth's `jsonwebtoken`. The other peers offer no choice at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The application installs it. It is faster.
    AwsLcRs,
    /// The default of axum-jwt-auth.
    RustCrypto,
}

/// All contenders, their keys, and the runtime of their background tasks.
pub struct Setup {
    pub bench: Bench,
    pub contenders: Vec<Contender>,
    pub runtime: Runtime,
}

impl Setup {
    /// Sets up all contenders.
    ///
    /// # Errors
    ///
    /// Returns an error that names the peer if its setup fails.
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
