//! Stores that several replicas share (feature `redis`).

mod connect;
mod connections;
mod node;
mod position;
mod read;
mod redis;
#[cfg(feature = "dpop")]
mod replay;
mod signature;
mod store_error;

pub use connect::RedisConnect;
pub use redis::RedisStore;
pub use store_error::RedisStoreError;
