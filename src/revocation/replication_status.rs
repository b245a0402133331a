//! The status of a replicated denylist, and the errors of changes on all replicas.

use std::fmt;
use std::time::Duration;

use super::denylist_error::DenylistError;
use crate::util::BoxError;

/// The status of a [replicated](crate::Denylist::replicated) denylist on this replica.
///
/// ```
/// use tower_m2m::Denylist;
///
/// assert!(Denylist::new().replication_status().is_none(), "this list is in one process only");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact for an alert")]
pub struct ReplicationStatus {
    /// Whether the whole list was loaded at least once. Before that, requests get a 503.
    pub is_loaded: bool,
    /// Whether requests are compared with the list. If not, they get a 503.
    pub is_usable: bool,
    /// Whether there was no data for longer than the
    /// [warning limit](crate::VerifierBuilder::denylist_stale_warning_after).
    pub is_stale: bool,
    /// The time since the last change or heartbeat, or `None` before the first load. Up to 6 s is
    /// usual with Redis.
    pub age: Option<Duration>,
    /// The entries on this replica, also those that only this replica has. Before the first load,
    /// these are the entries that were received so far.
    pub entries: usize,
    /// The writes of this replica that the store has not confirmed.
    pub pending_writes: usize,
    /// How often the whole list was loaded.
    pub loads: u64,
    /// How often changes were lost, so that the whole list was loaded again.
    pub gaps: u64,
    /// Records and removals without a valid form.
    pub malformed_records: u64,
    /// Records and removals without a valid HMAC.
    pub unauthenticated_records: u64,
    /// Records of a kind that this version does not know.
    pub unknown_records: u64,
    /// Whether the store has entries that did not fit into the list of this replica.
    pub is_incomplete: bool,
    /// Whether the store has no complete list: it lost entries, and the earlier ones still apply,
    /// or this replica was never loaded, and waits because the store may be new.
    pub is_emptying: bool,
    /// The last error of the store, or `None` if it responds.
    pub last_error: Option<String>,
}

/// The reason why a change does not apply to all replicas.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReplicationError {
    /// The entry was not added, on no replica.
    NotDenied(DenylistError),
    /// The issuer and the name together are longer than a record may be (1 KiB), so the entry was
    /// not added.
    RecordTooLong,
    /// The entry denies requests on this replica. The store did not confirm it, so the other
    /// replicas may not have it. The write is retried until the entry expires.
    NotReplicated(BoxError),
    /// The store did not confirm the removal. Call again: until then the entry stays.
    NotRemoved(BoxError),
    /// The list was not created with [`Denylist::replicated`](crate::Denylist::replicated).
    NoStore,
}

impl fmt::Display for ReplicationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDenied(error) => write!(f, "the entry was not added: {error}"),
            Self::RecordTooLong => {
                f.write_str("the entry was not added: its record is longer than 1 KiB")
            }
            Self::NotReplicated(error) => write!(
                f,
                "the entry is active on this replica only, and the write is retried: {error}"
            ),
            Self::NotRemoved(error) => {
                write!(f, "the entry was not removed: {error} (call again)")
            }
            Self::NoStore => f.write_str(
                "the denylist is in this process only: create it with `Denylist::replicated`",
            ),
        }
    }
}

impl std::error::Error for ReplicationError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotDenied(error) => Some(error),
            Self::NotReplicated(error) | Self::NotRemoved(error) => Some(&**error),
            Self::RecordTooLong | Self::NoStore => None,
        }
    }
}
