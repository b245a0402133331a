//! The comparison of `htu` with the URL of the request (RFC 9449 §4.3 (9)), after the normalization
//! of RFC 3986 §6.2.2 and §6.2.3.

use std::fmt;

/// The public base URL of an API: scheme, authority, and a prefix of the path without a slash at
/// its end. It is normalized.
#[derive(Clone)]
pub(crate) struct BaseUrl(String);

impl BaseUrl {
    /// Parses the base URL that an application configured.
    pub(crate) fn parse(url: &str) -> Result<Self, &'static str> {
        if url.contains(['?', '#']) {
            return Err("must have no query and no fragment");
        }
        let mut normalized = normalize(url).ok_or(
            "must be an absolute http or https URL without user information, such as https://api.acme.com",
        )?;
        while normalized.ends_with('/') {
            normalized.pop();
        }
        Ok(Self(normalized))
    }

    /// Returns `true` if `htu` is the URL of a request with this path. The path is the whole path
    /// that this service sees, without query.
    ///
    /// A path with a dot segment never matches: routers do not resolve them, so the route would be
    /// another one than that of `htu`.
    pub(crate) fn matches(&self, htu: &str, path: &str) -> bool {
        let path = if path.is_empty() { "/" } else { path };
        if !path.starts_with('/') {
            return false;
        }
        if htu.strip_prefix(self.0.as_str()) == Some(path) && is_normal(path) {
            return true;
        }
        if path.split('/').any(is_dot_segment) {
            return false;
        }
        let mut expected = self.0.clone();
        push_path(path, &mut expected).is_some()
            && normalize(htu).is_some_and(|htu| htu == expected)
    }
}

impl BaseUrl {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Returns the normal form of an absolute http or https URL, or `None` if it is not one, or if it
/// has user information, a query or a fragment.
fn normalize(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let default_port = match scheme {
        scheme if scheme.eq_ignore_ascii_case("https") => 443,
        scheme if scheme.eq_ignore_ascii_case("http") => 80,
        _ => return None,
    };
    if rest.contains(['?', '#', '@']) && has_other_parts(rest) {
        return None;
    }
    let path_start = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(path_start)?;
    let mut normalized = String::with_capacity(url.len() + 1);
    normalized.push_str(if default_port == 443 {
        "https://"
    } else {
        "http://"
    });
    push_authority(authority, default_port, &mut normalized)?;
    push_path(if path.is_empty() { "/" } else { path }, &mut normalized)?;
    Some(normalized)
}

/// Returns `true` if the URL has a query, a fragment or user information. An `@` in the path is a
/// character like any other.
fn has_other_parts(rest: &str) -> bool {
    let authority = rest.split('/').next().unwrap_or_default();
    rest.contains(['?', '#']) || authority.contains('@')
}

fn push_authority(authority: &str, default_port: u16, out: &mut String) -> Option<()> {
    // The last colon outside of an IPv6 address is followed by the port.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (authority, ""),
    };
    let is_ip6 = host.starts_with('[') && host.ends_with(']');
    let is_host_character = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || b"-._~!$&'()*+,;=".contains(&byte)
            || (is_ip6 && b"[]:".contains(&byte))
    };
    if host.is_empty() || !host.bytes().all(is_host_character) {
        return None;
    }
    out.extend(host.chars().map(|character| character.to_ascii_lowercase()));
    if port.is_empty() {
        return Some(());
    }
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let port: u16 = port.parse().ok()?;
    if port != default_port {
        out.push(':');
        out.push_str(&port.to_string());
    }
    Some(())
}

/// Returns `true` if a path is normal already, which nearly all are.
fn is_normal(path: &str) -> bool {
    path.bytes().all(is_path_character) && !path.as_bytes().windows(2).any(|two| two == b"/.")
}

/// Returns `true` for `.` and `..`, also if a dot is percent-encoded.
fn is_dot_segment(segment: &str) -> bool {
    matches!(
        segment.replace("%2e", ".").replace("%2E", ".").as_str(),
        "." | ".."
    )
}

/// A character that is written as itself: `pchar` of RFC 3986 §3.3, and `/`.
fn is_path_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte)
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Appends the normal form of a path: unreserved characters decoded, all others in capital
/// hexadecimal digits, no dot segments. Returns `None` for a percent sign without two digits, and
/// for control characters.
fn push_path(path: &str, out: &mut String) -> Option<()> {
    let mut decoded = String::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => {
                let value = hex_value(bytes.next()?)? * 16 + hex_value(bytes.next()?)?;
                if !is_unreserved(value) {
                    push_encoded(value, &mut decoded);
                    continue;
                }
                value
            }
            byte if byte.is_ascii_control() => return None,
            byte if !is_path_character(byte) => {
                push_encoded(byte, &mut decoded);
                continue;
            }
            byte => byte,
        };
        decoded.push(char::from(byte));
    }
    let start = out.len();
    let mut segments = decoded.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    let parent = out.get(start..).and_then(|path| path.rfind('/'));
                    out.truncate(start + parent.unwrap_or(0));
                }
                if is_last {
                    out.push('/');
                }
            }
            segment => {
                out.push('/');
                out.push_str(segment);
            }
        }
    }
    Some(())
}

fn push_encoded(byte: u8, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    for digit in [byte >> 4, byte & 15] {
        let digit = DIGITS.get(usize::from(digit)).copied().unwrap_or(b'0');
        out.push(char::from(digit));
    }
}

fn hex_value(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
