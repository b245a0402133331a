//! A strict parser for Bearer challenges.

use std::fmt;

use http::{HeaderMap, header};

/// A `WWW-Authenticate: Bearer …` challenge (RFC 6750 §3, RFC 9728 §5.1), parsed strictly.
///
/// ```
/// # fn main() -> Result<(), tower_m2m::testing::assertions::ChallengeError> {
/// use tower_m2m::testing::assertions::Challenge;
///
/// let challenge = Challenge::parse(r#"Bearer realm="api", error="invalid_token""#)?;
/// assert_eq!((challenge.realm(), challenge.error()), (Some("api"), Some("invalid_token")));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// Parses the only Bearer challenge in these headers. Challenges of other schemes, for example
    /// of DPoP (RFC 9449 §7.1), may be beside it in `WWW-Authenticate` headers of their own.
    ///
    /// # Errors
    ///
    /// Returns [`ChallengeError`] if there is no such header or more than one Bearer challenge, and
    /// if [`parse`](Self::parse) fails.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, ChallengeError> {
        let (mut bearer, mut other) = (None, None);
        for value in headers.get_all(header::WWW_AUTHENTICATE) {
            let text = value
                .to_str()
                .map_err(|_| ChallengeError::InvalidCharacter)?;
            if !is_bearer(scheme_and_rest(text).0) {
                other = Some(text);
            } else if bearer.replace(text).is_some() {
                return Err(ChallengeError::Multiple);
            }
        }
        let text = bearer.or(other).ok_or(ChallengeError::Missing)?;
        Self::parse(text)
    }

    /// Parses the value of a `WWW-Authenticate` header.
    ///
    /// # Errors
    ///
    /// Returns [`ChallengeError`] if the value is not one well-formed Bearer challenge with at
    /// least one parameter, if a parameter is a duplicate, or if a value contains characters that
    /// RFC 6750 §3 does not allow.
    pub fn parse(text: &str) -> Result<Self, ChallengeError> {
        let (scheme, mut rest) = scheme_and_rest(text);
        if !is_bearer(scheme) {
            return Err(ChallengeError::UnexpectedScheme);
        }
        let mut parameters: Vec<(String, String)> = Vec::new();
        loop {
            let (name, value, after) = parameter(rest.trim_start_matches(' '))?;
            if parameters.iter().any(|(earlier, _)| *earlier == name) {
                return Err(ChallengeError::DuplicateParameter);
            }
            check(&name, &value)?;
            parameters.push((name, value));
            let after = after.trim_matches([' ', '\t']);
            if after.is_empty() {
                return Ok(Self { parameters });
            }
            rest = after
                .strip_prefix(',')
                .ok_or(ChallengeError::InvalidSyntax)?
                .trim_start_matches([' ', '\t']);
        }
    }

    /// Returns the `realm`, if the challenge has one.
    #[must_use]
    pub fn realm(&self) -> Option<&str> {
        self.parameter("realm")
    }

    /// Returns the `error`, if the challenge has one.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.parameter("error")
    }

    /// Returns the `error_description`, if the challenge has one.
    #[must_use]
    pub fn error_description(&self) -> Option<&str> {
        self.parameter("error_description")
    }

    /// Returns the `scope`, if the challenge has one.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.parameter("scope")
    }

    /// Returns the `resource_metadata`, if the challenge has one.
    #[must_use]
    pub fn resource_metadata(&self) -> Option<&str> {
        self.parameter("resource_metadata")
    }

    /// Returns any parameter by its name in lower case, or `None` if the challenge does not have
    /// it.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut parameters = self.parameters.iter();
        parameters
            .find(|(parameter, _)| parameter == name)
            .map(|(_, value)| value.as_str())
    }
}

fn scheme_and_rest(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}

fn is_bearer(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("Bearer")
}

/// The reason why a value is not a Bearer challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChallengeError {
    /// There is no `WWW-Authenticate` header.
    Missing,
    /// There is more than one Bearer challenge.
    Multiple,
    /// The scheme is not Bearer.
    UnexpectedScheme,
    /// There is no parameter, or the parameters are not `name=value` separated by commas (RFC 9110
    /// §11.2).
    InvalidSyntax,
    /// A parameter is a duplicate.
    DuplicateParameter,
    /// A value contains a character that RFC 6750 §3 does not allow in this parameter.
    InvalidCharacter,
}

impl fmt::Display for ChallengeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the response has no WWW-Authenticate",
            Self::Multiple => "the response has more than one Bearer challenge",
            Self::UnexpectedScheme => "the challenge is not for Bearer",
            Self::InvalidSyntax => "the challenge's parameters are malformed",
            Self::DuplicateParameter => "the challenge repeats a parameter",
            Self::InvalidCharacter => "the challenge contains a character that is not allowed",
        })
    }
}

impl std::error::Error for ChallengeError {}

/// Parses one `name=value` and returns it with the rest of the string.
fn parameter(text: &str) -> Result<(String, String, &str), ChallengeError> {
    let (name, after) = text.split_once('=').ok_or(ChallengeError::InvalidSyntax)?;
    if !is_token(name) {
        return Err(ChallengeError::InvalidSyntax);
    }
    let value = after.strip_prefix('"').map_or_else(|| bare(after), unquote);
    let (value, rest) = value.ok_or(ChallengeError::InvalidSyntax)?;
    Ok((name.to_ascii_lowercase(), value, rest))
}

/// Parses a value without quotes and returns it with the rest of the string.
fn bare(text: &str) -> Option<(String, &str)> {
    let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
    let (value, rest) = text.split_at_checked(end)?;
    is_token(value).then(|| (value.to_owned(), rest))
}

/// Parses a quoted string after its opening quote (RFC 9110 §5.6.4) and returns it with the rest.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => value.push(letters.next()?.1),
            ' '..='~' | '\t' => value.push(letter),
            _ => return None,
        }
    }
    None
}

/// Returns `true` if the string is a token (RFC 9110 §5.6.2).
fn is_token(text: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_tchar)
}

/// RFC 6750 §3 restricts the characters in its own parameters.
fn check(name: &str, value: &str) -> Result<(), ChallengeError> {
    let printable = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    let is_valid = match name {
        "scope" => value
            .split(' ')
            .all(|scope| !scope.is_empty() && scope.bytes().all(printable)),
        "error" | "error_description" => value.bytes().all(|byte| byte == b' ' || printable(byte)),
        "error_uri" | "resource_metadata" => value.bytes().all(printable),
        _ => true,
    };
    if is_valid {
        Ok(())
    } else {
        Err(ChallengeError::InvalidCharacter)
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
