//! An entry of a denylist: the denied name and its expiry.

use std::fmt;

/// A denied token, client, subject or organization, or all tokens issued before a time. Each entry
/// belongs to one issuer.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DenylistEntry {
    pub(super) issuer: Box<str>,
    pub(super) kind: Kind,
    pub(super) name: Box<str>,
    pub(super) issued_before: Option<i64>,
    /// The time of the security event that added the entry, in milliseconds.
    pub(super) event_time: Option<i64>,
}

/// The expiry of an entry in a [`Denylist`](crate::Denylist).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryExpiry {
    /// The entry stays until it is [removed](crate::Denylist::remove).
    Never,
    /// The entry expires 5 minutes after this many seconds since the Unix epoch. Pass the token's
    /// `exp`: 5 minutes are the maximum leeway with which an expired token is accepted.
    UnixSeconds(i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Token,
    Client,
    Subject,
    Organization,
    AllTokens,
}

/// The part of a service that added an entry (rule 194). A security event removes only entries that
/// security events added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum EntryOrigin {
    /// The application, for example an administrator.
    Application,
    SecurityEvent,
}

/// The replicas that an entry applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum EntryReach {
    ThisReplica,
    AllReplicas,
}

impl DenylistEntry {
    pub(super) fn new(issuer: impl Into<String>, kind: Kind, name: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into().into(),
            kind,
            name: name.into().into(),
            issued_before: None,
            event_time: None,
        }
    }

    /// Denies one token by its `jti`, with 401 because it is revoked.
    #[must_use]
    pub fn token(issuer: impl Into<String>, jti: impl Into<String>) -> Self {
        Self::new(issuer, Kind::Token, jti)
    }

    /// Denies a client and all its tokens, including future ones, with 403 because it is suspended.
    #[must_use]
    pub fn client(issuer: impl Into<String>, client_id: impl Into<String>) -> Self {
        Self::new(issuer, Kind::Client, client_id)
    }

    /// Denies a subject (`sub`) and all its tokens, including future ones, with 403 because it is
    /// suspended. The subject of a user's API key is the user's ID.
    #[must_use]
    pub fn subject(issuer: impl Into<String>, sub: impl Into<String>) -> Self {
        Self::new(issuer, Kind::Subject, sub)
    }

    /// Denies an organization and all its tokens, including future ones, with 403 because it is
    /// suspended. Global clients cannot act for it either.
    #[must_use]
    pub fn organization(issuer: impl Into<String>, code: impl Into<String>) -> Self {
        Self::new(issuer, Kind::Organization, code)
    }

    /// Denies all tokens of the issuer that were [issued before](Self::issued_before) this time.
    #[must_use]
    pub fn tokens_issued_before(issuer: impl Into<String>, issued_before: i64) -> Self {
        Self::new(issuer, Kind::AllTokens, "*").issued_before(issued_before)
    }

    /// Restricts the entry to tokens with an `iat` before this many seconds since the Unix epoch,
    /// and tokens without `iat`. They are rejected with 401 as revoked, so clients fetch new ones.
    /// Default: all tokens, regardless of `iat`.
    #[must_use]
    pub fn issued_before(mut self, unix_seconds: i64) -> Self {
        self.issued_before = Some(unix_seconds);
        self
    }

    /// Records the time of the security event that adds the entry, so that no replica lets an older
    /// event remove it.
    #[cfg(feature = "security-events")]
    pub(crate) fn with_event_time(mut self, milliseconds: i64) -> Self {
        self.event_time = Some(milliseconds);
        self
    }
}

impl Kind {
    /// Returns the name in records of a store. It never changes.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Client => "client",
            Self::Subject => "subject",
            Self::Organization => "organization",
            Self::AllTokens => "all_tokens",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    pub(super) const ALL: [Self; 5] = [
        Self::Token,
        Self::Client,
        Self::Subject,
        Self::Organization,
        Self::AllTokens,
    ];
}

impl EntryOrigin {
    /// Returns the name in records of a store. It never changes.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::SecurityEvent => "security_event",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::Application, Self::SecurityEvent]
            .into_iter()
            .find(|origin| origin.as_str() == name)
    }
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
