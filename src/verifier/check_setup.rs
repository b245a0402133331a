//! The HTTP clients of a verifier, and what caller checks of this crate need from it.

use super::builder::VerifierBuilder;
use super::config_error::ConfigError;
#[cfg(feature = "security-events")]
use super::issuer::Issuer;
use crate::http_client::HttpClients;
#[cfg(feature = "security-events")]
use crate::revocation::CheckSetup;

impl VerifierBuilder {
    /// Returns the HTTP clients that the issuers share. The caller checks use them too.
    #[cfg_attr(
        not(feature = "security-events"),
        expect(clippy::unused_self, clippy::unnecessary_wraps)
    )]
    pub(super) fn http_clients(&self) -> Result<HttpClients, ConfigError> {
        let clients = HttpClients::default();
        #[cfg(feature = "security-events")]
        self.prepare_caller_checks(&clients)?;
        Ok(clients)
    }

    /// Gives the caller checks the issuers and the HTTP client of the verifier.
    #[cfg(feature = "security-events")]
    fn prepare_caller_checks(&self, clients: &HttpClients) -> Result<(), ConfigError> {
        let named = |issuer: &Issuer| issuer.validated_name();
        let kinde = self.issuers.iter().filter(|issuer| issuer.is_kinde());
        let kinde_issuers: Vec<String> = kinde.clone().map(named).collect::<Result<_, _>>()?;
        let connect = |name: &str, domain: Option<&str>, timeout| {
            let mut named = kinde.clone();
            let issuer = named.find(|issuer| issuer.validated_name().is_ok_and(|it| it == name));
            let issuer = issuer.ok_or("the issuer is not listed")?;
            issuer.connect_to_kinde(name, domain, timeout, clients)
        };
        let setup = CheckSetup {
            kinde_issuers,
            check_timeout: self.caller_check_timeout,
            connect: &connect,
        };
        let mut checks = self.caller_checks.iter();
        checks
            .try_for_each(|check| check.prepare(&setup))
            .map_err(|problem| ConfigError::new("check_caller", problem))
    }
}
