//! The Redis store: a hash with the entries, and a stream with the changes, written together.

use std::fmt;
use std::sync::Arc;

use ::redis::{Cmd, Value, cmd};

use super::connections::Connections;
use super::position::{Progress, ReadStep, StreamPosition};
use super::signature::{Meaning, RecordSigner};
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

const REMOVE: &str = "
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'r', ARGV[2])
return redis.call('HDEL', KEYS[1], ARGV[1])";

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

    /// Returns the connections and the beginning of the keys of used proofs.
    #[cfg(feature = "dpop")]
    pub(super) fn proofs(&self) -> (&Connections, &str) {
        (&self.0.connections, &self.0.proofs)
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

impl DenylistStore for RedisStore {
    async fn follow(
        &self,
        from: Option<StoreCursor>,
        changes: DenylistChanges,
    ) -> Result<(), BoxError> {
        let mut connection = self.0.connections.open_blocking().await?;
        let mut position = match from {
            None => self.load(&changes).await?,
            Some(cursor) => {
                let (position, info) = (StreamPosition::parse(&cursor), self.info().await?);
                match position.filter(|position| !info.has_gap(*position, *position)) {
                    Some(position) => position,
                    None => {
                        // It is of another store, or changes after it are lost.
                        changes.gap().await?;
                        self.load(&changes).await?
                    }
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
                ReadStep::Heartbeat => changes.heartbeat().await?,
                ReadStep::Behind => {}
                ReadStep::Stuck => {
                    return Err("Redis has changes that the connection does not receive".into());
                }
            }
        }
    }

    async fn put(&self, record: DenylistRecord) -> Result<(), BoxError> {
        let key = record.key();
        let (mut merged, mut expected) = (record.clone(), Vec::new());
        for _ in 0..MAX_ATTEMPTS {
            let value = self.0.signer.sign(Meaning::Record, &merged.to_json());
            let mut command = self.script(PUT);
            command
                .arg(key.as_str())
                .arg(&expected)
                .arg(value)
                .arg(KEPT_CHANGES);
            let Value::BulkString(stored) = self.0.connections.query(&command).await? else {
                return Ok(());
            };
            let json = self.0.signer.open(Meaning::Record, &stored);
            let earlier = json.and_then(|json| DenylistRecord::from_json(json).ok());
            // A stored record that cannot be used is replaced.
            if let Some(earlier) = earlier.filter(|earlier| earlier.key() == key) {
                merged = record.clone().merged_with(&earlier);
                if merged == earlier {
                    return Ok(());
                }
            }
            expected = stored;
        }
        Err("other replicas wrote the same entry all the time".into())
    }

    async fn remove(&self, key: RecordKey) -> Result<(), BoxError> {
        let removal = self
            .0
            .signer
            .sign(Meaning::Removal, key.as_str().as_bytes());
        let mut command = self.script(REMOVE);
        command.arg(key.as_str()).arg(removal).arg(KEPT_CHANGES);
        let _: i64 = self.0.connections.query(&command).await?;
        Ok(())
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("entries", &self.0.entries)
            .finish_non_exhaustive()
    }
}
