//! One node of Redis: connects to it, and checks that it can have the data of the store.

use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use ::redis::{AsyncConnectionConfig, Client, ConnectionInfo, RedisError, ServerErrorKind, cmd};

use super::store_error::RedisStoreError;

/// The time in which a connection must be established.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// An idle connection is probed after this time, so that firewalls do not forget it.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// The time between two probes without a response, and their number until the connection fails.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);
const PROBES: u32 = 3;

/// The time after which the system closes a connection that confirms no data. Without it, Linux
/// waits for about 15 min.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const UNCONFIRMED: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EvictionCheck {
    Required,
    Skipped,
}

#[derive(Clone)]
pub(super) struct RedisNode {
    pub(super) client: Client,
    pub(super) eviction: EvictionCheck,
}

/// Adds the settings with which the system notices that the peer is gone.
pub(super) fn with_keepalive(info: ConnectionInfo) -> ConnectionInfo {
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE)
        .with_interval(PROBE_INTERVAL)
        .with_retries(PROBES);
    let settings = TcpSettings::default().set_keepalive(keepalive);
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    let settings = settings.set_user_timeout(UNCONFIRMED);
    info.set_tcp_settings(settings)
}

impl RedisNode {
    /// Connects. Each command must be answered within `timeout`.
    pub(super) async fn open(
        &self,
        timeout: Duration,
    ) -> Result<MultiplexedConnection, RedisStoreError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(timeout));
        let connected = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await;
        let mut connection =
            connected.map_err(|error| RedisStoreError::Connection(error.into()))?;
        let info = read_info(&mut connection).await?;
        check_role(info.as_deref().unwrap_or_default())?;
        if self.eviction == EvictionCheck::Required {
            check_eviction(info)?;
        }
        Ok(connection)
    }
}

/// Checks that a connected node did not become a replica, which may lack later changes.
pub(super) async fn check_primary(
    connection: &mut MultiplexedConnection,
) -> Result<(), RedisStoreError> {
    let info = read_info(connection).await?;
    check_role(info.as_deref().unwrap_or_default())
}

/// Returns `true` if the connection cannot be used any more.
pub(super) fn is_broken(error: &RedisError) -> bool {
    error.is_unrecoverable_error() || error.is_timeout() || error.is_io_error()
}

/// Returns `true` if the node cannot do what the primary can, so that the address may have another
/// node by now: it is a replica, it loads its data, or it lost its cluster or its replicas.
pub(super) fn is_unfit(error: &RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, ClusterDown, MasterDown, Moved, ReadOnly};
    let kinds = [ReadOnly, MasterDown, ClusterDown, BusyLoading, Moved];
    let kind = |kind: &ServerErrorKind| error.kind() == ::redis::ErrorKind::Server(*kind);
    kinds.iter().any(kind) || error.code() == Some("NOREPLICAS")
}

/// Returns what `INFO` says, or the error with which Redis rejected the command.
async fn read_info(
    connection: &mut MultiplexedConnection,
) -> Result<Result<String, RedisError>, RedisStoreError> {
    // Without the names of sections, because Redis before 7.0 accepts one at most.
    match cmd("INFO").query_async(connection).await {
        Err(error) if is_broken(&error) => Err(RedisStoreError::Connection(error.into())),
        info => Ok(info),
    }
}

/// Checks that the node accepts writes.
fn check_role(info: &str) -> Result<(), RedisStoreError> {
    match value(info, "role:") {
        Some("slave") => Err(RedisStoreError::Replica),
        _ => Ok(()),
    }
}

/// Checks that Redis does not evict entries (rule 326).
fn check_eviction(info: Result<String, RedisError>) -> Result<(), RedisStoreError> {
    let info = info.map_err(|error| RedisStoreError::UnknownEviction(error.into()))?;
    match value(&info, "maxmemory_policy:") {
        Some("noeviction") => Ok(()),
        Some(other) => Err(RedisStoreError::Eviction(crate::util::shortened(other, 40))),
        None => Err(RedisStoreError::UnknownEviction(
            "the response has no maxmemory_policy".into(),
        )),
    }
}

fn value<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let found = info.lines().find_map(|line| line.strip_prefix(name));
    found.map(str::trim)
}
