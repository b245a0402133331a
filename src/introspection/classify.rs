//! Which path a credential takes, decided by its bytes before anything is decoded.

use crate::bearer::check_b64token;

/// The forms of the credentials that a verifier accepts.
#[derive(Debug, Default)]
pub(crate) struct CredentialForms {
    prefixes: Vec<(Box<[u8]>, OpaqueForm)>,
    /// The issuer without a prefix.
    any: Option<usize>,
}

/// An issuer's opaque credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpaqueForm {
    /// The number of the issuer's introspector.
    pub(crate) introspector: usize,
    pub(crate) alphabet: Alphabet,
}

/// What an opaque credential consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alphabet {
    /// 16 to 256 letters, digits, `-` and `_`: an API key.
    ApiKey,
    /// The characters of a bearer token (RFC 6750 §2.1).
    B64Token,
}

/// The path of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CredentialPath {
    /// It is read as a JWT, which rejects everything that is none.
    Jwt,
    /// The introspector with this number decides.
    Opaque(usize),
    /// It has an opaque credential's prefix and cannot be one.
    Malformed,
}

impl CredentialForms {
    /// Adds an issuer. Without a prefix, all opaque credentials that have no other prefix are its
    /// own.
    pub(crate) fn add(&mut self, form: OpaqueForm, prefixes: &[String]) {
        if prefixes.is_empty() {
            self.any = Some(form.introspector);
        }
        let prefixes = prefixes
            .iter()
            .map(|prefix| (prefix.as_bytes().into(), form));
        self.prefixes.extend(prefixes);
    }

    /// Returns the path of a credential: exactly one.
    pub(crate) fn classify(&self, credential: &[u8]) -> CredentialPath {
        let found = self
            .prefixes
            .iter()
            .find(|(prefix, _)| credential.starts_with(prefix));
        if let Some((_, form)) = found {
            return if form.alphabet.contains(credential) {
                CredentialPath::Opaque(form.introspector)
            } else {
                CredentialPath::Malformed
            };
        }
        match self.any {
            Some(introspector)
                if !has_jwt_form(credential) && check_b64token(credential).is_ok() =>
            {
                CredentialPath::Opaque(introspector)
            }
            _ => CredentialPath::Jwt,
        }
    }
}

impl Alphabet {
    fn contains(self, credential: &[u8]) -> bool {
        match self {
            Self::ApiKey => {
                (16..=256).contains(&credential.len())
                    && credential.iter().all(|byte| is_base64url(*byte))
            }
            Self::B64Token => check_b64token(credential).is_ok(),
        }
    }
}

/// Exactly two or four dots, and otherwise only base64url characters.
fn has_jwt_form(credential: &[u8]) -> bool {
    let mut dots = 0_usize;
    for byte in credential {
        if *byte == b'.' {
            dots += 1;
        } else if !is_base64url(*byte) {
            return false;
        }
    }
    dots == 2 || dots == 4
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Returns what is wrong with a prefix by itself, or `None`.
pub(crate) fn prefix_problem(prefix: &str) -> Option<&'static str> {
    let bytes = prefix.as_bytes();
    let begins_jws = match bytes {
        [] => return Some("must not be empty"),
        // The base64url of `{` is `e` and a character from `w` on.
        [b'e'] => true,
        [b'e', second, ..] => matches!(second, b'w'..=b'z' | b'0'..=b'9' | b'-' | b'_'),
        _ => false,
    };
    if !bytes
        .iter()
        .all(|byte| is_base64url(*byte) || matches!(byte, b'.' | b'~' | b'+' | b'/'))
    {
        Some("has a character that no bearer token has (RFC 6750 §2.1)")
    } else if begins_jws {
        Some("can begin a JWT: use a longer prefix of the issuer's opaque tokens")
    } else {
        None
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
