//! An unusable key, and the reason.

use std::fmt;

use super::KeyError;
use crate::telemetry::spans::printable;

/// An unusable key of a set, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnusableKey {
    /// The key's name, if it has one.
    pub kid: Option<String>,
    /// The reason why it is not used.
    pub reason: KeyError,
    /// The member that is absent or malformed, if there is such a single member.
    pub member: Option<&'static str>,
}

/// Writes the key's name, escaped and shortened, and the reason why it is not used.
impl fmt::Display for UnusableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kid {
            Some(kid) => {
                write!(f, "key \"{}\": {}", printable(kid), self.reason)?;
            }
            None => write!(f, "a key without a name: {}", self.reason)?,
        }
        match self.member {
            Some(member) => write!(f, ": {member}"),
            None => Ok(()),
        }
    }
}

/// Several keys, separated by semicolons.
pub(crate) struct UnusableKeys<'k>(pub(crate) Vec<&'k UnusableKey>);

impl fmt::Display for UnusableKeys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, key) in self.0.iter().enumerate() {
            let separator = if index > 0 { "; " } else { "" };
            write!(f, "{separator}{key}")?;
        }
        Ok(())
    }
}
