//! Scopes (RFC 6749 §3.3): the permissions of a client.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// One scope, such as `read:invoices`.
///
/// Comparison is exact and case-sensitive, without hierarchy or wildcards.
///
/// ```
/// use tower_m2m::Scope;
///
/// const READ_INVOICES: Scope = Scope::from_static("read:invoices");
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// assert_eq!("read:invoices".parse::<Scope>()?, READ_INVOICES);
/// assert!("read invoices".parse::<Scope>().is_err());
/// # Ok(())
/// # }
/// ```
///
/// A constant that is not a valid scope does not compile:
///
/// ```compile_fail
/// const TYPO: tower_m2m::Scope = tower_m2m::Scope::from_static("read invoices");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Cow<'static, str>);

impl Scope {
    /// Creates a scope from a scope token (RFC 6749 §3.3).
    ///
    /// # Errors
    ///
    /// Returns [`InvalidScope`] if the name is empty, or contains white space, a quotation mark, a
    /// backslash or a character that is not printable ASCII.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Result<Self, InvalidScope> {
        let name = name.into();
        if is_scope_token(name.as_bytes()) {
            Ok(Self(name))
        } else {
            Err(InvalidScope)
        }
    }

    /// Creates a scope from a literal. In a constant, the compiler checks it.
    ///
    /// # Panics
    ///
    /// Panics if the name is not a scope token and is not evaluated at compile time.
    #[must_use]
    pub const fn from_static(name: &'static str) -> Self {
        assert!(
            is_scope_token(name.as_bytes()),
            "not a scope token (RFC 6749 §3.3)"
        );
        Self(Cow::Borrowed(name))
    }

    /// Returns the scope as a string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Scope {
    /// Returns `true` if the string is a scope token (RFC 6749 §3.3).
    pub(crate) fn is_valid_name(name: &str) -> bool {
        is_scope_token(name.as_bytes())
    }
}

/// `1*( %x21 / %x23-5B / %x5D-7E )`
const fn is_scope_token(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let [byte, tail @ ..] = rest {
        if !is_scope_character(*byte) {
            return false;
        }
        rest = tail;
    }
    !bytes.is_empty()
}

const fn is_scope_character(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Serializes the scope as a string.
impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(name: &str) -> Result<Self, InvalidScope> {
        Self::new(name.to_owned())
    }
}

/// The string is not a scope token (RFC 6749 §3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidScope;

impl fmt::Display for InvalidScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scope is one or more printable ASCII characters without space, quotation mark and backslash")
    }
}

impl std::error::Error for InvalidScope {}

/// The granted scopes of a token.
///
/// ```
/// use tower_m2m::Scope;
/// use tower_m2m::token::Scopes;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let granted = Scopes::parse("read:invoices write:invoices")?;
/// assert!(granted.contains(&Scope::from_static("read:invoices")));
/// assert!(!granted.contains(&Scope::from_static("read")));
/// assert_eq!(granted.iter().count(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Scopes(
    /// Scope tokens with one space between them. Searching a few short words is faster than a set.
    Box<str>,
);

impl Scopes {
    /// Parses a space-separated list (RFC 6749 §3.3). The list may be empty.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidScope`] if a part is not a scope token.
    pub fn parse(list: &str) -> Result<Self, InvalidScope> {
        // The loop has no early exit, so the compiler can check many bytes at a time.
        if !list.bytes().fold(true, |all, byte| {
            all & (byte == b' ' || is_scope_character(byte))
        }) {
            return Err(InvalidScope);
        }
        let bytes = list.as_bytes();
        let single_spaced = !matches!(
            (bytes.first(), bytes.last()),
            (Some(b' '), _) | (_, Some(b' '))
        ) && !bytes.windows(2).any(|pair| pair == b"  ");
        if single_spaced {
            return Ok(Self(list.into()));
        }
        let scopes = list.split(' ').filter(|scope| !scope.is_empty());
        Ok(Self(scopes.collect::<Vec<_>>().join(" ").into()))
    }

    /// Returns `true` if exactly this scope was granted.
    #[must_use]
    pub fn contains(&self, scope: &Scope) -> bool {
        let (mut rest, scope) = (self.0.as_bytes(), scope.as_str().as_bytes());
        loop {
            if let Some(tail) = rest.strip_prefix(scope)
                && matches!(tail.first(), None | Some(b' '))
            {
                return true;
            }
            let Some(tail) = memchr::memchr(b' ', rest).and_then(|space| rest.get(space + 1..))
            else {
                return false;
            };
            rest = tail;
        }
    }

    /// Returns the scopes, in the token's order.
    pub fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.split(' ').filter(|scope| !scope.is_empty())
    }

    /// Returns `true` if no scope was granted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the scopes as a space-separated list.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Serializes the scopes as one space-separated string, as in tokens and token responses (RFC 6749
/// §3.3).
impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
