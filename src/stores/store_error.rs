//! The reasons why a Redis store cannot be used.

use std::fmt;

use crate::util::BoxError;

/// The reason why [`RedisStore::connect`](crate::RedisStore::connect) failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum RedisStoreError {
    /// The URL is not a Redis URL, or its certificate cannot be read.
    InvalidUrl(BoxError),
    /// The namespace is empty, longer than 128 bytes, or contains braces, white space or control
    /// characters.
    InvalidNamespace,
    /// The record key is shorter than 32 bytes.
    ShortRecordKey,
    /// A further record key is [accepted](crate::RedisConnect::accept_record_key), but there is no
    /// record key.
    NoRecordKey,
    /// Redis could not be reached, or it rejected the credentials.
    Connection(BoxError),
    /// Redis evicts entries if its memory is full: `maxmemory-policy` is not `noeviction`.
    Eviction(String),
    /// The `maxmemory-policy` could not be read.
    UnknownEviction(BoxError),
    /// The node is a replica of another Redis. It accepts no writes, and may lack the latest ones.
    /// The address has to be that of the primary.
    Replica,
}

impl fmt::Display for RedisStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidUrl(error) => write!(f, "the Redis URL is invalid: {error}"),
            Self::InvalidNamespace => f.write_str(
                "the namespace is invalid: use 1 to 128 bytes without braces, white space and control characters",
            ),
            Self::ShortRecordKey => {
                f.write_str("the record key is too short: use at least 32 random bytes")
            }
            Self::NoRecordKey => f.write_str(
                "accept_record_key needs record_key: without it, records are not checked",
            ),
            Self::Connection(error) => write!(f, "failed to connect to Redis: {error}"),
            Self::Eviction(policy) => write!(
                f,
                "Redis evicts entries if its memory is full: set maxmemory-policy to noeviction, found {policy}"
            ),
            Self::UnknownEviction(error) => write!(
                f,
                "failed to read maxmemory-policy, and Redis may evict entries: {error} (allow the command INFO)"
            ),
            Self::Replica => f.write_str(
                "Redis is a replica, which accepts no writes: use the address of the primary",
            ),
        }
    }
}

impl std::error::Error for RedisStoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::InvalidUrl(error) | Self::Connection(error) | Self::UnknownEviction(error) => {
                Some(&**error)
            }
            Self::InvalidNamespace
            | Self::ShortRecordKey
            | Self::NoRecordKey
            | Self::Eviction(_)
            | Self::Replica => None,
        }
    }
}
