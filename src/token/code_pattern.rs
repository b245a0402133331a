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
mod tests {
    use super::*;

    #[test]
    fn pattern_matches_prefix_and_letters_or_digits() {
        let pattern = OrgCodePattern::with_prefix("org_");
        for code in ["org_a", "org_ba4a2311eb1", "org_B", "org_0", "org_settings"] {
            assert!(pattern.matches(code), "{code}");
            assert!(pattern.may_occur_in(&format!("/x/{code}/y")), "{code}");
        }
        for other in [
            "org_", "org", "ORG_a", "xorg_a", "org_a_b", "org_a-b", "org_a/b", "org_é", "",
        ] {
            assert!(!pattern.matches(other), "{other}");
        }
    }

    #[test]
    fn path_without_the_prefix_contains_no_code() {
        let pattern = OrgCodePattern::with_prefix("org_");
        for path in ["/orgs/7/invoices", "/", "", "org-a"] {
            assert!(!pattern.may_occur_in(path), "{path}");
        }
        for path in ["/%6Frg_a", "/org%5Fa", "%"] {
            assert!(pattern.may_occur_in(path), "{path}");
        }
    }

    #[test]
    fn pattern_needs_a_prefix_and_one_star_at_the_end() {
        assert_eq!(
            OrgCodePattern::parse("org_*"),
            Some(OrgCodePattern::with_prefix("org_"))
        );
        for pattern in [
            "", "*", "org_", "*org", "org_**", "or*g_*", "org/*", "org *",
        ] {
            assert_eq!(OrgCodePattern::parse(pattern), None, "{pattern}");
        }
    }
}
