//! Name resolution, for hosts that must have a public address too.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs as _};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::is_public;
use crate::util::BoxError;

/// Resolves names. If only public addresses are allowed, the client connects only to an address
/// that this returns, so it does not matter if a name resolves differently a second time.
pub(super) struct Resolver {
    only_public: bool,
    /// The hosts of proxies. They belong to the operator and usually have private addresses.
    proxies: Vec<String>,
}

impl Resolver {
    pub(super) fn new(only_public: bool) -> Self {
        const VARIABLES: [&str; 6] = [
            "HTTPS_PROXY",
            "https_proxy",
            "HTTP_PROXY",
            "http_proxy",
            "ALL_PROXY",
            "all_proxy",
        ];
        let values = VARIABLES.iter().filter_map(|name| std::env::var(name).ok());
        Self {
            only_public,
            proxies: values.filter_map(|value| proxy_host(&value)).collect(),
        }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let is_proxy = self
            .proxies
            .iter()
            .any(|proxy| proxy.eq_ignore_ascii_case(&name));
        let any = is_proxy || !self.only_public;
        Box::pin(async move {
            let found = tokio::task::spawn_blocking(move || (name.as_str(), 0).to_socket_addrs())
                .await?
                .map_err(NotResolved)?;
            let allowed: Vec<SocketAddr> = found
                .filter(|address| any || is_public(address.ip()))
                .collect();
            if allowed.is_empty() {
                return Err(BoxError::from(PrivateAddress));
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

/// The name has no address, or the DNS server did not respond.
#[derive(Debug)]
pub(super) struct NotResolved(std::io::Error);

impl fmt::Display for NotResolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for NotResolved {}

/// No address of the name is public.
#[derive(Debug)]
pub(super) struct PrivateAddress;

impl fmt::Display for PrivateAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name has no public address")
    }
}

impl std::error::Error for PrivateAddress {}

/// Returns the host of a proxy's URL. The scheme is optional.
fn proxy_host(url: &str) -> Option<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next()?;
    let address = authority.rsplit('@').next()?;
    let host = address.split(':').next()?.trim();
    (!host.is_empty() && !host.starts_with('[')).then(|| host.to_owned())
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
