//! The opaque credentials of all issuers of a verifier.

use std::collections::HashSet;

use http::HeaderName;

use super::builder::VerifierBuilder;
use super::config_error::ConfigError;
use super::issuer::Issuer;
use super::issuer::opaque::IntrospectionSetup;
use super::issuers::trusted::TrustedIssuer;
use crate::clock::Clock;
use crate::http_client::HttpClients;
use crate::introspection::{CredentialKeys, IssuerIntrospection, OpaqueCredentials};
use crate::util::Changes;

/// Collects the issuers that have opaque credentials.
pub(super) struct OpaqueBuilder {
    verifier: u64,
    max_values: u32,
    issuers: Vec<IssuerIntrospection>,
    header: Option<HeaderName>,
    /// `None` if no issuer has opaque credentials.
    keys: Option<CredentialKeys>,
}

impl VerifierBuilder {
    pub(super) fn opaque_builder(&self, verifier: u64) -> Result<OpaqueBuilder, ConfigError> {
        let header = self.issuers.iter().find_map(Issuer::api_key_header);
        let has_any = self
            .issuers
            .iter()
            .any(|issuer| issuer.opaque_prefixes().is_some());
        let new_keys = || {
            CredentialKeys::new(self.saved_credentials.as_ref()).ok_or_else(|| {
                ConfigError::new(
                    "introspection",
                    "needs random numbers, which the system does not provide",
                )
            })
        };
        Ok(OpaqueBuilder {
            verifier,
            max_values: self.max_claim_values_or_default(),
            issuers: Vec::new(),
            header: header.and_then(|name| name.parse().ok()),
            keys: has_any.then(new_keys).transpose()?,
        })
    }
}

impl OpaqueBuilder {
    /// Returns how an issuer's opaque credentials are verified, or `None` if it has none.
    pub(super) fn setup(
        &self,
        issuer: &Issuer,
        clients: &HttpClients,
    ) -> Result<Option<IntrospectionSetup>, ConfigError> {
        issuer.introspection_setup(clients, self.max_values)
    }

    pub(super) fn add(
        &mut self,
        setup: Option<IntrospectionSetup>,
        trusted: &TrustedIssuer,
        clock: &Clock,
        changes: &Changes,
    ) {
        let (verifier, max_values) = (self.verifier, self.max_values);
        let added = setup.zip(self.keys.as_ref()).map(|(setup, keys)| {
            setup.with_rules(trusted, verifier, max_values, keys, clock, changes)
        });
        self.issuers.extend(added);
    }

    pub(super) fn header(&self) -> Option<HeaderName> {
        self.header.clone()
    }

    /// Returns `None` if no issuer has opaque credentials.
    pub(super) fn build(self) -> Option<OpaqueCredentials> {
        let keys = self.keys?;
        Some(OpaqueCredentials::new(self.issuers, keys))
    }
}

/// Checks that the first bytes of an opaque credential name one issuer, and that API keys are read
/// from one header.
pub(super) fn check_prefixes(issuers: &[Issuer]) -> Result<(), ConfigError> {
    let with_prefixes = issuers.iter().filter_map(Issuer::opaque_prefixes);
    let prefixes: Vec<Vec<String>> = with_prefixes.collect();
    if prefixes.iter().filter(|own| own.is_empty()).count() > 1 {
        return Err(ConfigError::new(
            "introspection",
            "is set without a prefix for two issuers: an opaque token does not name its issuer, so give one of them a prefix",
        ));
    }
    let mut all: Vec<&String> = prefixes.iter().flatten().collect();
    all.sort();
    // A prefix of another string is sorted before it, with only strings between that begin with it.
    for pair in all.windows(2) {
        if let [first, second] = pair
            && second.starts_with(first.as_str())
        {
            let problem = format!(
                "the prefix {second:?} begins with the prefix {first:?}: one issuer must be named"
            );
            return Err(ConfigError::new("prefix", problem));
        }
    }
    let headers = issuers.iter().filter_map(Issuer::api_key_header);
    let headers: HashSet<String> = headers.map(str::to_ascii_lowercase).collect();
    if headers.len() > 1 {
        return Err(ConfigError::new(
            "api_keys",
            "are read from two different headers: use one header for all issuers",
        ));
    }
    Ok(())
}
