//! Stores that several replicas share (feature `redis`).

mod connect;
mod connections;
mod position;
mod read;
mod redis;
mod signature;
mod store_error;

pub use connect::RedisConnect;
pub use redis::RedisStore;
pub use store_error::RedisStoreError;
