//! Which URLs keys may come from (RFC 8414 §2, §6.1).

/// Where http without TLS is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PlainHttp {
    #[default]
    OnLoopback,
    /// The application allows it for this issuer.
    Anywhere,
}

/// Returns `true` if keys may be fetched from the URL: https, or http on loopback; no user info, no fragment, nothing
/// unprintable.
pub(crate) fn is_secure_url(url: &str) -> bool {
    is_allowed_url(url, PlainHttp::OnLoopback)
}

/// Returns `true` if the URL is secure, or is http where that is accepted.
///
/// `http::Uri` drops fragments and keeps user info silently, so the string itself is read.
pub(crate) fn is_allowed_url(url: &str, plain_http: PlainHttp) -> bool {
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) || url.contains(['#', '\\']) {
        return false;
    }
    let Ok(uri) = url.parse::<http::Uri>() else {
        return false;
    };
    let Some(authority) = uri.authority() else {
        return false;
    };
    if authority.as_str().contains('@') || authority.host().is_empty() || !has_plain_port(authority)
    {
        return false;
    }
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => plain_http == PlainHttp::Anywhere || is_loopback(authority.host()),
        _ => false,
    }
}

/// `http::Uri` takes whatever stands between the host and the path for the port, and a client may take it for the host.
fn has_plain_port(authority: &http::uri::Authority) -> bool {
    match authority.as_str().strip_prefix(authority.host()) {
        Some("") => true,
        Some(rest) => rest
            .strip_prefix(':')
            .is_some_and(|port| port.parse::<u16>().is_ok() && !port.starts_with('+')),
        None => false,
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rule 58.
    ///
    /// Https by form, loopback the only exception.
    #[test]
    fn url_is_secure_if_https_or_loopback() {
        for (url, is_secure) in [
            ("https://acme.kinde.com", true),
            ("https://acme.kinde.com:8443/a?b=c", true),
            ("http://127.0.0.1:4000", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:4000/x", true),
            ("http://localhost:4000", true),
            ("http://acme.kinde.com", false),
            ("http://localhost.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://0.0.0.0", false),
            ("http://10.0.0.1", false),
            ("https://user@acme.kinde.com", false),
            ("https://acme.kinde.com#f", false),
            ("https://acme.kinde.com\\@evil.example", false),
            ("https://acme kinde.com", false),
            ("http://localhost:[::1]1/", false),
            ("http://localhost:evil.example/", false),
            ("https://acme.kinde.com:65536/", false),
            ("https://acme.kinde.com:+443/", false),
            ("https://acme.kinde.com:/", false),
            ("https://:443/", false),
            ("https://", false),
            ("ftp://acme.kinde.com", false),
            ("file:///etc/passwd", false),
            ("/well-known", false),
            ("acme.kinde.com", false),
            ("", false),
        ] {
            assert_eq!(is_secure_url(url), is_secure, "{url}");
        }
    }
}
