//! Methods that make the issuer misbehave, and methods that report which requests it received.

use std::io;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::net::TcpListener;

use super::faults::{Endpoint, Fault, PlannedFault};
use super::issuer::LocalIssuer;
use super::server::Server;

/// Faults and observations.
impl LocalIssuer {
    /// Makes an endpoint misbehave until the fault is replaced or removed. `None` removes it.
    pub fn set_fault(&self, endpoint: Endpoint, fault: impl Into<Option<Fault>>) {
        let planned = fault
            .into()
            .map(|fault| PlannedFault { fault, times: None });
        self.shared.state().endpoint_mut(endpoint).planned = planned;
    }

    /// Makes an endpoint misbehave for its next `times` requests.
    pub fn fail_next(&self, endpoint: Endpoint, times: u32, fault: Fault) {
        let planned = PlannedFault {
            fault,
            times: Some(times),
        };
        self.shared.state().endpoint_mut(endpoint).planned = Some(planned);
    }

    /// Publishes this string as the key set, without any check, until
    /// [`LocalIssuer::restore_documents`] is called.
    pub fn set_jwks(&self, document: impl Into<String>) {
        self.set_document(Endpoint::Jwks, document);
    }

    /// Sends this string as JSON with status 200 instead of the regular response of an endpoint,
    /// without any check.
    pub fn set_document(&self, endpoint: Endpoint, document: impl Into<String>) {
        self.shared.state().endpoint_mut(endpoint).document = Some(document.into());
    }

    /// Sends the regular responses again.
    pub fn restore_documents(&self) {
        let mut state = self.shared.state();
        state.remove_documents();
    }

    /// Sends these headers with an endpoint's regular responses and replaces those of an earlier
    /// call. If the headers contain an `ETag` and a request repeats it in `If-None-Match`, the
    /// response is 304.
    ///
    /// # Errors
    ///
    /// Returns an error if a name or a value is not valid in HTTP.
    pub fn set_cache_headers(
        &self,
        endpoint: Endpoint,
        headers: &[(&str, &str)],
    ) -> io::Result<()> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let invalid = |_| io::Error::new(io::ErrorKind::InvalidInput, "invalid HTTP header");
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

    /// Returns how many requests an endpoint has received, with and without a fault.
    #[must_use]
    pub fn hits(&self, endpoint: Endpoint) -> u64 {
        self.shared.state().endpoint_mut(endpoint).hits
    }

    /// Waits until an endpoint has received this many requests.
    pub async fn wait_for_hits(&self, endpoint: Endpoint, hits: u64) {
        loop {
            // Created before the check. Otherwise a request that arrives in between would be
            // missed.
            let arrival = self.shared.arrivals.notified();
            if self.hits(endpoint) >= hits {
                return;
            }
            arrival.await;
        }
    }

    /// Returns the headers of the last request to an endpoint. A fetch of keys should never carry
    /// an `Authorization`.
    #[must_use]
    pub fn last_headers(&self, endpoint: Endpoint) -> Option<HeaderMap> {
        self.shared
            .state()
            .endpoint_mut(endpoint)
            .last_headers
            .clone()
    }

    /// Returns the body of the last request to an endpoint that reads bodies: the token endpoint
    /// and the endpoints of API keys and introspection. It can contain secrets.
    #[must_use]
    pub fn last_body(&self, endpoint: Endpoint) -> Option<Vec<u8>> {
        let mut state = self.shared.state();
        let body = state.endpoint_mut(endpoint).last_body.as_ref();
        body.map(|body| body.to_vec())
    }

    /// Closes the port and every connection. After that, connection attempts fail.
    ///
    /// The issuer does not reserve the port. On a busy machine another program may take it before
    /// [`come_back`](Self::come_back) is called.
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
    /// Returns an error if another program took the port, or if the issuer has no server.
    pub async fn come_back(&self) -> io::Result<()> {
        let Some(address) = self.address() else {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "this issuer has no server: create it with `start`",
            ));
        };
        if self.slot().is_some() {
            return Ok(());
        }
        let listener = TcpListener::bind(address).await?;
        *self.slot() = Some(Server::spawn(listener, Arc::clone(&self.shared)));
        Ok(())
    }

    /// Calls [`go_down`](Self::go_down), then [`come_back`](Self::come_back).
    ///
    /// # Errors
    ///
    /// Returns the errors of [`come_back`](Self::come_back).
    pub async fn restart(&self) -> io::Result<()> {
        self.go_down().await;
        self.come_back().await
    }

    /// Stops the server and waits until its connections are closed.
    pub async fn stop(self) {
        self.go_down().await;
    }
}
