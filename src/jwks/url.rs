//! The URLs that keys may be fetched from (RFC 8414 §2, §6.1).

/// The rule for http without TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PlainHttp {
    #[default]
    OnLoopback,
    /// The application allows it for this issuer.
    Anywhere,
}

/// Returns `true` if keys may be fetched from the URL: https, or http on loopback, without user
/// info, fragment and unprintable characters.
pub(crate) fn is_secure_url(url: &str) -> bool {
    is_allowed_url(url, PlainHttp::OnLoopback)
}

/// Returns `true` if the URL is secure, or if it is http and http is allowed.
///
/// `http::Uri` silently drops fragments and keeps user info, so this function reads the string
/// itself.
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

/// Returns `true` if the port is a number. `http::Uri` accepts any text between host and path as
/// the port, and a client may read it as the host.
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
