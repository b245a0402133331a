//! Checks issuer metadata: the issuer is the configured one, and `jwks_uri` is a URL that the
//! client may fetch.

use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tower_m2m::jwks::jwks_uri;

/// Checks the rest of the input as a metadata document and as a `jwks_uri`. The first line is the
/// configured issuer.
pub fn check(data: &[u8]) {
    let at = data
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(data.len());
    let Ok(issuer) = std::str::from_utf8(&data[..at]) else {
        return;
    };
    let rest = data.get(at + 1..).unwrap_or_default();
    if let Ok(uri) = jwks_uri(rest, issuer) {
        let text = std::str::from_utf8(rest)
            .expect("accepted text is UTF-8")
            .trim_start_matches('\u{feff}');
        serde_json::from_str::<IgnoredAny>(text).expect("accepted text is JSON");
        // A member that the parser skips may contain half of a surrogate pair (RFC 8259 §8.2). No
        // Rust string can hold it, so `serde_json` fails.
        if let Ok(naive) = serde_json::from_str::<Value>(text) {
            assert_eq!(
                (&naive["issuer"], &naive["jwks_uri"]),
                (&issuer.into(), &uri.as_str().into())
            );
        }
        fetchable(&uri, issuer);
    }
    let Ok(uri) = std::str::from_utf8(rest) else {
        return;
    };
    let document =
        json!({ "issuer": issuer, "jwks_uri": uri, "other": [1, { "issuer": "x" }] }).to_string();
    let read = jwks_uri(document.as_bytes(), issuer);
    match &read {
        Ok(read) => {
            assert_eq!(read, uri);
            fetchable(uri, issuer);
        }
        Err(_) => {
            // A plain https URL is always accepted, unless its host is an address of this machine
            // or of a private network. A host of digits is an address.
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            if let Some((host, path)) = uri
                .strip_prefix("https://")
                .and_then(|rest| rest.split_once('/'))
            {
                let is_plain = host.starts_with(|c: char| c.is_ascii_lowercase())
                    && host != "localhost"
                    && host.chars().all(plain)
                    && path.chars().all(plain);
                assert!(!is_plain, "a plain https URL was rejected");
            }
        }
    }
    // A document of another issuer is rejected, even if the two names are similar.
    for other in [
        format!("{issuer}/"),
        format!("{issuer} "),
        issuer.to_uppercase(),
        issuer.trim_end_matches('/').to_owned(),
    ] {
        if other != issuer {
            assert!(jwks_uri(document.as_bytes(), &other).is_err());
        }
    }
}

/// Checks the URL as a string: the scheme and the host that a client would connect to.
fn fetchable(uri: &str, issuer: &str) {
    assert!(uri.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) && !uri.contains(['#', '\\']));
    let (scheme, rest) = uri.split_once("://").expect("an absolute URL");
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    assert!(
        !authority.is_empty() && !authority.contains('@'),
        "user info hides the host"
    );
    match scheme.to_ascii_lowercase().as_str() {
        "https" => {}
        "http" => {
            assert!(
                !issuer.starts_with("https://"),
                "an https issuer has an http jwks_uri"
            );
            let host = match authority.strip_prefix('[') {
                Some(rest) => rest.split(']').next().unwrap_or_default(),
                None => authority
                    .rsplit_once(':')
                    .map_or(authority, |(host, _)| host),
            };
            let local = host == "localhost"
                || host
                    .parse()
                    .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
            assert!(local, "plain http to {host}");
        }
        other => panic!("unexpected scheme {other}"),
    }
}
