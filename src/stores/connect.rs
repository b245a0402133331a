//! The settings of a connection to Redis.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use ::redis::{Client, IntoConnectionInfo, TlsCertificates};

use super::connections::Connections;
use super::node::{EvictionCheck, RedisNode, with_keepalive};
use super::redis::RedisStore;
use super::signature::RecordSigner;
use super::store_error::RedisStoreError;

/// The settings of [`RedisStore::connect`]. Awaiting it connects.
///
/// ```no_run
/// # async fn example(key: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
/// use tower_m2m::{Denylist, RedisStore};
///
/// let store = RedisStore::connect("rediss://redis.internal:6379", "acme:m2m").record_key(key).await?;
/// let denylist = Denylist::replicated(store);
/// # Ok(())
/// # }
/// ```
#[must_use = "it connects when it is awaited"]
pub struct RedisConnect {
    url: String,
    namespace: String,
    record_key: Option<Vec<u8>>,
    accepted_keys: Vec<Vec<u8>>,
    ca_certificate: Option<Vec<u8>>,
    eviction: EvictionCheck,
}

impl RedisStore {
    /// Connects to Redis. The namespace separates the data of several services.
    ///
    /// # Errors
    ///
    /// The returned value is awaited. Then it returns [`RedisStoreError`](crate::RedisStoreError)
    /// if a setting is invalid, if Redis cannot be reached, if it evicts entries, or if it is a
    /// replica of another Redis.
    pub fn connect(url: impl Into<String>, namespace: impl Into<String>) -> RedisConnect {
        RedisConnect::new(url.into(), namespace.into())
    }
}

impl RedisConnect {
    pub(super) fn new(url: String, namespace: String) -> Self {
        Self {
            url,
            namespace,
            record_key: None,
            accepted_keys: Vec::new(),
            ca_certificate: None,
            eviction: EvictionCheck::Required,
        }
    }

    /// Sets the key of an HMAC-SHA256 that is added to each record, also to removals. Records
    /// without a valid one are ignored and counted. Default: none. Use at least 32 random bytes,
    /// the same on all replicas.
    ///
    /// It prevents another user of the same Redis from adding and removing entries through this
    /// crate, also with records of another namespace. It does not prevent the deletion of the data,
    /// or the repetition of an earlier change.
    pub fn record_key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.record_key = Some(key.into());
        self
    }

    /// Also accepts records that were signed with this key, to replace the
    /// [record key](Self::record_key) without an interruption. Default: none.
    ///
    /// 1. Start all replicas with the old record key, and accept the new one.
    /// 2. Start all replicas with the new record key, and accept the old one. Each replica signs
    ///    the records again when it loads them.
    /// 3. Start all replicas without the old one.
    ///
    /// ```no_run
    /// # async fn example(new: &[u8], old: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_m2m::RedisStore;
    ///
    /// let store = RedisStore::connect("redis://127.0.0.1:6379", "acme:m2m")
    ///     .record_key(new)
    ///     .accept_record_key(old)
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn accept_record_key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.accepted_keys.push(key.into());
        self
    }

    /// Sets the certificate in PEM of the authority that issued Redis' certificate. Default: the
    /// certificates of the system.
    pub fn ca_certificate_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca_certificate = Some(pem.into());
        self
    }

    /// Allows a Redis that evicts entries if its memory is full, or whose `maxmemory-policy` cannot
    /// be read. Default: connecting fails.
    ///
    /// **An evicted entry no longer denies a replica that loads the list after that.**
    pub fn dangerous_allow_eviction(mut self) -> Self {
        self.eviction = EvictionCheck::Skipped;
        self
    }

    /// Returns the store without connecting, so that the service starts although Redis is down.
    /// The replication connects in the background. Until it has loaded the list, the verifier is
    /// not [ready](crate::Verifier::is_ready) and requests get a 503. Use it with
    /// [`build`](crate::VerifierBuilder::build), because
    /// [`build_ready`](crate::VerifierBuilder::build_ready) fails while Redis is down.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_m2m::{Denylist, RedisStore};
    ///
    /// let store = RedisStore::connect("redis://127.0.0.1:6379", "acme:m2m").lazy()?;
    /// let denylist = Denylist::replicated(store);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`RedisStoreError`] if a setting is invalid. If Redis evicts entries, the list is
    /// not loaded, and [`ReplicationStatus::last_error`](crate::ReplicationStatus::last_error) says
    /// why.
    pub fn lazy(self) -> Result<RedisStore, RedisStoreError> {
        let is_allowed = |c: char| !c.is_whitespace() && !c.is_control() && c != '{' && c != '}';
        if !(1..=128).contains(&self.namespace.len()) || !self.namespace.chars().all(is_allowed) {
            return Err(RedisStoreError::InvalidNamespace);
        }
        let mut keys = self.record_key.iter().chain(&self.accepted_keys);
        if keys.any(|key| key.len() < 32) {
            return Err(RedisStoreError::ShortRecordKey);
        }
        if self.record_key.is_none() && !self.accepted_keys.is_empty() {
            return Err(RedisStoreError::NoRecordKey);
        }
        // The `redis` crate names no crypto provider. If the application installed one, it stays.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let invalid = |error: ::redis::RedisError| RedisStoreError::InvalidUrl(error.into());
        let info = self.url.as_str().into_connection_info().map_err(invalid)?;
        let info = with_keepalive(info);
        let client = match self.ca_certificate {
            None => Client::open(info),
            Some(pem) => Client::build_with_tls(
                info,
                TlsCertificates {
                    client_tls: None,
                    root_cert: Some(pem),
                },
            ),
        };
        let connections = Connections::new(RedisNode {
            client: client.map_err(invalid)?,
            eviction: self.eviction,
        });
        let (namespace, key) = (&self.namespace, self.record_key.as_deref());
        let signer = RecordSigner::new(namespace, key, &self.accepted_keys);
        Ok(RedisStore::new(Arc::new(connections), namespace, signer))
    }

    async fn connect(self) -> Result<RedisStore, RedisStoreError> {
        let store = self.lazy()?;
        store.0.connections.connect().await?;
        Ok(store)
    }
}

impl IntoFuture for RedisConnect {
    type Output = Result<RedisStore, RedisStoreError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.connect())
    }
}

impl fmt::Debug for RedisConnect {
    // The URL can contain a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConnect")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}
