//! The tenants and the requests of an isolation check.

use bytes::Bytes;
use http::Method;

use crate::middleware::route::{NameMeaning, TenantNames, parameter_names};
use crate::testing::mint::TokenBuilder;

/// A tenant of the API under test: its code, its credentials, and markers that only its data
/// contains.
#[derive(Clone)]
pub struct Tenant {
    pub(super) code: String,
    pub(super) authorization: String,
    pub(super) markers: Vec<String>,
}

impl Tenant {
    /// Creates a tenant with the value of its `Authorization` header.
    #[must_use]
    pub fn new(code: impl Into<String>, authorization: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            authorization: authorization.into(),
            markers: Vec::new(),
        }
    }

    /// Adds a string that only this tenant's data contains, such as an invoice number.
    ///
    /// The check fails if the body of any response to the other tenant contains it. In responses
    /// with a status below 400, the check looks for the tenant's code too.
    #[must_use]
    pub fn with_marker(mut self, text: impl Into<String>) -> Self {
        self.markers.push(text.into());
        self
    }
}

impl Tenant {
    /// Returns why a response cannot show which of the two tenants it belongs to, or `None` if it
    /// can.
    pub(super) fn indistinguishable_from(&self, other: &Self) -> Option<&'static str> {
        let pairs = [(self, other), (other, self)];
        if pairs.iter().any(|(one, other)| other.contains(&one.code)) {
            return Some("the codes");
        }
        let occurs = |one: &Self, other: &Self| one.markers.iter().any(|text| other.contains(text));
        pairs
            .iter()
            .any(|(one, other)| occurs(one, other))
            .then_some("the markers")
    }

    /// Returns `true` if the string occurs in the code or in a marker of the tenant.
    fn contains(&self, text: &str) -> bool {
        let mut texts = self.markers.iter().chain([&self.code]);
        !text.is_empty() && texts.any(|own| own.contains(text))
    }
}

impl From<&TokenBuilder> for Tenant {
    /// Uses the organization of the token.
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

/// A request that each tenant may send for itself.
///
/// In its path, `{org_code}` means the tenant's code, and so does each parameter with a name that
/// means a tenant, such as `{org}` and `{tenant_id}`. Other parameters need a
/// [value](Self::path_parameter).
#[derive(Clone, Debug)]
pub struct Probe {
    pub(super) method: Method,
    pub(super) template: String,
    values: Vec<(String, String)>,
    pub(super) body: Bytes,
    pub(super) content_type: Option<&'static str>,
}

impl Probe {
    /// Creates a request without a body.
    #[must_use]
    pub fn new(method: Method, template: impl Into<String>) -> Self {
        Self {
            method,
            template: template.into(),
            values: Vec::new(),
            body: Bytes::new(),
            content_type: None,
        }
    }

    /// Creates a GET request.
    #[must_use]
    pub fn get(template: impl Into<String>) -> Self {
        Self::new(Method::GET, template)
    }

    /// Creates a POST request with a JSON document.
    #[must_use]
    pub fn post_json(template: impl Into<String>, body: &serde_json::Value) -> Self {
        Self::new(Method::POST, template).json(body)
    }

    /// Creates a request for a route of an [`RouteInventory`](crate::RouteInventory).
    #[cfg(feature = "axum")]
    #[must_use]
    pub fn from_route(route: &crate::RouteEntry) -> Self {
        Self::new(route.method().clone(), route.path())
    }

    /// Sets a JSON document as the body.
    #[must_use]
    pub fn json(mut self, body: &serde_json::Value) -> Self {
        self.body = body.to_string().into();
        self.content_type = Some("application/json");
        self
    }

    /// Sets the value of a parameter that does not mean the tenant.
    ///
    /// The check also puts the other tenant's code into it, and expects that no data of the other
    /// tenant is in the response.
    #[must_use]
    pub fn path_parameter(mut self, parameter: &str, value: &str) -> Self {
        self.values.push((parameter.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn parameters(&self) -> impl Iterator<Item = &str> {
        parameter_names(&self.template)
    }

    /// Returns `true` if the parameter means the tenant: its name means one, and it has no value.
    pub(super) fn is_tenant(&self, parameter: &str) -> bool {
        self.value(parameter).is_none()
            && TenantNames::default().meaning(parameter) == NameMeaning::Tenant
    }

    fn value(&self, parameter: &str) -> Option<&str> {
        let mut values = self.values.iter();
        let (_, value) = values.find(|(name, _)| name == parameter)?;
        Some(value)
    }

    /// Returns the path of a tenant's own request.
    pub(super) fn path(&self, tenant: &Tenant) -> String {
        self.path_with(tenant, "", "")
    }

    /// Returns the path of a tenant's own request, except for one parameter.
    pub(super) fn path_with(&self, tenant: &Tenant, parameter: &str, value: &str) -> String {
        let mut path = self.template.clone();
        for name in self.parameters() {
            let value = match self.value(name) {
                _ if name == parameter => value,
                Some(value) => value,
                None if self.is_tenant(name) => &tenant.code,
                None => continue,
            };
            for written in [format!("{{{name}}}"), format!("{{*{name}}}")] {
                path = path.replace(&written, value);
            }
        }
        path
    }
}
