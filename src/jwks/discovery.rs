//! Issuer metadata, which contains the URL of an issuer's keys (RFC 8414 §3, OpenID Connect
//! Discovery 1.0 §4).

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::JwksError;
use super::url::{PlainHttp, is_allowed_url};
use crate::http_client::AddressRule;
use crate::util::shortened;

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    /// The value of any type, because metadata of another issuer is recognized by `issuer` alone.
    jwks_uri: Option<serde_json::Value>,
    #[cfg(feature = "introspection")]
    introspection_endpoint: Option<serde_json::Value>,
}

/// Reads `jwks_uri` from an issuer's metadata document.
///
/// ```
/// use tower_m2m::jwks::{JwksError, jwks_uri};
///
/// let document = br#"{"issuer":"https://acme.kinde.com","jwks_uri":"https://acme.kinde.com/.well-known/jwks"}"#;
/// assert_eq!(jwks_uri(document, "https://acme.kinde.com")?, "https://acme.kinde.com/.well-known/jwks");
/// let found = "https://acme.kinde.com".to_owned();
/// assert_eq!(jwks_uri(document, "https://acme.kinde.com/"), Err(JwksError::WrongIssuer { found }));
/// # Ok::<(), JwksError>(())
/// ```
///
/// # Errors
///
/// Returns [`JwksError::Malformed`] if the document is malformed. Returns
/// [`JwksError::WrongIssuer`] if `issuer` is not identical to the configured one, code point for
/// code point (RFC 8414 §3.3, §4). Returns [`JwksError::InsecureJwksUri`] if `jwks_uri` is neither
/// https nor on loopback, or if it is http although the issuer is https. Returns
/// [`JwksError::PrivateAddress`] if it has another host than the issuer, with a loopback,
/// link-local, private or reserved address, unless the issuer itself is on loopback. The addresses
/// of names are checked when they are resolved.
pub fn jwks_uri(document: &[u8], issuer: &str) -> Result<String, JwksError> {
    let addresses = AddressRule::for_listed(issuer);
    read_jwks_uri(document, issuer, addresses, PlainHttp::OnLoopback)
}

/// Reads `jwks_uri`, with the addresses that are allowed for this issuer, and with http if the
/// application allows it. The metadata of an https issuer never leads to http.
pub(super) fn read_jwks_uri(
    document: &[u8],
    issuer: &str,
    addresses: AddressRule,
    plain_http: PlainHttp,
) -> Result<String, JwksError> {
    let url = read_metadata(document, issuer)?.jwks_uri;
    check_url(url, issuer, addresses, plain_http)
}

/// Reads `introspection_endpoint` (RFC 8414 §2) in the same way.
#[cfg(feature = "introspection")]
pub(crate) fn introspection_endpoint(
    document: &[u8],
    issuer: &str,
    addresses: AddressRule,
    plain_http: PlainHttp,
) -> Result<String, JwksError> {
    let url = read_metadata(document, issuer)?.introspection_endpoint;
    check_url(url, issuer, addresses, plain_http)
}

fn read_metadata(document: &[u8], issuer: &str) -> Result<Metadata, JwksError> {
    // The JSON reader skips unknown members without checking them, but the whole JSON text must be
    // UTF-8 (RFC 8259 §8.1).
    let document = std::str::from_utf8(document).map_err(|_| JwksError::Malformed)?;
    // A byte order mark is accepted before a key set too.
    let document = document.trim_start_matches('\u{feff}');
    let metadata: Metadata = serde_json::from_str(document).map_err(|_| JwksError::Malformed)?;
    if metadata.issuer != issuer {
        return Err(JwksError::WrongIssuer {
            found: shortened(&metadata.issuer, 256),
        });
    }
    Ok(metadata)
}

fn check_url(
    url: Option<serde_json::Value>,
    issuer: &str,
    addresses: AddressRule,
    plain_http: PlainHttp,
) -> Result<String, JwksError> {
    let Some(serde_json::Value::String(url)) = url else {
        return Err(JwksError::Malformed);
    };
    let downgraded = issuer.starts_with("https://") && !url.starts_with("https://");
    if downgraded || !is_allowed_url(&url, plain_http) {
        return Err(JwksError::InsecureJwksUri);
    }
    if !addresses.allows(&url, issuer) {
        return Err(JwksError::PrivateAddress);
    }
    Ok(url)
}

/// One of the two places where metadata can be (RFC 8414 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MetadataPlace {
    /// OpenID Connect Discovery 1.0 §4: the well-known part follows the issuer's path.
    OpenIdConnect,
    /// RFC 8414 §3.1: the well-known part is between host and path.
    OAuth,
}

impl MetadataPlace {
    pub(super) fn other(self) -> Self {
        match self {
            Self::OpenIdConnect => Self::OAuth,
            Self::OAuth => Self::OpenIdConnect,
        }
    }

    pub(super) fn url(self, issuer: &str) -> String {
        let [openid_connect, oauth] = metadata_urls(issuer);
        match self {
            Self::OpenIdConnect => openid_connect,
            Self::OAuth => oauth,
        }
    }
}

/// Returns the URL of OpenID Connect and that of RFC 8414.
pub(crate) fn metadata_urls(issuer: &str) -> [String; 2] {
    let trimmed = issuer.strip_suffix('/').unwrap_or(issuer);
    [
        format!("{trimmed}/.well-known/openid-configuration"),
        well_known_url(issuer, "oauth-authorization-server"),
    ]
}

/// Returns the URL of a well-known document. Its name stands between the host and the path of the
/// issuer (RFC 8414 §3.1).
pub(crate) fn well_known_url(issuer: &str, name: &str) -> String {
    let trimmed = issuer.strip_suffix('/').unwrap_or(issuer);
    let path_at = trimmed.find("://").map_or(0, |at| at + 3);
    let path_at = trimmed
        .get(path_at..)
        .and_then(|rest| rest.find('/'))
        .map_or(trimmed.len(), |at| path_at + at);
    let (origin, path) = trimmed.split_at_checked(path_at).unwrap_or((trimmed, ""));
    format!("{origin}/.well-known/{name}{path}")
}

/// The time for which a `jwks_uri` is used before metadata is read again. A failed fetch shortens
/// it.
const METADATA_TTL: Duration = Duration::from_secs(60 * 60);

/// The URL of the keys in the metadata, and when the metadata was read.
#[derive(Clone, Debug)]
pub(super) struct CachedJwksUri {
    uri: String,
    location: MetadataPlace,
    read_at: Instant,
    /// After a failure the metadata is read again, because the keys may have moved.
    is_invalidated: bool,
}

impl CachedJwksUri {
    pub(super) fn new(uri: String, location: MetadataPlace, read_at: Instant) -> Self {
        Self {
            uri,
            location,
            read_at,
            is_invalidated: false,
        }
    }

    pub(super) fn uri(&self) -> &str {
        &self.uri
    }

    /// Returns the place of this metadata.
    pub(super) fn location(&self) -> MetadataPlace {
        self.location
    }

    pub(super) fn invalidate(&mut self) {
        self.is_invalidated = true;
    }

    pub(super) fn is_current(&self, now: Instant) -> bool {
        !self.is_invalidated && now.saturating_duration_since(self.read_at) < METADATA_TTL
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
