//! Who calls, and with which requests.

use bytes::Bytes;
use http::Method;

use crate::testing::mint::TokenBuilder;

/// A tenant of the API under test: its code, its credentials, and what only its data says.
#[derive(Clone)]
pub struct Tenant {
    pub(super) code: String,
    pub(super) authorization: String,
    pub(super) markers: Vec<String>,
}

impl Tenant {
    /// A tenant with the value of its `Authorization` header.
    #[must_use]
    pub fn new(code: impl Into<String>, authorization: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            authorization: authorization.into(),
            markers: Vec::new(),
        }
    }

    /// A text that only this tenant's data holds, such as the number of an invoice: no answer to anybody else may have it
    /// in its body. The tenant's code is looked for in any case.
    #[must_use]
    pub fn with_marker(mut self, text: impl Into<String>) -> Self {
        self.markers.push(text.into());
        self
    }
}

impl From<&TokenBuilder> for Tenant {
    /// The organization that the token names.
    fn from(token: &TokenBuilder) -> Self {
        Self::new(
            token.value("org_code").as_str().unwrap_or_default(),
            token.bearer(),
        )
    }
}

impl std::fmt::Debug for Tenant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tenant")
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

/// A request that each tenant may make for itself. In its path `{org_code}` stands for the tenant.
#[derive(Clone, Debug)]
pub struct Probe {
    pub(super) method: Method,
    pub(super) template: String,
    pub(super) body: Bytes,
    pub(super) content_type: Option<&'static str>,
}

impl Probe {
    /// A request without a body.
    #[must_use]
    pub fn new(method: Method, template: impl Into<String>) -> Self {
        Self {
            method,
            template: template.into(),
            body: Bytes::new(),
            content_type: None,
        }
    }

    /// A GET request.
    #[must_use]
    pub fn get(template: impl Into<String>) -> Self {
        Self::new(Method::GET, template)
    }

    /// A POST request with a JSON document.
    #[must_use]
    pub fn post_json(template: impl Into<String>, body: &serde_json::Value) -> Self {
        Self::new(Method::POST, template).json(body)
    }

    /// The route of an [`RouteInventory`](crate::RouteInventory).
    #[cfg(feature = "axum")]
    #[must_use]
    pub fn from_route(route: &crate::RouteEntry) -> Self {
        Self::new(route.method().clone(), route.path())
    }

    /// Sends a JSON document.
    #[must_use]
    pub fn json(mut self, body: &serde_json::Value) -> Self {
        self.body = body.to_string().into();
        self.content_type = Some("application/json");
        self
    }

    /// Fills in another parameter of the template.
    #[must_use]
    pub fn path_parameter(mut self, parameter: &str, value: &str) -> Self {
        self.template = self.template.replace(&format!("{{{parameter}}}"), value);
        self
    }
}
