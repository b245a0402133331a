//! The two connections to Redis: one for commands, and one that blocks (rule 324).

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, FromRedisValue};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::node::{RedisNode, is_broken, is_unfit};
use super::store_error::RedisStoreError;
use crate::util::{BoxError, lock};

/// The time in which a command must be answered.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(3);

/// The time for which a read of the stream blocks.
pub(super) const BLOCK: Duration = Duration::from_secs(5);

/// Longer than [`BLOCK`], so that an idle stream is no error.
const BLOCKING_TIMEOUT: Duration = Duration::from_secs(10);

/// The time between two connections if the first one failed, or reached an unfit node.
const RECONNECT_PAUSE: Duration = Duration::from_millis(250);

pub(super) struct Connections {
    node: RedisNode,
    /// The latest attempt to connect. Commands of all callers share its connection.
    latest: Mutex<Option<Attempt>>,
}

/// Has no value until the attempt has ended.
type Attempt = watch::Receiver<Option<Outcome>>;

type Outcome = Result<Arc<CommandConnection>, ConnectFailure>;

struct CommandConnection {
    connection: MultiplexedConnection,
    opened_at: Instant,
}

#[derive(Clone)]
struct ConnectFailure {
    error: Arc<RedisStoreError>,
    failed_at: Instant,
}

impl Connections {
    pub(super) fn new(node: RedisNode) -> Self {
        Self {
            node,
            latest: Mutex::new(None),
        }
    }

    /// Connects for the first time.
    pub(super) async fn connect(&self) -> Result<(), RedisStoreError> {
        let connection = self.node.open(COMMAND_TIMEOUT).await?;
        let opened = Arc::new(CommandConnection::new(connection));
        let (_, attempt) = watch::channel(Some(Ok(opened)));
        *self.latest() = Some(attempt);
        Ok(())
    }

    /// Returns a connection that is used for one blocking read at a time and for nothing else.
    pub(super) async fn open_blocking(&self) -> Result<MultiplexedConnection, RedisStoreError> {
        self.node.open(BLOCKING_TIMEOUT).await
    }

    /// Sends one command. It is never sent again, because the result of a failed one is unknown.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, BoxError> {
        self.query_within(command, COMMAND_TIMEOUT).await
    }

    /// Sends one command. If it is not answered in time, the connection is replaced, so a caller
    /// with a limit of its own has to wait for longer than `timeout`.
    pub(super) async fn query_within<T: FromRedisValue>(
        &self,
        command: &Cmd,
        timeout: Duration,
    ) -> Result<T, BoxError> {
        let opened = self.open_commands().await?;
        let mut connection = opened.connection.clone();
        connection.set_response_timeout(timeout);
        let result = command.query_async(&mut connection).await;
        if let Err(error) = &result {
            let is_due = || opened.opened_at.elapsed() >= RECONNECT_PAUSE;
            if is_broken(error) || is_unfit(error) && is_due() {
                self.discard(|current| Arc::ptr_eq(current, &opened));
            }
        }
        Ok(result?)
    }

    /// Forgets the connection for commands, so that the next command connects.
    pub(super) fn discard_commands(&self) {
        self.discard(|_| true);
    }

    /// Forgets the connection for commands if it is the one that failed. Many commands can fail
    /// with it, and only the first one may replace it.
    fn discard(&self, is_failed: impl FnOnce(&Arc<CommandConnection>) -> bool) {
        let mut latest = self.latest();
        let current = latest.as_ref().and_then(|attempt| attempt.borrow().clone());
        if let Some(Ok(current)) = current
            && is_failed(&current)
        {
            *latest = None;
        }
    }

    /// Returns the connection for commands. If there is none, it connects.
    async fn open_commands(&self) -> Result<Arc<CommandConnection>, BoxError> {
        let mut attempt = self.attempt();
        let outcome = match attempt.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone(),
            Err(_) => None,
        };
        let outcome = outcome.ok_or("the runtime that connected to Redis has ended")?;
        outcome.map_err(|failure| failure.error.into())
    }

    /// Returns the attempt to connect that is in progress or succeeded, or begins one.
    ///
    /// It has a task of its own, so that it ends although the callers that wait for it have less
    /// time than it needs.
    fn attempt(&self) -> Attempt {
        let (result, attempt) = {
            let mut latest = self.latest();
            if let Some(attempt) = latest.as_ref().filter(|attempt| is_usable(attempt)) {
                return attempt.clone();
            }
            let (result, attempt) = watch::channel(None);
            *latest = Some(attempt.clone());
            (result, attempt)
        };
        // Without the lock: a runtime that ends drops the task at once. Then callers get an error.
        let node = self.node.clone();
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn(async move {
                let outcome = tokio::select! {
                    opened = node.open(COMMAND_TIMEOUT) => outcome_of(opened),
                    // The store was dropped.
                    () = result.closed() => return,
                };
                result.send_replace(Some(outcome));
            }));
        }
        attempt
    }

    fn latest(&self) -> MutexGuard<'_, Option<Attempt>> {
        lock(&self.latest)
    }
}

/// Returns `false` if another attempt has to begin.
fn is_usable(attempt: &Attempt) -> bool {
    match &*attempt.borrow() {
        // Its runtime may have ended.
        None => attempt.has_changed().is_ok(),
        Some(Ok(_)) => true,
        Some(Err(failure)) => failure.failed_at.elapsed() < RECONNECT_PAUSE,
    }
}

fn outcome_of(opened: Result<MultiplexedConnection, RedisStoreError>) -> Outcome {
    match opened {
        Ok(connection) => Ok(Arc::new(CommandConnection::new(connection))),
        Err(error) => Err(ConnectFailure {
            error: Arc::new(error),
            failed_at: Instant::now(),
        }),
    }
}

impl CommandConnection {
    fn new(connection: MultiplexedConnection) -> Self {
        Self {
            connection,
            opened_at: Instant::now(),
        }
    }
}
