//! The form of an issuer's organization codes.

use std::borrow::Cow;

/// The form of an issuer's organization codes: a prefix followed by ASCII letters or digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OrgCodePattern {
    prefix: Cow<'static, str>,
}

impl OrgCodePattern {
    pub(crate) const fn with_prefix(prefix: &'static str) -> Self {
        Self {
            prefix: Cow::Borrowed(prefix),
        }
    }

    /// Parses a prefix followed by `*`, or returns `None`. A pattern without a prefix would match
    /// every word.
    pub(crate) fn parse(pattern: &str) -> Option<Self> {
        let prefix = pattern.strip_suffix('*')?;
        let is_prefix = !prefix.is_empty()
            && prefix.bytes().all(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'~')
            });
        is_prefix.then(|| Self {
            prefix: Cow::Owned(prefix.to_owned()),
        })
    }

    /// Returns `false` if no segment of the path or value has the form of a code, also after
    /// percent-decoding. It is faster than a look at each segment.
    pub(crate) fn may_occur_in(&self, path: &str) -> bool {
        let (Some(last), path) = (self.prefix.as_bytes().last(), path.as_bytes()) else {
            return false;
        };
        if path.len() < 16 {
            path.iter().any(|byte| byte == last || *byte == b'%')
        } else {
            memchr::memchr2(b'%', *last, path).is_some()
        }
    }

    /// Returns `true` if the whole segment has the form of a code.
    pub(crate) fn matches(&self, segment: &str) -> bool {
        segment.strip_prefix(&*self.prefix).is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
