//! Protected resource metadata, which shows clients where to get a token (RFC 9728).

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde::Serialize;
use tower_service::Service;

use crate::jwks::{PlainHttp, is_allowed_url, is_secure_url};
use crate::middleware::AuthorizeLayer;
use crate::scopes::DeclaredScope;
use crate::token::BindingMethod;
use crate::verifier::{ConfigError, Verifier};

/// The metadata of one protected resource (RFC 9728): a document, the service that returns it, and
/// the URL for challenges. MCP clients read it to find out where to get a token.
///
/// All its content is configuration: the issuers that the verifier trusts, the declared scopes, and
/// the public URL of the resource. Of a request, the service reads only the method and the path,
/// and never `Host`. If an API has several resources, create one of these for each, on its own
/// path.
///
/// ```
/// use axum::{Router, routing::get};
/// use tower_m2m::{OrgCode, ResourceMetadata, Verifier};
///
/// tower_m2m::scopes! { pub InvoiceScopes { ReadInvoices = "read:invoices" } }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::kinde("acme").audience("https://api.acme.com/invoices").build()?;
/// let metadata = ResourceMetadata::new(&verifier, "https://api.acme.com/invoices")?.scopes(InvoiceScopes::ALL);
/// assert_eq!(metadata.path(), "/.well-known/oauth-protected-resource/invoices");
///
/// let app: Router = Router::new()
///     .route("/invoices", get(|org: OrgCode| async move { format!("invoices of {org}") }))
///     .route_layer(verifier.layer().require(ReadInvoices).resource(&metadata))
///     // Behind the layer, so that nobody needs a token for it.
///     .route_service(metadata.path(), metadata.clone());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ResourceMetadata {
    origin: Arc<str>,
    path: Arc<str>,
    document: Arc<Document>,
}

/// The document (RFC 9728 §2). Arrays without elements are left out (§3.2).
#[derive(Clone, Debug, Serialize)]
struct Document {
    resource: String,
    /// The issuers that have metadata. A client can do nothing with a name that is no URL (RFC 8414
    /// §2).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorization_servers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<String>,
    bearer_methods_supported: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dpop_signing_alg_values_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dpop_bound_access_tokens_required: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_client_certificate_bound_access_tokens: Option<bool>,
}

/// It is between the client and the issuer, and no resource requires it (OpenID Connect Core §11).
const OFFLINE_ACCESS: &str = "offline_access";

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

impl ResourceMetadata {
    /// Creates the metadata of the resource with this public URL. Its tokens are verified by this
    /// verifier.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the URL is not https (http is allowed on loopback), or if it has
    /// a query or a fragment (RFC 9728 §1.2).
    pub fn new(verifier: &Verifier, resource: impl Into<String>) -> Result<Self, ConfigError> {
        let resource = resource.into();
        if !is_secure_url(&resource)
            || resource.contains(['?', '"', '<', '>', '{', '}', '|', '^', '`', '*'])
        {
            return Err(ConfigError::new(
                "resource",
                "must be the API's public https URL without query and fragment (http is accepted on loopback only)",
            ));
        }
        let host_at = resource.find("://").map_or(0, |at| at + 3);
        let path_at = resource
            .get(host_at..)
            .and_then(|rest| rest.find('/'))
            .map_or(resource.len(), |at| host_at + at);
        let (origin, path) = resource
            .split_at_checked(path_at)
            .unwrap_or((&resource, ""));
        // A slash directly after the host is removed. Other slashes stay (RFC 9728 §3.1).
        let path = format!("{WELL_KNOWN}{}", if path == "/" { "" } else { path });
        Ok(Self {
            origin: origin.into(),
            path: path.into(),
            document: Arc::new(Document {
                authorization_servers: verifier
                    .issuers()
                    .filter(|issuer| is_allowed_url(issuer, PlainHttp::Anywhere))
                    .map(str::to_owned)
                    .collect(),
                scopes_supported: Vec::new(),
                bearer_methods_supported: ["header"],
                resource_name: None,
                dpop_signing_alg_values_supported: verifier.proof_algorithms(),
                dpop_bound_access_tokens_required: None,
                tls_client_certificate_bound_access_tokens: verifier
                    .accepts_binding(BindingMethod::Certificate)
                    .then_some(true),
                resource,
            }),
        })
    }

    /// Sets the scopes that a client may request: the array that [`scopes!`](crate::scopes)
    /// declares. Default: none.
    #[must_use]
    pub fn scopes(mut self, scopes: &[DeclaredScope]) -> Self {
        let names = scopes
            .iter()
            .map(|declared| declared.scope.as_str().to_owned())
            .filter(|scope| scope != OFFLINE_ACCESS)
            .collect();
        Arc::make_mut(&mut self.document).scopes_supported = names;
        self
    }

    /// Sets the resource's name for users. Default: none.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.document).resource_name = Some(name.into());
        self
    }

    /// Says that each token must be bound to a key (`dpop_bound_access_tokens_required`, RFC 9728
    /// §2), as a layer with
    /// [`require_proof_of_possession`](AuthorizeLayer::require_proof_of_possession) requires it.
    /// Default: absent, because a bearer token is accepted too. It stays absent if a certificate is
    /// accepted in place of a key.
    #[cfg(feature = "dpop")]
    #[must_use]
    pub fn require_proof_of_possession(mut self) -> Self {
        let document = Arc::make_mut(&mut self.document);
        let is_required = !document.dpop_signing_alg_values_supported.is_empty()
            && document
                .tls_client_certificate_bound_access_tokens
                .is_none();
        document.dpop_bound_access_tokens_required = is_required.then_some(true);
        self
    }

    /// Returns the path of the document: the well-known path, followed by the path of the resource
    /// (RFC 9728 §3.1).
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the absolute URL of the document. Challenges contain it (RFC 9728 §5.1).
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}{}", self.origin, self.path)
    }

    /// Returns the document as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // A struct of strings is always valid JSON.
        serde_json::to_string(&*self.document).unwrap_or_default()
    }

    fn answer<B>(&self, request: &Request<B>) -> Response<String> {
        let mut response = Response::new(String::new());
        let json = HeaderValue::from_static("application/json");
        // The document is public, and clients in browsers read it too.
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        if request.uri().path() != self.path() {
            *response.status_mut() = StatusCode::NOT_FOUND;
            return response;
        }
        match *request.method() {
            Method::GET | Method::HEAD => {
                let document = self.to_json();
                headers.insert(CONTENT_TYPE, json);
                headers.insert(
                    CACHE_CONTROL,
                    HeaderValue::from_static("public, max-age=3600"),
                );
                headers.insert(CONTENT_LENGTH, HeaderValue::from(document.len()));
                if request.method() == Method::GET {
                    *response.body_mut() = document;
                }
            }
            Method::OPTIONS => {
                headers.insert(ALLOW, METHODS);
                headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
                headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
                *response.status_mut() = StatusCode::NO_CONTENT;
            }
            _ => {
                headers.insert(ALLOW, METHODS);
                *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            }
        }
        response
    }
}

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// Responds to `GET` and `HEAD` on its own [path](ResourceMetadata::path), wherever it is mounted.
/// Other paths get a 404.
impl<B> Service<Request<B>> for ResourceMetadata {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.answer(&request)))
    }
}

impl AuthorizeLayer {
    /// Adds the URL of this resource's metadata to challenges, so that a client without a token
    /// finds out where to get one (RFC 9728 §5.1). Default: none.
    ///
    /// If [`resource_metadata`](Self::resource_metadata) is called too, that URL counts.
    pub fn resource(self, metadata: &ResourceMetadata) -> Self {
        self.with_visible_setting(|settings| {
            settings.responses.own_metadata = Some(metadata.url());
        })
    }
}

impl fmt::Debug for ResourceMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ResourceMetadata")
            .field(&self.document)
            .finish()
    }
}
