//! The step from one issuer to a verifier.

use super::config_error::ConfigError;
use super::issuer::Issuer;
use super::start_error::StartError;
use super::verifier::Verifier;

impl Issuer {
    /// Builds a verifier that trusts only this issuer. All other settings have the defaults of
    /// [`Verifier::builder`].
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with the name of the invalid setting.
    pub fn build(self) -> Result<Verifier, ConfigError> {
        Verifier::builder([self]).build()
    }

    /// Builds a verifier that trusts only this issuer, and waits until its keys are available. A
    /// service then never starts without keys, and a mistyped issuer is an error at start.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`VerifierBuilder::build_ready`](crate::VerifierBuilder::build_ready).
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let verifier = tower_m2m::Verifier::kinde("acme").audience("https://api.acme.com").build_ready().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn build_ready(self) -> Result<Verifier, StartError> {
        Verifier::builder([self]).build_ready().await
    }
}
