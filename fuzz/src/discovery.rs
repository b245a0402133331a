//! Issuer metadata: the issuer is the configured one, and the keys' URL is one that keys may come from.

use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tower_m2m::jwks::jwks_uri;

/// The first line is the configured issuer, the rest a document; or, as a second try, the rest is a `jwks_uri`.
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
        let text = std::str::from_utf8(rest).expect("accepted text is UTF-8");
        serde_json::from_str::<IgnoredAny>(text).expect("accepted text is JSON");
        // JSON may write half a character (RFC 8259 §8.2), which no string here can hold, in a member that is passed over.
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
            // A plain URL is never turned away.
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            if let Some((host, path)) = uri
                .strip_prefix("https://")
                .and_then(|rest| rest.split_once('/'))
            {
                let is_plain =
                    host.starts_with(plain) && host.chars().all(plain) && path.chars().all(plain);
                assert!(!is_plain, "a plain https URL was refused");
            }
        }
    }
    // Any other issuer's document is refused, however alike it looks.
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

/// By eye, from the text: what a client would connect to.
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
            assert!(!issuer.starts_with("https://"), "sent from https to http");
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
        other => panic!("keys over {other}"),
    }
}
