//! The step from settings to a verifier that is ready.

use super::builder::VerifierBuilder;
use super::readiness::Readiness;
use super::start_error::StartError;
use super::verifier::Verifier;

impl VerifierBuilder {
    /// Builds the verifier and waits until keys are available and a replicated denylist was loaded,
    /// so that a service does not start without them.
    ///
    /// By default it waits for the keys of every listed issuer. With
    /// [`Readiness::Any`](crate::Readiness::Any) it waits until each issuer's first fetch is
    /// finished, and succeeds if keys of at least one are available. See also
    /// [`weak_settings`](Verifier::weak_settings) of the result.
    ///
    /// # Errors
    ///
    /// Returns [`StartError::DenylistLoad`] if the store of a replicated denylist is unreachable.
    /// Returns [`StartError::Config`] if a setting is invalid. Returns [`StartError::KeyFetch`] if
    /// the first fetch of an issuer's keys fails and none were [restored](Self::restore_keys). With
    /// `Readiness::Any`, it returns this error only if all issuers fail. The error is then that of
    /// the first one.
    pub async fn build_ready(self) -> Result<Verifier, StartError> {
        let verifier = self.build().map_err(StartError::Config)?;
        let (listed, readiness) = (verifier.0.issuers.listed(), verifier.0.readiness);
        // Start all fetches at once, then wait for them one after the other.
        let _ = listed.iter().try_for_each(|trusted| trusted.keys.start());
        let (mut ready, mut first_error) = (0, None);
        for trusted in listed {
            match trusted.keys.wait_for_initial_fetch().await {
                Ok(()) => ready += 1,
                Err(error) => {
                    first_error.get_or_insert(StartError::KeyFetch {
                        issuer: trusted.issuer.to_string(),
                        error,
                        unusable_keys: trusted.keys.status().unusable_keys,
                    });
                    if readiness == Readiness::All {
                        break;
                    }
                }
            }
        }
        #[cfg(feature = "introspection")]
        verifier.prepare_introspection().await;
        if let Some(error) = first_error.filter(|_| !readiness.is_satisfied(ready, listed.len())) {
            return Err(error);
        }
        if let Some(replication) = &verifier.0.replication {
            let loaded = replication.wait_for_load().await;
            loaded.map_err(|error| StartError::DenylistLoad { error })?;
        }
        Ok(verifier)
    }
}
