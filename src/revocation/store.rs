//! The store that several replicas share: what users implement.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::record::{DenylistRecord, RecordKey};
use crate::util::{BoxError, causes_of};

/// The changes that a store may send ahead of the replication task.
const BUFFERED_CHANGES: usize = 1_000;

/// A store that several replicas share, for [`Denylist::replicated`](crate::Denylist::replicated).
///
/// The feature `redis` has one. If you write your own, run `testing::store_contract` (feature
/// `test-util`) in its tests. A store needs only three operations, and no replica reads it while a
/// request waits.
///
/// * [`put`](Self::put) merges: if the store has a record with the same key, it writes
///   [`DenylistRecord::merged_with`]. If that is the stored record, it writes nothing.
/// * [`remove`](Self::remove) writes a [`DenylistRecord::removal`] in the same way. The store keeps
///   removals until they are [obsolete](DenylistRecord::is_obsolete), and sends them like entries.
/// * [`follow`](Self::follow) with `None` sends all records, then the changes that happened since
///   it began, then [`caught_up`](DenylistChanges::caught_up). After that it sends every change in
///   order, and `caught_up` with the new position when no further changes are known.
/// * With a cursor it sends only the changes after that position. If it cannot do that, because the
///   position is unknown or changes after it are lost, it calls [`gap`](DenylistChanges::gap) and
///   begins as with `None`.
/// * If there are no changes, it calls [`heartbeat`](DenylistChanges::heartbeat) at least every
///   10 s, and at once when it begins with a cursor, but only if the store confirmed that there are
///   none.
/// * A future may be dropped at any time.
///
/// ```
/// use tower_m2m::{BoxError, DenylistChanges, DenylistRecord, DenylistStore, RecordKey, StoreCursor};
///
/// struct MyDatabase;
///
/// impl DenylistStore for MyDatabase {
///     async fn follow(&self, _from: Option<StoreCursor>, changes: DenylistChanges) -> Result<(), BoxError> {
///         // for record in … { changes.added(record).await?; }
///         changes.caught_up(StoreCursor::new("0")).await?;
///         Err("the connection was closed".into())
///     }
///
///     async fn put(&self, _record: DenylistRecord) -> Result<(), BoxError> {
///         Ok(())
///     }
///
///     async fn remove(&self, key: RecordKey) -> Result<(), BoxError> {
///         self.put(DenylistRecord::removal(&key)).await
///     }
/// }
/// ```
pub trait DenylistStore: Send + Sync + 'static {
    /// Sends all entries to `changes`, then every change, until the connection breaks. The
    /// replication task then calls it again with the last cursor.
    fn follow(
        &self,
        from: Option<StoreCursor>,
        changes: DenylistChanges,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Writes a record, and returns after all replicas can receive it.
    fn put(&self, record: DenylistRecord) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Removes an entry: writes its [removal](DenylistRecord::removal), also if there is no record
    /// with this key.
    fn remove(&self, key: RecordKey) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// A position in the changes of a [`DenylistStore`]. Only the store knows its meaning.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoreCursor(Box<str>);

impl StoreCursor {
    /// Creates a cursor.
    #[must_use]
    pub fn new(position: impl Into<String>) -> Self {
        Self(position.into().into())
    }

    /// Returns the position.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The receiver of a store's entries and changes. It is a bounded channel: if the replication task
/// is slower than the store, the store waits.
#[derive(Clone, Debug)]
pub struct DenylistChanges(mpsc::Sender<StoreChange>);

/// The error of [`DenylistChanges`] if the replication task no longer receives changes. The store
/// returns it from [`DenylistStore::follow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ReplicationEnded;

#[derive(Debug)]
pub(crate) enum StoreChange {
    Added(DenylistRecord),
    Removed(RecordKey),
    CaughtUp(StoreCursor),
    Heartbeat,
    Gap,
    Malformed,
    Unauthenticated,
}

impl DenylistChanges {
    pub(crate) fn channel() -> (Self, mpsc::Receiver<StoreChange>) {
        let (sender, receiver) = mpsc::channel(BUFFERED_CHANGES);
        (Self(sender), receiver)
    }

    /// Sends a record that the store has, or that was written: an entry, or a removal.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicationEnded`] if no task receives changes, like all methods of this type.
    pub async fn added(&self, record: DenylistRecord) -> Result<(), ReplicationEnded> {
        self.send(StoreChange::Added(record)).await
    }

    /// Sends that a record was deleted, if the store has no record of the removal.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicationEnded`] if no task receives changes.
    pub async fn removed(&self, key: RecordKey) -> Result<(), ReplicationEnded> {
        self.send(StoreChange::Removed(key)).await
    }

    /// Sends that all entries and changes up to this position were sent, and that these are all
    /// that the store had when they were read. The list counts as up to date.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicationEnded`] if no task receives changes.
    pub async fn caught_up(&self, cursor: StoreCursor) -> Result<(), ReplicationEnded> {
        self.send(StoreChange::CaughtUp(cursor)).await
    }

    /// Sends that the store was reached and that there are no further changes.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicationEnded`] if no task receives changes.
    pub async fn heartbeat(&self) -> Result<(), ReplicationEnded> {
        self.send(StoreChange::Heartbeat).await
    }

    /// Sends that changes were lost, so that all entries follow, and then
    /// [`caught_up`](Self::caught_up). The current entries stay active until then.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicationEnded`] if no task receives changes.
    pub async fn gap(&self) -> Result<(), ReplicationEnded> {
        self.send(StoreChange::Gap).await
    }

    /// Counts a record that has no valid form. The store continues with the next one.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicationEnded`] if no task receives changes.
    pub async fn malformed(&self) -> Result<(), ReplicationEnded> {
        self.send(StoreChange::Malformed).await
    }

    /// Counts a record that is not authentic, for example without a valid HMAC. The store continues
    /// with the next one.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicationEnded`] if no task receives changes.
    pub async fn unauthenticated(&self) -> Result<(), ReplicationEnded> {
        self.send(StoreChange::Unauthenticated).await
    }

    async fn send(&self, change: StoreChange) -> Result<(), ReplicationEnded> {
        self.0.send(change).await.map_err(|_| ReplicationEnded)
    }
}

impl fmt::Display for ReplicationEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the replication task no longer receives changes")
    }
}

impl std::error::Error for ReplicationEnded {}

/// Returns the result of an operation of a store, or the messages of its error. The operation has
/// no result if the store panicked.
pub(super) fn result_of(finished: Option<Result<(), BoxError>>) -> Result<(), Arc<str>> {
    match finished {
        Some(Ok(())) => Ok(()),
        Some(Err(error)) => Err(causes_of(Some(&*error)).into()),
        None => Err("the store panicked".into()),
    }
}

type StoreFuture = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// A store of any type.
#[derive(Clone)]
pub(super) struct StoreHandle {
    follow: Arc<dyn Fn(Option<StoreCursor>, DenylistChanges) -> StoreFuture + Send + Sync>,
    put: Arc<dyn Fn(DenylistRecord) -> StoreFuture + Send + Sync>,
    remove: Arc<dyn Fn(RecordKey) -> StoreFuture + Send + Sync>,
}

impl StoreHandle {
    pub(super) fn new<S: DenylistStore>(store: S) -> Self {
        let store = Arc::new(store);
        let (follows, puts, removes) = (Arc::clone(&store), Arc::clone(&store), store);
        Self {
            follow: Arc::new(move |from, changes| {
                let store = Arc::clone(&follows);
                Box::pin(async move { store.follow(from, changes).await })
            }),
            put: Arc::new(move |record| {
                let store = Arc::clone(&puts);
                Box::pin(async move { store.put(record).await })
            }),
            remove: Arc::new(move |key| {
                let store = Arc::clone(&removes);
                Box::pin(async move { store.remove(key).await })
            }),
        }
    }

    pub(super) fn follow(
        &self,
        from: Option<StoreCursor>,
        changes: DenylistChanges,
    ) -> StoreFuture {
        (self.follow)(from, changes)
    }

    pub(super) fn put(&self, record: DenylistRecord) -> StoreFuture {
        (self.put)(record)
    }

    pub(super) fn remove(&self, key: RecordKey) -> StoreFuture {
        (self.remove)(key)
    }
}
