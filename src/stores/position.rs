//! A position in the stream of changes, and whether changes after it were lost (rule 325).

use crate::revocation::StoreCursor;

/// The ID of a stream entry: milliseconds and a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryId {
    millis: u64,
    number: u64,
}

/// A position, and the number of entries up to it since the stream began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct StreamPosition {
    pub(super) id: EntryId,
    pub(super) entries: u64,
}

/// What `XINFO STREAM` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct StreamInfo {
    pub(super) last_id: EntryId,
    /// The entries that were ever added.
    pub(super) added: u64,
    /// The entries that the stream contains.
    pub(super) length: u64,
}

impl EntryId {
    pub(super) fn parse(id: &str) -> Option<Self> {
        let (millis, number) = id.split_once('-')?;
        Some(Self {
            millis: millis.parse().ok()?,
            number: number.parse().ok()?,
        })
    }
}

impl std::fmt::Display for EntryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.millis, self.number)
    }
}

impl StreamPosition {
    pub(super) fn parse(cursor: &StoreCursor) -> Option<Self> {
        let (id, entries) = cursor.as_str().split_once('/')?;
        Some(Self {
            id: EntryId::parse(id)?,
            entries: entries.parse().ok()?,
        })
    }

    pub(super) fn cursor(self) -> StoreCursor {
        StoreCursor::new(format!("{}/{}", self.id, self.entries))
    }

    /// Returns the position after one more entry.
    pub(super) fn after(self, id: EntryId) -> Self {
        Self {
            id,
            entries: self.entries + 1,
        }
    }
}

impl StreamInfo {
    /// Returns the position after the last entry.
    pub(super) fn end(self) -> StreamPosition {
        StreamPosition {
            id: self.last_id,
            entries: self.added,
        }
    }

    /// Returns `true` if changes may have been lost in a read from one position to another.
    pub(super) fn has_gap(self, from: StreamPosition, to: StreamPosition) -> bool {
        // The stream began again, or it is an older copy.
        let is_older = self.last_id < to.id || self.added < to.entries;
        // Entries after the first position were trimmed, perhaps before they were read.
        let trimmed = self.added.saturating_sub(self.length);
        let is_trimmed = trimmed > from.entries;
        // All entries were read, but not as many as were added.
        let is_miscounted = self.last_id == to.id && self.added != to.entries;
        is_older || is_trimmed || is_miscounted
    }
}

/// How far a reader of the stream is.
pub(super) struct Progress {
    /// The last ID of the stream before the last read.
    end: EntryId,
    /// The reads in a row that returned no change although the stream has more.
    empty_reads: u32,
}

/// What a reader does after a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadStep {
    /// Changes may have been lost: it loads all entries.
    Gap,
    /// It received all changes that existed before this read.
    CaughtUp,
    /// The stream has no further changes.
    Heartbeat,
    /// The stream has further changes: it reads again, and does not confirm the list.
    Behind,
    /// Reads return no change although there are some, for example because the two connections
    /// are to different servers.
    Stuck,
}

impl Progress {
    /// A reader that begins when this is the last ID of the stream.
    pub(super) fn new(end: EntryId) -> Self {
        Self {
            end,
            empty_reads: 0,
        }
    }

    /// Decides after a read from one position to another. `info` is newer than the read.
    pub(super) fn after_read(
        &mut self,
        info: StreamInfo,
        from: StreamPosition,
        to: StreamPosition,
    ) -> ReadStep {
        let end_before = std::mem::replace(&mut self.end, info.last_id);
        let is_idle = from == to;
        if !is_idle || info.last_id == to.id {
            self.empty_reads = 0;
        } else {
            self.empty_reads += 1;
        }
        if info.has_gap(from, to) {
            ReadStep::Gap
        } else if self.empty_reads > 1 {
            ReadStep::Stuck
        } else if self.empty_reads > 0 || to.id < end_before {
            ReadStep::Behind
        } else if is_idle {
            ReadStep::Heartbeat
        } else {
            ReadStep::CaughtUp
        }
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
