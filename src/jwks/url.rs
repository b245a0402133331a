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
#[cfg(tower_m2m_unit_tests)]
mod tests;
