//! The Redis store: a hash with the entries, and a stream with the changes, written together.

use std::fmt;
use std::sync::Arc;

use ::redis::{Cmd, Value, cmd};

use super::connections::Connections;
use super::node::check_primary;
use super::position::{Progress, ReadStep, StreamPosition};
use super::signature::{RecordSigner, SignedWith};
use crate::revocation::{DenylistChanges, DenylistRecord, DenylistStore, RecordKey, StoreCursor};
use crate::util::BoxError;

/// The changes that the stream keeps at least.
const KEPT_CHANGES: u32 = 20_000;

/// The attempts to write a record that others write at the same time.
const MAX_ATTEMPTS: u32 = 16;

/// Writes a record if the stored one is as expected, and otherwise returns the stored one.
const PUT: &str = "
local stored = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if stored ~= ARGV[2] then return stored end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[4], '*', 'a', ARGV[3])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1";

/// A store for several replicas in Redis 7.0 or newer (feature `redis`): a [`DenylistStore`],
/// and with the feature `dpop` a store of used proofs (`ReplayStore`).
/// Valkey was not tested.
///
/// It uses two connections: one for commands, and one that waits for changes. All keys begin with
/// the namespace in braces, so they are in one slot of a cluster. Redis must not evict entries
/// (`maxmemory-policy noeviction`), and should persist each write (`appendonly yes`). With the
/// scheme `rediss` the connections use TLS. Clones share the connections.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_m2m::{Denylist, RedisStore};
///
/// let store = RedisStore::connect("redis://127.0.0.1:6379", "acme:m2m").await?;
/// let denylist = Denylist::replicated(store);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisStore(pub(super) Arc<StoreParts>);

pub(super) struct StoreParts {
    pub(super) connections: Arc<Connections>,
    pub(super) entries: String,
    pub(super) changes: String,
    #[cfg(feature = "dpop")]
    proofs: String,
    pub(super) signer: RecordSigner,
}

impl RedisStore {
    pub(super) fn new(
        connections: Arc<Connections>,
        namespace: &str,
        signer: RecordSigner,
    ) -> Self {
        Self(Arc::new(StoreParts {
            connections,
            entries: format!("{{{namespace}}}:denylist"),
            #[cfg(feature = "dpop")]
            proofs: format!("{{{namespace}}}:proof:"),
            changes: format!("{{{namespace}}}:denylist:changes"),
            signer,
        }))
    }

    #[cfg(feature = "dpop")]
    pub(super) fn connections(&self) -> &Arc<Connections> {
        &self.0.connections
    }

    /// Returns the key of a used proof.
    #[cfg(feature = "dpop")]
    pub(super) fn proof(&self, name: &str) -> String {
        format!("{}{name}", self.0.proofs)
    }

    pub(super) fn script(&self, script: &str) -> Cmd {
        let mut command = cmd("EVAL");
        command
            .arg(script)
            .arg(2)
            .arg(&self.0.entries)
            .arg(&self.0.changes);
        command
    }
}

impl RedisStore {
    async fn follow_until_it_breaks(
        &self,
        from: Option<StoreCursor>,
        changes: DenylistChanges,
    ) -> Result<(), BoxError> {
        let mut connection = self.0.connections.open_blocking().await?;
        let mut position = match from {
            None => self.load(&changes).await?,
            Some(cursor) => {
                let (position, info) = (StreamPosition::parse(&cursor), self.info().await?);
                let resumed = position.filter(|position| !info.has_gap(*position, *position));
                if let Some(position) = resumed {
                    if info.last_id == position.id {
                        // At once, so that writes that failed are retried.
                        changes.heartbeat().await?;
                    }
                    position
                } else {
                    // It is of another store, or changes after it are lost.
                    changes.gap().await?;
                    self.load(&changes).await?
                }
            }
        };
        let mut progress = Progress::new(self.info().await?.last_id);
        loop {
            let entries = self.read(&mut connection, position).await?;
            let from = position;
            position = self.send(position, entries, &changes).await?;
            // `BLOCK` has no effect in a transaction, so the check comes after the read.
            match progress.after_read(self.info().await?, from, position) {
                ReadStep::Gap => {
                    changes.gap().await?;
                    position = self.load(&changes).await?;
                }
                ReadStep::CaughtUp => changes.caught_up(position.cursor()).await?,
                ReadStep::Heartbeat => {
                    // A primary that was demoted still responds, and may lack later changes.
                    check_primary(&mut connection).await?;
                    changes.heartbeat().await?;
                }
                ReadStep::Behind => {}
                ReadStep::Stuck => {
                    return Err("Redis has changes that the connection does not receive".into());
                }
            }
        }
    }

    /// Returns the stored record, or `None` if it cannot be used and may be replaced.
    ///
    /// # Errors
    ///
    /// Returns an error if a newer version of this crate wrote it in a form that this version does
    /// not know, so that it is not lost.
    fn replaced(&self, stored: &[u8], key: &RecordKey) -> Result<Option<DenylistRecord>, BoxError> {
        let Some(opened) = self.0.signer.open(stored) else {
            return Ok(None);
        };
        if let Ok(record) = DenylistRecord::from_json(opened.json) {
            return Ok(Some(record).filter(|record| record.key() == *key));
        }
        let is_authentic = opened.signed_with != SignedWith::Unchecked;
        if is_authentic || DenylistRecord::has_newer_version(opened.json) {
            return Err(
                "the stored record is of a newer version of tower-m2m: update this replica".into(),
            );
        }
        Ok(None)
    }
}

impl DenylistStore for RedisStore {
    async fn follow(
        &self,
        from: Option<StoreCursor>,
        changes: DenylistChanges,
    ) -> Result<(), BoxError> {
        let ended = self.follow_until_it_breaks(from, changes).await;
        if ended.is_err() {
            // It may be broken too, and then the next attempt would fail.
            self.0.connections.discard_commands();
        }
        ended
    }

    async fn put(&self, record: DenylistRecord) -> Result<(), BoxError> {
        let key = record.key();
        let (mut merged, mut expected) = (record.clone(), Vec::new());
        for _ in 0..MAX_ATTEMPTS {
            let value = self.0.signer.sign(&merged.to_json());
            let mut command = self.script(PUT);
            command
                .arg(key.as_str())
                .arg(&expected)
                .arg(value)
                .arg(KEPT_CHANGES);
            let Value::BulkString(stored) = self.0.connections.query(&command).await? else {
                return Ok(());
            };
            merged = record.clone();
            if let Some(earlier) = self.replaced(&stored, &key)? {
                merged = merged.merged_with(&earlier);
                if merged == earlier {
                    return Ok(());
                }
            }
            expected = stored;
        }
        Err("other replicas wrote the same entry all the time".into())
    }

    async fn remove(&self, key: RecordKey) -> Result<(), BoxError> {
        self.put(DenylistRecord::removal(&key)).await
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("entries", &self.0.entries)
            .finish_non_exhaustive()
    }
}
