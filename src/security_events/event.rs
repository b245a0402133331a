//! What a Security Event Token reports.

use super::subject::Subject;

/// An event of a transmitter, with valid claims.
#[derive(Debug)]
pub(super) struct SecurityEvent {
    /// `jti`.
    pub(super) id: Box<str>,
    /// `iat`.
    pub(super) issued_at: i64,
    /// When it happened, in seconds: `event_timestamp`, `toe` or `iat`.
    pub(super) time: i64,
    pub(super) kind: EventKind,
}

/// The kinds of events (CAEP 1.0, RISC 1.0, SSF 1.0).
#[derive(Debug)]
pub(super) enum EventKind {
    SessionRevoked(Subject),
    TokenClaimsChange(Subject),
    AssuranceLevelChange(Subject),
    CredentialChange(ChangeType, Subject),
    AccountDisabled(Subject),
    AccountPurged(Subject),
    AccountEnabled(Subject),
    Verification { state: Option<Box<str>> },
    StreamUpdated { status: Option<Box<str>> },
    Unknown,
}

/// `change_type` of a changed credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChangeType {
    Create,
    /// `revoke`, `update` or `delete`.
    Replaced,
    Unknown,
}

impl ChangeType {
    pub(super) fn from_name(name: &str) -> Self {
        match name {
            "create" => Self::Create,
            "revoke" | "update" | "delete" => Self::Replaced,
            _ => Self::Unknown,
        }
    }
}

impl EventKind {
    /// Returns `true` if the principal has several members and the event can have an effect on it.
    pub(super) fn needs_critical_members(&self) -> bool {
        match self {
            Self::SessionRevoked(subject)
            | Self::TokenClaimsChange(subject)
            | Self::AssuranceLevelChange(subject)
            | Self::CredentialChange(ChangeType::Replaced, subject)
            | Self::AccountDisabled(subject)
            | Self::AccountPurged(subject) => matches!(subject, Subject::Complex(_)),
            Self::CredentialChange(ChangeType::Create | ChangeType::Unknown, _)
            | Self::AccountEnabled(_)
            | Self::Verification { .. }
            | Self::StreamUpdated { .. }
            | Self::Unknown => false,
        }
    }

    /// Returns a stable name: for logs and metrics.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::SessionRevoked(_) => "session_revoked",
            Self::TokenClaimsChange(_) => "token_claims_change",
            Self::AssuranceLevelChange(_) => "assurance_level_change",
            Self::CredentialChange(..) => "credential_change",
            Self::AccountDisabled(_) => "account_disabled",
            Self::AccountPurged(_) => "account_purged",
            Self::AccountEnabled(_) => "account_enabled",
            Self::Verification { .. } => "verification",
            Self::StreamUpdated { .. } => "stream_updated",
            Self::Unknown => "unknown",
        }
    }
}
