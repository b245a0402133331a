//! One entry of a denylist: what it denies, and for how long.

use std::fmt;

/// What is denied: a token, a client, an organization, or all that was issued before a moment. Each belongs to an issuer.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DenylistEntry {
    pub(super) issuer: Box<str>,
    pub(super) kind: Kind,
    pub(super) name: Box<str>,
    pub(super) issued_before: Option<i64>,
}

/// How long an entry of a [`Denylist`](crate::Denylist) stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryExpiry {
    /// Until it is [lifted](crate::Denylist::remove).
    Never,
    /// Until this many seconds after the Unix epoch, such as a token's `exp`, and 5 minutes longer: the greatest leeway
    /// with which an ended token is let in.
    UnixSeconds(i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Token,
    Client,
    Organization,
    AllTokens,
}

impl DenylistEntry {
    fn new(issuer: impl Into<String>, kind: Kind, name: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into().into(),
            kind,
            name: name.into().into(),
            issued_before: None,
        }
    }

    /// One token, by its `jti`: it is answered 401, as revoked.
    #[must_use]
    pub fn token(issuer: impl Into<String>, jti: impl Into<String>) -> Self {
        Self::new(issuer, Kind::Token, jti)
    }

    /// A client and all its tokens, future ones too: it is answered 403, as suspended.
    #[must_use]
    pub fn client(issuer: impl Into<String>, client_id: impl Into<String>) -> Self {
        Self::new(issuer, Kind::Client, client_id)
    }

    /// An organization and all its tokens, future ones too: it is answered 403, as suspended. Global clients cannot act for
    /// it either.
    #[must_use]
    pub fn organization(issuer: impl Into<String>, code: impl Into<String>) -> Self {
        Self::new(issuer, Kind::Organization, code)
    }

    /// All tokens of the issuer that were [issued before](Self::issued_before) a moment.
    #[must_use]
    pub fn tokens_issued_before(issuer: impl Into<String>, issued_before: i64) -> Self {
        Self::new(issuer, Kind::AllTokens, "*").issued_before(issued_before)
    }

    /// Only tokens with an `iat` before this many seconds after the Unix epoch, and those without: they are answered 401,
    /// as revoked, so that clients fetch new ones. Default: whenever they were issued.
    #[must_use]
    pub fn issued_before(mut self, unix_seconds: i64) -> Self {
        self.issued_before = Some(unix_seconds);
        self
    }
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [
        Self::Token,
        Self::Client,
        Self::Organization,
        Self::AllTokens,
    ];
}

impl fmt::Debug for DenylistEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DenylistEntry")
            .field("kind", &self.kind)
            .field("name", &self.name)
            .field("issued_before", &self.issued_before)
            .finish_non_exhaustive()
    }
}
