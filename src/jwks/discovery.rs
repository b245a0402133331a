//! Issuer metadata: where an issuer's keys are (RFC 8414 §3, OpenID Connect Discovery 1.0 §4).

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::JwksError;
use super::url::{PlainHttp, is_allowed_url};

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// Reads `jwks_uri` from an issuer's metadata document.
///
/// ```
/// use tower_m2m::jwks::{JwksError, jwks_uri};
///
/// let document = br#"{"issuer":"https://acme.kinde.com","jwks_uri":"https://acme.kinde.com/.well-known/jwks"}"#;
/// assert_eq!(jwks_uri(document, "https://acme.kinde.com")?, "https://acme.kinde.com/.well-known/jwks");
/// assert_eq!(jwks_uri(document, "https://acme.kinde.com/"), Err(JwksError::WrongIssuer));
/// # Ok::<(), JwksError>(())
/// ```
///
/// # Errors
///
/// [`JwksError::Malformed`]; [`JwksError::WrongIssuer`] when `issuer` is not identical to the configured one, code point
/// for code point (RFC 8414 §3.3, §4); [`JwksError::InsecureJwksUri`] when `jwks_uri` is neither https nor on loopback.
/// An issuer that is reached over https cannot send to loopback either.
pub fn jwks_uri(document: &[u8], issuer: &str) -> Result<String, JwksError> {
    allowed_jwks_uri(document, issuer, PlainHttp::OnLoopback)
}

/// The same, with http where the application allows it. The metadata of an https issuer never leads to http.
pub(super) fn allowed_jwks_uri(
    document: &[u8],
    issuer: &str,
    plain_http: PlainHttp,
) -> Result<String, JwksError> {
    // Members that are passed over are not looked at by the reader, and JSON is UTF-8 as a whole (RFC 8259 §8.1).
    let document = std::str::from_utf8(document).map_err(|_| JwksError::Malformed)?;
    // A byte order mark is accepted before a key set too.
    let document = document.trim_start_matches('\u{feff}');
    let metadata: Metadata = serde_json::from_str(document).map_err(|_| JwksError::Malformed)?;
    if metadata.issuer != issuer {
        return Err(JwksError::WrongIssuer);
    }
    let downgraded = issuer.starts_with("https://") && !metadata.jwks_uri.starts_with("https://");
    if downgraded || !is_allowed_url(&metadata.jwks_uri, plain_http) {
        return Err(JwksError::InsecureJwksUri);
    }
    Ok(metadata.jwks_uri)
}

/// The places where metadata is looked for, in this order: OpenID Connect's, then RFC 8414's, which differ when the
/// issuer has a path (RFC 8414 §3.1, §5).
pub(crate) fn metadata_urls(issuer: &str) -> [String; 2] {
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
#[derive(Debug)]
pub(super) struct CachedJwksUri {
    uri: String,
    read_at: Instant,
    /// After a failure the metadata is read anew: the keys may have moved.
    is_invalidated: bool,
}

impl CachedJwksUri {
    pub(super) fn new(uri: String, read_at: Instant) -> Self {
        Self {
            uri,
            read_at,
            is_invalidated: false,
        }
    }

    pub(super) fn uri(&self) -> &str {
        &self.uri
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
            assert_eq!(read(other, keys, a), Err(JwksError::WrongIssuer), "{other}");
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
        ] {
            assert_eq!(
                jwks_uri(document.as_bytes(), a),
                Err(JwksError::Malformed),
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
