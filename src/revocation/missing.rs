//! Entries that a store does not have.

/// What to do with an entry of this list that the store does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    Remove,
    /// The write is in progress, or was confirmed after the load began.
    Keep,
    /// The store confirmed the write and lost it.
    WriteAgain,
}
