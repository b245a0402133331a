//! The issuer's dark side: how a test makes it misbehave, and what it saw.

use std::io;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::net::TcpListener;

use super::faults::{Endpoint, Fault, PlannedFault};
use super::issuer::LocalIssuer;
use super::server::Server;

/// Misbehaving and being watched.
impl LocalIssuer {
    /// Makes an endpoint misbehave until told otherwise; `None` ends it.
    pub fn set_fault(&self, endpoint: Endpoint, fault: impl Into<Option<Fault>>) {
        let planned = fault
            .into()
            .map(|fault| PlannedFault { fault, times: None });
        self.shared.state().endpoint_mut(endpoint).planned = planned;
    }

    /// Makes an endpoint misbehave for its next requests only.
    pub fn fail_next(&self, endpoint: Endpoint, times: u32, fault: Fault) {
        let planned = PlannedFault {
            fault,
            times: Some(times),
        };
        self.shared.state().endpoint_mut(endpoint).planned = Some(planned);
    }

    /// Publishes this text as the key set, whatever it is. [`LocalIssuer::restore_documents`] ends it.
    pub fn set_jwks(&self, document: impl Into<String>) {
        self.set_document(Endpoint::Jwks, document);
    }

    /// Publishes this text at [`Endpoint::Discovery`], [`Endpoint::Metadata`] or [`Endpoint::Jwks`].
    pub fn set_document(&self, endpoint: Endpoint, document: impl Into<String>) {
        self.shared.state().endpoint_mut(endpoint).document = Some(document.into());
    }

    /// Publishes the true documents again.
    pub fn restore_documents(&self) {
        let mut state = self.shared.state();
        for endpoint in [Endpoint::Discovery, Endpoint::Metadata, Endpoint::Jwks] {
            state.endpoint_mut(endpoint).document = None;
        }
    }

    /// Sends these headers with an endpoint's regular answers, in place of those set before. With an `ETag` a request
    /// that knows it (`If-None-Match`) is answered with 304.
    ///
    /// # Errors
    ///
    /// When a name or value is not one of HTTP.
    pub fn set_cache_headers(
        &self,
        endpoint: Endpoint,
        headers: &[(&str, &str)],
    ) -> io::Result<()> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let invalid = |_| io::Error::new(io::ErrorKind::InvalidInput, "not an HTTP header");
            let name = HeaderName::try_from(*name)
                .map_err(http::Error::from)
                .map_err(invalid)?;
            let value = HeaderValue::try_from(*value)
                .map_err(http::Error::from)
                .map_err(invalid)?;
            map.append(name, value);
        }
        self.shared.state().endpoint_mut(endpoint).headers = map;
        Ok(())
    }

    /// How many requests have reached an endpoint, misbehaving or not.
    #[must_use]
    pub fn hits(&self, endpoint: Endpoint) -> u64 {
        self.shared.state().endpoint_mut(endpoint).hits
    }

    /// Waits until that many requests have reached an endpoint.
    pub async fn wait_for_hits(&self, endpoint: Endpoint, hits: u64) {
        loop {
            // Made before the look, so that a request in between is not missed.
            let arrival = self.shared.arrivals.notified();
            if self.hits(endpoint) >= hits {
                return;
            }
            arrival.await;
        }
    }

    /// The headers of the last request to an endpoint: no fetch of keys should carry an `Authorization`.
    #[must_use]
    pub fn last_headers(&self, endpoint: Endpoint) -> Option<HeaderMap> {
        self.shared
            .state()
            .endpoint_mut(endpoint)
            .last_headers
            .clone()
    }

    /// Closes the port and every connection. From now on connecting is refused.
    ///
    /// The port number is kept in mind only: on a busy machine something else may take it before
    /// [`come_back`](Self::come_back).
    pub async fn go_down(&self) {
        let server = self.slot().take();
        if let Some(server) = server {
            server.stop().await;
        }
    }

    /// Listens again on the same port, with the same keys and apps.
    ///
    /// # Errors
    ///
    /// When the port was taken meanwhile, or the issuer has no server.
    pub async fn come_back(&self) -> io::Result<()> {
        let Some(address) = self.address() else {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "an issuer in process has no server",
            ));
        };
        if self.slot().is_some() {
            return Ok(());
        }
        let listener = TcpListener::bind(address).await?;
        *self.slot() = Some(Server::spawn(listener, Arc::clone(&self.shared)));
        Ok(())
    }

    /// Goes down and comes back.
    ///
    /// # Errors
    ///
    /// As [`come_back`](Self::come_back).
    pub async fn restart(&self) -> io::Result<()> {
        self.go_down().await;
        self.come_back().await
    }

    /// Stops the server and waits until its connections are closed.
    pub async fn stop(self) {
        self.go_down().await;
    }
}
