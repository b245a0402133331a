//! The two connections to Redis: one for commands, and one that blocks (rule 324).

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisError, cmd};
use tokio::sync::Semaphore;

use super::store_error::RedisStoreError;
use crate::util::{BoxError, lock};

/// The time in which a command must be answered.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(3);

/// The time for which a read of the stream blocks.
pub(super) const BLOCK: Duration = Duration::from_secs(5);

/// Longer than [`BLOCK`], so that an idle stream is no error.
const BLOCKING_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EvictionCheck {
    Required,
    Skipped,
}

pub(super) struct Connections {
    client: Client,
    eviction: EvictionCheck,
    /// Commands of all callers share it.
    commands: Mutex<Option<MultiplexedConnection>>,
    /// One caller connects, and the others wait.
    connecting: Semaphore,
}

impl Connections {
    pub(super) fn new(client: Client, eviction: EvictionCheck) -> Self {
        Self {
            client,
            eviction,
            commands: Mutex::new(None),
            connecting: Semaphore::new(1),
        }
    }

    /// Returns a connection that is used for one blocking read at a time and for nothing else.
    pub(super) async fn open_blocking(&self) -> Result<MultiplexedConnection, RedisStoreError> {
        self.open(BLOCKING_TIMEOUT).await
    }

    /// Returns the connection for commands. If there is none, it connects.
    pub(super) async fn open_commands(&self) -> Result<MultiplexedConnection, RedisStoreError> {
        if let Some(connection) = self.current() {
            return Ok(connection);
        }
        let permit = self.connecting.acquire().await;
        if let Some(connection) = self.current() {
            return Ok(connection);
        }
        let connection = self.open(COMMAND_TIMEOUT).await?;
        *self.commands() = Some(connection.clone());
        drop(permit);
        Ok(connection)
    }

    /// Sends one command. It is never sent again, because the result of a failed one is unknown.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, BoxError> {
        let mut connection = self.open_commands().await?;
        let result = command.query_async(&mut connection).await;
        if let Err(error) = &result {
            self.discard_broken(error);
        }
        Ok(result?)
    }

    /// Forgets a connection that cannot be used any more.
    fn discard_broken(&self, error: &RedisError) {
        if error.is_unrecoverable_error() || error.is_timeout() || error.is_io_error() {
            self.discard_commands();
        }
    }

    /// Forgets the connection for commands, so that the next command connects.
    pub(super) fn discard_commands(&self) {
        *self.commands() = None;
    }

    async fn open(&self, timeout: Duration) -> Result<MultiplexedConnection, RedisStoreError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(COMMAND_TIMEOUT))
            .set_response_timeout(Some(timeout));
        let connected = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await;
        let mut connection =
            connected.map_err(|error| RedisStoreError::Connection(error.into()))?;
        self.check_eviction(&mut connection).await?;
        Ok(connection)
    }

    /// Checks that Redis does not evict entries (rule 326).
    async fn check_eviction(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> Result<(), RedisStoreError> {
        if self.eviction == EvictionCheck::Skipped {
            return Ok(());
        }
        let memory: Result<String, _> = cmd("INFO").arg("memory").query_async(connection).await;
        let memory = memory.map_err(|error| RedisStoreError::UnknownEviction(error.into()))?;
        let mut lines = memory.lines();
        let policy = lines.find_map(|line| line.strip_prefix("maxmemory_policy:"));
        match policy.map(str::trim) {
            Some("noeviction") => Ok(()),
            Some(other) => Err(RedisStoreError::Eviction(crate::util::shortened(other, 40))),
            None => Err(RedisStoreError::UnknownEviction(
                "the response has no maxmemory_policy".into(),
            )),
        }
    }

    fn current(&self) -> Option<MultiplexedConnection> {
        self.commands().clone()
    }

    fn commands(&self) -> MutexGuard<'_, Option<MultiplexedConnection>> {
        lock(&self.commands)
    }
}
