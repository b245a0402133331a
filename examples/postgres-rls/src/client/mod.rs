//! The same database access with two clients.

pub mod with_sqlx;
pub mod with_tokio_postgres;

use std::time::Duration;

/// How long a request waits for a connection.
const WAIT: Duration = Duration::from_secs(2);
