//! A key that is not used, and why.

use std::fmt;

use super::KeyError;
use crate::telemetry::spans::printable;

/// A key that was left out of a set, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnusableKey {
    /// The key's name, where it has one.
    pub kid: Option<String>,
    /// Why it is not used.
    pub reason: KeyError,
    /// The member that is absent or malformed, if that is the reason and one member is to blame.
    pub member: Option<&'static str>,
}

/// The key's name, escaped and cut, and why it is not used.
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
