//! Forms (`application/x-www-form-urlencoded`).

use std::fmt::Write as _;

/// Encodes the fields of a form.
pub(crate) fn encode_form(fields: &[(&str, &str)]) -> String {
    let mut form = String::new();
    for (name, value) in fields {
        if !form.is_empty() {
            form.push('&');
        }
        form.push_str(&form_urlencoded(name));
        form.push('=');
        form.push_str(&form_urlencoded(value));
    }
    form
}

/// Encodes one value. Basic authentication of OAuth needs this too (RFC 6749 §2.3.1, appendix B).
pub(crate) fn form_urlencoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b' ' => text.push('+'),
            b'*' | b'-' | b'.' | b'_' => text.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => text.push(char::from(byte)),
            byte => {
                // Writing to a string does not fail.
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
