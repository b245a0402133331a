//! The tenant: the organization that a token belongs to.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// The calling organization, from a verified token.
///
/// Code cannot create an `OrgCode`. If it has one, then the token's signature, time, issuer,
/// audience and grant type were checked, and the token belongs to this organization (or a global
/// client was admitted to [act](Self::is_acting) for it). In axum, `OrgCode` is a handler argument.
/// Elsewhere, get it from [`RequestExt`](crate::RequestExt).
///
/// It is bound to its issuer: the same code from two issuers means two tenants, and [`Eq`], [`Ord`]
/// and [`Hash`] include both. So you can use it as the key of a map, a cache or a rate limiter, and
/// [`to_path`](Self::to_path) as a prefix of object names.
///
/// ```
/// use tower_m2m::OrgCode;
///
/// async fn list_invoices(org: OrgCode) -> String {
///     format!("invoices of {org}")
/// }
/// ```
///
/// It cannot be created without a token:
///
/// ```compile_fail
/// let org = tower_m2m::OrgCode::new("org_somebody_else");
/// ```
///
/// ```compile_fail
/// let org: tower_m2m::OrgCode = serde_json::from_str("\"org_somebody_else\"").unwrap();
/// ```
///
/// ```compile_fail
/// let org: tower_m2m::OrgCode = "org_somebody_else".parse().unwrap();
/// ```
#[derive(Clone)]
pub struct OrgCode {
    issuer: Arc<str>,
    code: Arc<str>,
    role: OrgRole,
}

/// The role of a client for the organization.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OrgRole {
    /// The token belongs to the organization.
    Member,
    /// A global client was admitted.
    Acting,
}

impl OrgCode {
    /// Returns the organization of an organization's token, or `None` if the code is invalid.
    pub(crate) fn from_token(issuer: &Arc<str>, code: &str) -> Option<Self> {
        OrgCode::is_valid_code(code).then(|| Self {
            issuer: Arc::clone(issuer),
            code: code.into(),
            role: OrgRole::Member,
        })
    }

    /// Returns the route's organization for a global client that acts for it, or `None` if the code
    /// is invalid.
    pub(crate) fn acting(issuer: &Arc<str>, code: &str) -> Option<Self> {
        OrgCode::is_valid_code(code).then(|| Self {
            issuer: Arc::clone(issuer),
            code: code.into(),
            role: OrgRole::Acting,
        })
    }

    /// Returns the organization's code, such as `org_ba4a2311eb1`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.code
    }

    /// Returns the issuer of the code. A code has no meaning without it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns `true` if a *global* client acts for this organization, because the route names a
    /// scope that allows it.
    #[must_use]
    pub fn is_acting(&self) -> bool {
        self.role == OrgRole::Acting
    }

    /// Returns issuer and code as two path segments, for object names and cache keys. No two
    /// tenants share a path, and neither segment contains a dot or a slash.
    #[must_use]
    pub fn to_path(&self) -> String {
        let mut path = String::new();
        push_segment(&mut path, &self.issuer);
        path.push('/');
        push_segment(&mut path, &self.code);
        path
    }
}

/// Percent-encodes every byte except letters, digits, `-` and `_`, so that dots and slashes have no
/// meaning.
fn push_segment(path: &mut String, text: &str) {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            path.push(byte.into());
        } else {
            path.push('%');
            path.extend(
                [byte >> 4, byte & 15]
                    .iter()
                    .filter_map(|digit| HEX.get(usize::from(*digit))),
            );
        }
    }
}

impl OrgCode {
    /// Returns `true` if a string can be an organization code: 1 to 128 bytes, no white space and
    /// no control characters.
    ///
    /// ```
    /// use tower_m2m::OrgCode;
    ///
    /// assert!(OrgCode::is_valid_code("org_ba4a2311eb1"));
    /// assert!(!OrgCode::is_valid_code(""));
    /// assert!(!OrgCode::is_valid_code("org_a org_b"));
    /// ```
    #[must_use]
    pub fn is_valid_code(code: &str) -> bool {
        const MAX: usize = 128;
        // A byte-order mark is invisible but not white space, so two codes could look equal.
        let invisible = |c: char| {
            c.is_whitespace()
                || c.is_control()
                || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{AD}')
        };
        // Almost every code is plain ASCII, and that check is cheap.
        let is_plain = || {
            code.bytes()
                .fold(true, |plain, byte| plain & matches!(byte, 0x21..=0x7e))
        };
        !code.is_empty() && code.len() <= MAX && (is_plain() || !code.chars().any(invisible))
    }
}

impl PartialEq for OrgCode {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code && self.issuer == other.issuer
    }
}

impl Eq for OrgCode {}

impl Hash for OrgCode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.issuer.hash(state);
        self.code.hash(state);
    }
}

impl PartialOrd for OrgCode {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OrgCode {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (&self.issuer, &self.code).cmp(&(&other.issuer, &other.code))
    }
}

impl fmt::Display for OrgCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)
    }
}

/// Serializes the code as a string, without the issuer.
impl Serialize for OrgCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.code)
    }
}

impl fmt::Debug for OrgCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OrgCode({:?})", self.code)
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
