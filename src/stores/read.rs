//! Reading the entries and the changes.

use ::redis::aio::MultiplexedConnection;
use ::redis::{Value, cmd, from_redis_value};

use super::connections::BLOCK;
use super::position::{EntryId, StreamInfo, StreamPosition};
use super::redis::RedisStore;
use super::signature::SignedWith;
use crate::revocation::{DenylistChanges, DenylistRecord};
use crate::util::BoxError;

/// The entries of one page, and the changes of one read.
const PAGE: usize = 1_000;

/// Deletes a record that applies on no replica any more, unless it was written again.
const DELETE_OBSOLETE: &str = "
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])";

/// Replaces the HMAC of a record, unless it was written again. It is no change of the entry.
const SIGN_AGAIN: &str = "
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
return redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])";

/// A field of the hash and its value.
type StoredEntry = (Vec<u8>, Vec<u8>);

/// An ID of the stream, and the names and values of the entry.
pub(super) type StreamEntry = (String, Vec<Vec<u8>>);

impl RedisStore {
    /// Reads what `XINFO STREAM` says. If there is no stream yet, all numbers are zero.
    pub(super) async fn info(&self) -> Result<StreamInfo, BoxError> {
        let mut command = cmd("XINFO");
        command.arg("STREAM").arg(&self.0.changes);
        let reply: Vec<Value> = match self.0.connections.query(&command).await {
            Ok(reply) => reply,
            Err(error) if error.to_string().contains("no such key") => {
                return Ok(StreamInfo::default());
            }
            Err(error) => return Err(error),
        };
        let field = |name: &str| {
            let mut pairs = reply
                .chunks_exact(2)
                .filter_map(|pair| pair.first().zip(pair.get(1)));
            let is_named =
                |key: &Value| matches!(key, Value::BulkString(key) if key == name.as_bytes());
            let found = pairs
                .find(|(key, _)| is_named(key))
                .map(|(_, value)| value.clone());
            found.ok_or_else(|| {
                format!("XINFO STREAM has no {name}: Redis 7.0 or newer is required")
            })
        };
        let last_id: String = from_redis_value(field("last-generated-id")?)?;
        Ok(StreamInfo {
            last_id: EntryId::parse(&last_id).ok_or("XINFO STREAM has no valid ID")?,
            added: from_redis_value(field("entries-added")?)?,
            length: from_redis_value(field("length")?)?,
        })
    }

    /// Sends all entries, and the changes since it began.
    pub(super) async fn load(&self, changes: &DenylistChanges) -> Result<StreamPosition, BoxError> {
        // Before the entries, so that no change is between the two.
        let mut position = self.info().await?.end();
        // A clock of a replica that is ahead must not delete entries.
        let (now, _): (i64, i64) = self.0.connections.query(&cmd("TIME")).await?;
        let mut cursor = 0_u64;
        loop {
            let mut command = cmd("HSCAN");
            command
                .arg(&self.0.entries)
                .arg(cursor)
                .arg("COUNT")
                .arg(PAGE);
            let (next, page): (u64, Vec<StoredEntry>) = self.0.connections.query(&command).await?;
            for (field, stored) in page {
                let Some((record, signed_with)) = self.record(&stored, changes).await? else {
                    continue;
                };
                if record.is_obsolete(now) {
                    let mut command = self.script(DELETE_OBSOLETE);
                    command.arg(field).arg(stored);
                    let _: i64 = self.0.connections.query(&command).await?;
                    continue;
                }
                if signed_with == SignedWith::AcceptedKey {
                    let again = self.0.signer.sign(&record.to_json());
                    let mut command = self.script(SIGN_AGAIN);
                    command.arg(field).arg(stored).arg(again);
                    let _: i64 = self.0.connections.query(&command).await?;
                }
                changes.added(record).await?;
            }
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        loop {
            let entries = self.read_now(position).await?;
            let is_end = entries.len() < PAGE;
            position = self.send(position, entries, changes).await?;
            if is_end {
                break;
            }
        }
        changes.caught_up(position.cursor()).await?;
        Ok(position)
    }

    async fn read_now(&self, position: StreamPosition) -> Result<Vec<StreamEntry>, BoxError> {
        let mut command = cmd("XREAD");
        command
            .arg("COUNT")
            .arg(PAGE)
            .arg("STREAMS")
            .arg(&self.0.changes);
        command.arg(position.id.to_string());
        let reply: Option<Vec<(String, Vec<StreamEntry>)>> =
            self.0.connections.query(&command).await?;
        Ok(entries_of(reply))
    }

    /// Waits for changes after a position. After [`BLOCK`] without one, it returns none.
    pub(super) async fn read(
        &self,
        connection: &mut MultiplexedConnection,
        position: StreamPosition,
    ) -> Result<Vec<StreamEntry>, BoxError> {
        let mut command = cmd("XREAD");
        command
            .arg("COUNT")
            .arg(PAGE)
            .arg("BLOCK")
            .arg(BLOCK.as_millis().to_string());
        command
            .arg("STREAMS")
            .arg(&self.0.changes)
            .arg(position.id.to_string());
        let reply: Option<Vec<(String, Vec<StreamEntry>)>> =
            command.query_async(connection).await?;
        Ok(entries_of(reply))
    }

    /// Sends changes, and returns the position after them.
    pub(super) async fn send(
        &self,
        mut position: StreamPosition,
        entries: Vec<StreamEntry>,
        changes: &DenylistChanges,
    ) -> Result<StreamPosition, BoxError> {
        for (id, fields) in entries {
            let id = EntryId::parse(&id).ok_or("XREAD returned an invalid ID")?;
            position = position.after(id);
            match fields.as_slice() {
                [name, stored] if name == b"a" => {
                    if let Some((record, _)) = self.record(stored, changes).await? {
                        changes.added(record).await?;
                    }
                }
                _ => changes.malformed().await?,
            }
        }
        Ok(position)
    }

    /// Returns a stored record, or counts it if it cannot be used.
    async fn record(
        &self,
        stored: &[u8],
        changes: &DenylistChanges,
    ) -> Result<Option<(DenylistRecord, SignedWith)>, BoxError> {
        let Some(opened) = self.0.signer.open(stored) else {
            changes.unauthenticated().await?;
            return Ok(None);
        };
        let Ok(record) = DenylistRecord::from_json(opened.json) else {
            changes.malformed().await?;
            return Ok(None);
        };
        Ok(Some((record, opened.signed_with)))
    }
}

fn entries_of(reply: Option<Vec<(String, Vec<StreamEntry>)>>) -> Vec<StreamEntry> {
    let streams = reply.into_iter().flatten();
    streams.flat_map(|(_, entries)| entries).collect()
}
