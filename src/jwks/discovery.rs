//! Issuer metadata: where an issuer's keys are (RFC 8414 §3, OpenID Connect Discovery 1.0 §4).

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
    /// Of any type, because metadata of another issuer is recognized by `issuer` alone.
    jwks_uri: Option<serde_json::Value>,
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
/// [`JwksError::Malformed`]; [`JwksError::WrongIssuer`] when `issuer` is not identical to the configured one, code point
/// for code point (RFC 8414 §3.3, §4); [`JwksError::InsecureJwksUri`] if `jwks_uri` is neither https nor on loopback, or is
/// http although the issuer is https; [`JwksError::PrivateAddress`] if its host is another one than the issuer's and is a
/// loopback, link-local, private or reserved address, unless the issuer itself is on loopback. The addresses of names are
/// checked when they are resolved.
pub fn jwks_uri(document: &[u8], issuer: &str) -> Result<String, JwksError> {
    let addresses = AddressRule::for_listed(issuer);
    read_jwks_uri(document, issuer, addresses, PlainHttp::OnLoopback)
}

/// Reads `jwks_uri`, with the addresses that are allowed for this issuer, and with http where the application allows it.
/// The metadata of an https issuer never leads to http.
pub(super) fn read_jwks_uri(
    document: &[u8],
    issuer: &str,
    addresses: AddressRule,
    plain_http: PlainHttp,
) -> Result<String, JwksError> {
    // Members that are passed over are not looked at by the reader, and JSON is UTF-8 as a whole (RFC 8259 §8.1).
    let document = std::str::from_utf8(document).map_err(|_| JwksError::Malformed)?;
    // A byte order mark is accepted before a key set too.
    let document = document.trim_start_matches('\u{feff}');
    let metadata: Metadata = serde_json::from_str(document).map_err(|_| JwksError::Malformed)?;
    if metadata.issuer != issuer {
        return Err(JwksError::WrongIssuer {
            found: shortened(&metadata.issuer, 256),
        });
    }
    let Some(serde_json::Value::String(jwks_uri)) = metadata.jwks_uri else {
        return Err(JwksError::Malformed);
    };
    let downgraded = issuer.starts_with("https://") && !jwks_uri.starts_with("https://");
    if downgraded || !is_allowed_url(&jwks_uri, plain_http) {
        return Err(JwksError::InsecureJwksUri);
    }
    if !addresses.allows(&jwks_uri, issuer) {
        return Err(JwksError::PrivateAddress);
    }
    Ok(jwks_uri)
}

/// One of the two places where metadata can be (RFC 8414 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MetadataPlace {
    /// OpenID Connect Discovery 1.0 §4: the well-known part follows the issuer's path.
    OpenIdConnect,
    /// RFC 8414 §3.1: the well-known part stands between host and path.
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

/// Returns OpenID Connect's place and RFC 8414's.
fn metadata_urls(issuer: &str) -> [String; 2] {
    let trimmed = issuer.strip_suffix('/').unwrap_or(issuer);
    let path_at = trimmed.find("://").map_or(0, |at| at + 3);
    let path_at = trimmed
        .get(path_at..)
        .and_then(|rest| rest.find('/'))
        .map_or(trimmed.len(), |at| path_at + at);
    let (origin, path) = trimmed.split_at_checked(path_at).unwrap_or((trimmed, ""));
    [
        format!("{trimmed}/.well-known/openid-configuration"),
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
    ]
}

/// How long a `jwks_uri` is used before metadata is read again; a failing fetch makes it sooner.
const METADATA_TTL: Duration = Duration::from_secs(60 * 60);

/// Where metadata said that the keys are, and when it was read.
#[derive(Clone, Debug)]
pub(super) struct CachedJwksUri {
    uri: String,
    location: MetadataPlace,
    read_at: Instant,
    /// After a failure the metadata is read anew: the keys may have moved.
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

    /// The place that gave this metadata.
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
mod tests {
    use super::*;

    /// Rule 79.
    ///
    /// The well-known part is appended or inserted; a terminating slash is dropped first.
    #[test]
    fn metadata_url_appends_or_inserts_well_known_path() {
        for (issuer, openid, oauth) in [
            (
                "https://a.example",
                "https://a.example/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server",
            ),
            (
                "https://a.example/",
                "https://a.example/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server",
            ),
            (
                "https://a.b/r",
                "https://a.b/r/.well-known/openid-configuration",
                "https://a.b/.well-known/oauth-authorization-server/r",
            ),
            (
                "https://a.example:8443/realms/r",
                "https://a.example:8443/realms/r/.well-known/openid-configuration",
                "https://a.example:8443/.well-known/oauth-authorization-server/realms/r",
            ),
        ] {
            assert_eq!(metadata_urls(issuer), [openid, oauth]);
        }
    }

    /// Rules 80–82.
    ///
    /// The issuer is identical, `jwks_uri` is https, unknown members are ignored.
    #[test]
    fn metadata_requires_same_issuer_and_https_jwks_uri() {
        let document = |issuer: &str, uri: &str| {
            format!(r#"{{"issuer":"{issuer}","jwks_uri":"{uri}","extra":[1]}}"#).into_bytes()
        };
        let read =
            |issuer: &str, uri: &str, expected: &str| jwks_uri(&document(issuer, uri), expected);
        let (a, keys) = ("https://a.example", "https://keys.example/jwks");
        assert_eq!(read(a, keys, a).as_deref(), Ok(keys));
        for other in [
            "https://a.example/",
            "https://A.example",
            "https://a.example:443",
            "http://a.example",
            "https://b.example",
        ] {
            let found = other.to_owned();
            let wrong = JwksError::WrongIssuer { found };
            assert_eq!(read(other, keys, a), Err(wrong), "{other}");
        }
        for uri in [
            "http://keys.example/jwks",
            "http://127.0.0.1/jwks",
            "file:///etc/passwd",
            "/jwks",
            "",
        ] {
            assert_eq!(read(a, uri, a), Err(JwksError::InsecureJwksUri), "{uri}");
        }
        for uri in ["https://127.0.0.1/jwks", "https://[fd00::1]/jwks"] {
            assert_eq!(read(a, uri, a), Err(JwksError::PrivateAddress), "{uri}");
        }
        let private = "https://10.0.0.1/realms/a";
        let own = "https://10.0.0.1:8443/jwks";
        assert_eq!(read(private, own, private).as_deref(), Ok(own));
        let local = "http://127.0.0.1:4000";
        assert_eq!(
            read(local, "http://127.0.0.1:4000/jwks", local).as_deref(),
            Ok("http://127.0.0.1:4000/jwks")
        );
        for document in [
            "",
            "[]",
            "<html>",
            "{}",
            r#"{"issuer":"https://a.example"}"#,
            r#"{"issuer":["https://a.example"],"jwks_uri":"x"}"#,
            r#"{"issuer":"https://a.example","jwks_uri":["https://a.example/k"]}"#,
            r#"{"jwks_uri":"https://a.example/k"}"#,
        ] {
            assert_eq!(
                jwks_uri(document.as_bytes(), a),
                Err(JwksError::Malformed),
                "{document}"
            );
        }
        for document in [
            r#"{"issuer":"https://b.example"}"#,
            r#"{"issuer":"https://b.example","jwks_uri":1}"#,
        ] {
            assert_eq!(
                jwks_uri(document.as_bytes(), a),
                Err(JwksError::WrongIssuer {
                    found: "https://b.example".to_owned()
                }),
                "{document}"
            );
        }
        let passed_over = [
            &br#"{"issuer":"https://a.example","jwks_uri":"https://a.example/k","x":""#[..],
            b"\xff",
            br#""}"#,
        ]
        .concat();
        assert_eq!(jwks_uri(&passed_over, a), Err(JwksError::Malformed));
    }
}
