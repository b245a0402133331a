//! The fetchers of one issuer, for the addresses that are allowed.

use crate::http_client::{AddressRule, Addresses, Fetcher, HttpClients, HttpSettings};

/// The fetchers of one issuer.
#[derive(Clone, Debug)]
pub(crate) struct Fetchers {
    pub(super) addresses: AddressRule,
    any: Fetcher,
    public: Fetcher,
}

impl Fetchers {
    /// Returns the HTTP clients of this crate.
    pub(crate) fn http(
        clients: &HttpClients,
        settings: &HttpSettings,
        addresses: AddressRule,
    ) -> Result<Self, String> {
        let client = |addresses| {
            clients.client(&HttpSettings {
                addresses,
                ..settings.clone()
            })
        };
        let (any, public) = match addresses {
            AddressRule::Any => (Addresses::Any, Addresses::Any),
            AddressRule::PublicElsewhere => (Addresses::Any, Addresses::Public),
            AddressRule::Public => (Addresses::Public, Addresses::Public),
        };
        Ok(Self {
            addresses,
            any: client(any)?,
            public: client(public)?,
        })
    }

    /// Returns a function of the application. It resolves names itself, so only addresses in URLs
    /// are checked.
    pub(crate) fn function(function: Fetcher, addresses: AddressRule) -> Self {
        Self {
            addresses,
            any: function.clone(),
            public: function,
        }
    }

    #[cfg(feature = "introspection")]
    pub(crate) fn addresses(&self) -> AddressRule {
        self.addresses
    }

    pub(crate) fn for_url(&self, url: &str, issuer: &str) -> &Fetcher {
        if self.addresses.requires_public(url, issuer) {
            &self.public
        } else {
            &self.any
        }
    }
}
