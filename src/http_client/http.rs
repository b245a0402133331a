//! One bounded request.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};

#[cfg(feature = "reqwest")]
use super::client_error::{failure_of, messages};
#[cfg(feature = "reqwest")]
use super::dns::Resolver;
use super::error::{HttpError, HttpFailure};
use crate::util::{BoxError, catch_panic, messages_of};

/// The future of a fetch function of the application.
pub type FetchFuture = Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, BoxError>> + Send>>;

type FetchFunction = dyn Fn(Request<Vec<u8>>) -> FetchFuture + Send + Sync;

/// The way in which documents are fetched.
#[derive(Clone)]
pub(crate) enum Fetcher {
    #[cfg(feature = "reqwest")]
    Http(reqwest::Client),
    Function(Arc<FetchFunction>),
}

/// The settings of this crate's HTTP client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpSettings {
    pub(crate) timeout: Duration,
    /// `None`: the fetch's timeout is the only limit.
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) proxy: Proxy,
    pub(crate) ca_certificates_pem: Vec<Vec<u8>>,
    pub(crate) addresses: Addresses,
}

/// The addresses that a client connects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Addresses {
    Any,
    Public,
}

/// The use of the proxy in the environment variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proxy {
    Environment,
    Disabled,
}

impl Fetcher {
    /// Creates the HTTP client of this crate.
    #[cfg(feature = "reqwest")]
    pub(crate) fn http(settings: &HttpSettings) -> Result<Self, String> {
        // With the feature `tls-rustls-no-provider` alone, building a client without a provider
        // panics.
        #[cfg(all(
            feature = "tls-rustls-no-provider",
            not(any(feature = "tls-rustls", feature = "tls-native"))
        ))]
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(
                "no rustls crypto provider is installed: call its install_default() first"
                    .to_owned(),
            );
        }
        let mut builder = reqwest::Client::builder()
            .dns_resolver(Resolver::new(settings.addresses == Addresses::Public))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(settings.connect_timeout.unwrap_or(settings.timeout))
            .timeout(settings.timeout)
            .pool_idle_timeout(Duration::from_secs(30))
            // Another crate of the build may have enabled decompression.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .user_agent(concat!(
                env!("CARGO_PKG_NAME"),
                "/",
                env!("CARGO_PKG_VERSION")
            ));
        if settings.proxy == Proxy::Disabled {
            builder = builder.no_proxy();
        }
        #[cfg(not(any(
            feature = "tls-rustls",
            feature = "tls-native",
            feature = "tls-rustls-no-provider"
        )))]
        if !settings.ca_certificates_pem.is_empty() {
            return Err(
                "a certificate authority is set, but the crate was built without TLS: enable the feature `tls-rustls`".to_owned()
            );
        }
        #[cfg(any(
            feature = "tls-rustls",
            feature = "tls-native",
            feature = "tls-rustls-no-provider"
        ))]
        for pem in &settings.ca_certificates_pem {
            let certificate =
                reqwest::Certificate::from_pem(pem).map_err(|error| error.to_string())?;
            builder = builder.tls_certs_merge([certificate]);
        }
        builder
            .build()
            .map(Self::Http)
            .map_err(|error| messages(error).join(": "))
    }

    #[cfg(not(feature = "reqwest"))]
    pub(crate) fn http(settings: &HttpSettings) -> Result<Self, String> {
        let _ = (
            settings.timeout,
            settings.connect_timeout,
            settings.proxy == Proxy::Disabled,
            &settings.ca_certificates_pem,
            settings.addresses == Addresses::Public,
        );
        Err("the crate was built without its HTTP client: enable the feature `reqwest`, or set keys or a fetch function"
            .to_owned())
    }

    pub(crate) fn function<R>(
        function: impl Fn(Request<Vec<u8>>) -> R + Send + Sync + 'static,
    ) -> Self
    where
        R: Future<Output = Result<Response<Vec<u8>>, BoxError>> + Send + 'static,
    {
        Self::Function(Arc::new(move |request| Box::pin(function(request))))
    }

    /// Sends one request and reads at most `max_bytes`, all within `timeout`. It follows no
    /// redirect.
    pub(crate) async fn send(
        &self,
        request: Request<Vec<u8>>,
        timeout: Duration,
        max_bytes: usize,
    ) -> Result<Response<Vec<u8>>, HttpError> {
        let response = tokio::time::timeout(timeout, self.exchange(request, max_bytes))
            .await
            .map_err(|_| HttpFailure::TimedOut)??;
        if response.body().len() > max_bytes {
            Err(HttpFailure::TooLarge.into())
        } else {
            Ok(response)
        }
    }

    #[cfg_attr(not(feature = "reqwest"), allow(unused_variables))]
    async fn exchange(
        &self,
        request: Request<Vec<u8>>,
        max_bytes: usize,
    ) -> Result<Response<Vec<u8>>, HttpError> {
        match self {
            Self::Function(function) => {
                let fetched = catch_panic(async move { function(request).await }).await;
                fetched
                    .ok_or(HttpFailure::FunctionPanicked)?
                    .map_err(|error| HttpError {
                        failure: HttpFailure::FunctionFailed,
                        messages: messages_of(Some(&*error)),
                    })
            }
            #[cfg(feature = "reqwest")]
            Self::Http(client) => {
                let failure = |error: reqwest::Error| HttpError {
                    failure: failure_of(&error),
                    messages: messages(error),
                };
                let (parts, body) = request.into_parts();
                let mut sending = client
                    .request(parts.method, parts.uri.to_string())
                    .headers(parts.headers);
                if !body.is_empty() {
                    sending = sending.body(body);
                }
                let mut received = sending.send().await.map_err(failure)?;
                let mut response = Response::new(Vec::new());
                *response.status_mut() = received.status();
                *response.headers_mut() = std::mem::take(received.headers_mut());
                while let Some(chunk) = received.chunk().await.map_err(failure)? {
                    if response.body().len() + chunk.len() > max_bytes {
                        return Err(HttpFailure::TooLarge.into());
                    }
                    response.body_mut().extend_from_slice(&chunk);
                }
                Ok(response)
            }
        }
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            #[cfg(feature = "reqwest")]
            Self::Http(_) => "Fetcher(http)",
            Self::Function(_) => "Fetcher(function)",
        })
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
#[cfg(feature = "reqwest")]
mod tests;
