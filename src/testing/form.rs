//! Form bodies and Basic credentials, parsed strictly.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The parameters of an `application/x-www-form-urlencoded` body.
pub(super) struct UrlEncodedForm(Vec<(String, String)>);

impl UrlEncodedForm {
    /// Parses a body. Returns `None` if it is not a form.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let body = std::str::from_utf8(body).ok()?;
        let pairs = body.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?, decode(value)?))
        });
        pairs.collect::<Option<_>>().map(Self)
    }

    /// Returns the parameter's value. A parameter without a value counts as omitted (RFC 6749
    /// §3.2).
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let given = self
            .0
            .iter()
            .filter(move |(key, value)| key == name && !value.is_empty());
        given.map(|(_, value)| value.as_str())
    }

    /// Returns `true` if this parameter is a duplicate (RFC 6749 §3.2).
    pub(super) fn repeats(&self, name: &str) -> bool {
        self.0
            .iter()
            .filter(|(key, _)| key == name)
            .nth(1)
            .is_some()
    }
}

/// Returns client ID and secret of HTTP Basic. The client encoded both as a form before it joined
/// them (RFC 6749 §2.3.1).
pub(super) fn basic(authorization: &str) -> Option<(String, String)> {
    let (scheme, credentials) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let credentials = STANDARD.decode(credentials.trim()).ok()?;
    let credentials = String::from_utf8(credentials).ok()?;
    let (id, secret) = credentials.split_once(':')?;
    Some((decode(id)?, decode(secret)?))
}

/// Decodes percent-encoding, with `+` for a space.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => digit(bytes.next()?)? << 4 | digit(bytes.next()?)?,
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
