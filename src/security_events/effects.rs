//! The effects of events, in one table.

use super::error::EventError;
use super::event::{ChangeType, EventKind};
use super::kinde::WebhookKind;
use super::subject::Subject;
use crate::revocation::DenylistEntry;

/// What an event changes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Denies tokens that were issued up to the event. The order of such events makes no
    /// difference, because the latest time counts.
    DenyOlderTokens(DenylistEntry),
    /// Denies one token.
    DenyToken(DenylistEntry),
    /// Denies an organization without an end. No event removes the entry.
    DenyOrganization(DenylistEntry),
    /// Denies a principal until a newer event removes the entry.
    DenySubject(DenylistEntry),
    RemoveSubject(DenylistEntry),
    /// Makes the Kinde caller check query again.
    QueryOrganization(Box<str>),
    CompareState(Option<Box<str>>),
    RecordStreamStatus(Option<Box<str>>),
    Ignore(NoEffect),
}

impl Effect {
    /// Returns `true` if a repetition changes nothing, or only denies what the event denied
    /// before. Such an event takes effect also if the store of seen events is full.
    pub(super) fn is_repeatable(&self) -> bool {
        match self {
            Self::DenyOlderTokens(_)
            | Self::DenyToken(_)
            | Self::DenyOrganization(_)
            | Self::DenySubject(_)
            | Self::QueryOrganization(_)
            | Self::Ignore(_) => true,
            Self::RemoveSubject(_) | Self::CompareState(_) | Self::RecordStreamStatus(_) => false,
        }
    }
}

/// Why an authentic event has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoEffect {
    UnknownEvent,
    UnknownSubject,
    /// The transmitter's metadata says that a member must be understood, and this crate does not
    /// (SSF, rule 327).
    CriticalMember,
    /// A new credential, or a user's event without a status.
    NothingRevoked,
    MalformedData,
    /// A newer event about the same principal was applied.
    Late,
    /// No token can have this name.
    InvalidName,
    /// No caller check is set that the event concerns.
    NoCallerCheck,
}

/// What became of an accepted event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accepted {
    Applied,
    Ignored(NoEffect),
    Duplicate,
}

impl NoEffect {
    /// Returns a stable name: for logs and metrics.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::UnknownEvent => "unknown_event",
            Self::UnknownSubject => "unknown_subject",
            Self::CriticalMember => "critical_member",
            Self::NothingRevoked => "nothing_revoked",
            Self::MalformedData => "malformed_data",
            Self::Late => "late",
            Self::InvalidName => "invalid_name",
            Self::NoCallerCheck => "no_caller_check",
        }
    }
}

/// What the transmitter may report, and what its metadata requires.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speaker<'s> {
    pub(super) transmitter: &'s str,
    /// Further issuers whose subjects it may name.
    pub(super) speaks_for: &'s [Box<str>],
    /// `critical_subject_members` of its metadata.
    pub(super) critical_members: &'s [Box<str>],
}

/// Returns the effect of a SET. `time` is in seconds.
pub(super) fn effect_of(
    kind: EventKind,
    time: i64,
    speaker: Speaker<'_>,
) -> Result<Effect, EventError> {
    match kind {
        EventKind::SessionRevoked(subject)
        | EventKind::TokenClaimsChange(subject)
        | EventKind::AssuranceLevelChange(subject)
        | EventKind::CredentialChange(ChangeType::Replaced, subject) => {
            subject_effect(subject, time, speaker, |entry| {
                deny_older_tokens(entry, time)
            })
        }
        EventKind::CredentialChange(ChangeType::Create, _) => {
            Ok(Effect::Ignore(NoEffect::NothingRevoked))
        }
        EventKind::CredentialChange(ChangeType::Unknown, _) | EventKind::Unknown => {
            Ok(Effect::Ignore(NoEffect::UnknownEvent))
        }
        EventKind::AccountDisabled(subject) | EventKind::AccountPurged(subject) => {
            subject_effect(subject, time, speaker, Effect::DenySubject)
        }
        // It removes only the entry that `account-disabled` adds for a simple subject.
        EventKind::AccountEnabled(subject @ Subject::IssSub { .. }) => {
            subject_effect(subject, time, speaker, Effect::RemoveSubject)
        }
        EventKind::AccountEnabled(_) => Ok(Effect::Ignore(NoEffect::UnknownSubject)),
        EventKind::Verification { state } => Ok(Effect::CompareState(state)),
        EventKind::StreamUpdated { status } => Ok(Effect::RecordStreamStatus(status)),
    }
}

/// Returns the effect on a subject. `simple` is the effect on a subject of the format `iss_sub`.
fn subject_effect(
    subject: Subject,
    time: i64,
    speaker: Speaker<'_>,
    simple: impl FnOnce(DenylistEntry) -> Effect,
) -> Result<Effect, EventError> {
    match subject {
        Subject::IssSub { iss, sub } => {
            speaker.check_issuer(&iss)?;
            Ok(simple(DenylistEntry::subject(iss, sub)))
        }
        Subject::JwtId { iss, jti } => {
            speaker.check_issuer(&iss)?;
            Ok(Effect::DenyToken(DenylistEntry::token(iss, jti)))
        }
        Subject::Complex(members) => complex_effect(members, time, speaker),
        Subject::Opaque { .. } | Subject::Other => Ok(Effect::Ignore(NoEffect::UnknownSubject)),
    }
}

/// A complex subject names one principal by all its members. The effect is never wider than the
/// principal: a user and its organization are the user (rule 328).
fn complex_effect(
    members: Vec<(Box<str>, Subject)>,
    time: i64,
    speaker: Speaker<'_>,
) -> Result<Effect, EventError> {
    let is_alone = members.len() == 1;
    let mut chosen = None;
    let mut others = Vec::new();
    for (name, subject) in members {
        match (&*name, subject) {
            ("user", Subject::IssSub { iss, sub }) => {
                chosen = Some((iss, sub, DenylistEntry::subject as EntryOf));
            }
            ("tenant", Subject::Opaque { id }) if is_alone => match speaker.only_issuer() {
                Some(iss) => {
                    chosen = Some((iss.into(), id, DenylistEntry::organization as EntryOf));
                }
                None => others.push(name),
            },
            ("tenant", Subject::IssSub { iss, sub }) if is_alone => {
                chosen = Some((iss, sub, DenylistEntry::organization as EntryOf));
            }
            _ => others.push(name),
        }
    }
    if others.iter().any(|name| speaker.is_critical(name)) {
        return Ok(Effect::Ignore(NoEffect::CriticalMember));
    }
    let Some((iss, name, entry)) = chosen else {
        return Ok(Effect::Ignore(NoEffect::UnknownSubject));
    };
    speaker.check_issuer(&iss)?;
    Ok(deny_older_tokens(entry(iss, name), time))
}

/// Denies the tokens that were issued up to this second.
fn deny_older_tokens(entry: DenylistEntry, time: i64) -> Effect {
    Effect::DenyOlderTokens(entry.issued_before(time.saturating_add(1)))
}

/// A constructor of entries, by issuer and name.
type EntryOf = fn(Box<str>, Box<str>) -> DenylistEntry;

impl<'s> Speaker<'s> {
    /// Checks that the transmitter may name subjects of this issuer (rule 216).
    fn check_issuer(self, issuer: &str) -> Result<(), EventError> {
        let is_allowed = *issuer == *self.transmitter
            || self.speaks_for.iter().any(|allowed| **allowed == *issuer);
        if is_allowed {
            Ok(())
        } else {
            Err(EventError::SubjectOfOtherIssuer)
        }
    }

    /// Returns the issuer of a subject that does not name one, if there is only one.
    fn only_issuer(self) -> Option<&'s str> {
        match self.speaks_for {
            [] => Some(self.transmitter),
            [issuer] => Some(issuer),
            _ => None,
        }
    }

    fn is_critical(self, member: &str) -> bool {
        self.critical_members.iter().any(|name| **name == *member)
    }
}

/// Returns the effect of a webhook of this issuer.
pub(super) fn webhook_effect(issuer: &str, kind: WebhookKind) -> Effect {
    match kind {
        WebhookKind::OrganizationDeleted { code } => {
            Effect::DenyOrganization(DenylistEntry::organization(issuer, code))
        }
        WebhookKind::OrganizationUpdated { code } => Effect::QueryOrganization(code),
        WebhookKind::UserSuspended { id } | WebhookKind::UserDeleted { id } => {
            Effect::DenySubject(DenylistEntry::subject(issuer, id))
        }
        WebhookKind::UserActive { id } => Effect::RemoveSubject(DenylistEntry::subject(issuer, id)),
        WebhookKind::NoStatus => Effect::Ignore(NoEffect::NothingRevoked),
        WebhookKind::Malformed => Effect::Ignore(NoEffect::MalformedData),
        WebhookKind::Other => Effect::Ignore(NoEffect::UnknownEvent),
    }
}
