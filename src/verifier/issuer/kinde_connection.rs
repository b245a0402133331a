//! The connection of a caller check to Kinde's API.

use std::time::Duration;

use super::Issuer;
use super::kinde::kinde_api;
use crate::http_client::{Fetcher, HttpClients};
use crate::jwks::{Fetchers, JwksLocation};
use crate::revocation::KindeConnection;

impl Issuer {
    /// Returns `true` if the issuer has the profile of Kinde.
    pub(in crate::verifier) fn is_kinde(&self) -> bool {
        self.tokens.merged_profile().is_kinde()
    }

    /// Returns how Kinde's API is reached, or the problem.
    pub(in crate::verifier) fn connect_to_kinde(
        &self,
        issuer: &str,
        kinde_domain: Option<&str>,
        timeout: Duration,
        clients: &HttpClients,
    ) -> Result<KindeConnection, String> {
        let base = kinde_api(issuer, kinde_domain);
        let base = base.map_err(|error| format!("kinde_domain {}", error.problem()))?;
        let fetcher = self.kinde_fetcher(issuer, &base, timeout, clients);
        Ok(KindeConnection { base, fetcher })
    }

    fn kinde_fetcher(
        &self,
        issuer: &str,
        base: &str,
        timeout: Duration,
        clients: &HttpClients,
    ) -> Result<Fetcher, String> {
        // The application configures the domain, so it may have any address.
        let location = JwksLocation::Url(base.to_owned());
        let addresses = self.allowed_addresses(issuer, &location);
        let http = self.http_for(base);
        let mut http = http.map_err(|error| error.problem().to_owned())?;
        http.timeout = timeout;
        let fetchers = Fetchers::http(clients, &http, addresses)?;
        Ok(fetchers.for_url(base, issuer).clone())
    }
}
