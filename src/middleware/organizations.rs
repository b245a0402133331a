//! The settings of a layer about the organizations that a path may name.

use super::layer::AuthorizeLayer;
#[cfg(feature = "axum")]
use super::route::ParameterPresence;

/// Settings about the organizations that a path may name.
///
/// If a setting can have no effect, for example because a name is written with braces, each request
/// with a verified token gets a 500
/// ([`Rejection::Misconfigured`](crate::Rejection::Misconfigured)), and [`Routes`](crate::Routes)
/// cannot be built. Both name the setting.
impl AuthorizeLayer {
    /// Adds an axum route parameter that must be the token's organization, and requires that the
    /// route has it. Default: `org_code` is always compared, if the route has it.
    ///
    /// Write the name as between the braces, also for a wildcard. The parameter has all rules of
    /// `{org_code}`. If the matched route does not have it, or if it is not a name, each request
    /// with a verified token gets a 500
    /// ([`Rejection::Misconfigured`](crate::Rejection::Misconfigured)).
    ///
    /// A layer around a whole router does not see which route matches. Then the layers and the
    /// extractors inside compare the parameter wherever a route has it.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use tower_m2m::{OrgCode, Verifier};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let verifier = Verifier::kinde("acme").audience("https://api.acme.com").build()?;
    /// let app: Router = Router::new()
    ///     .route("/orgs/{org}/invoices", get(|org: OrgCode| async move { format!("invoices of {org}") }))
    ///     .route_layer(verifier.layer().organization_parameter("org"));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "axum")]
    pub fn organization_parameter(self, name: impl Into<String>) -> Self {
        self.with_visible_setting(|settings| {
            settings
                .parameters
                .compare(name.into(), ParameterPresence::Required);
        })
    }

    /// Adds an axum route parameter that must be the token's organization on each route that has
    /// it. Default: only `org_code`.
    /// Use it for a layer around routes that have the parameter and routes that do not.
    #[cfg(feature = "axum")]
    pub fn optional_organization_parameter(self, name: impl Into<String>) -> Self {
        self.with_visible_setting(|settings| {
            settings
                .parameters
                .compare(name.into(), ParameterPresence::Optional);
        })
    }

    /// Adds a route parameter that names no organization, although its name often means one.
    /// Default: none.
    ///
    /// The setting concerns only the name. If the parameter's value has the form of another
    /// organization's code, the request is still rejected; see
    /// [`allow_other_organizations_in`](Self::allow_other_organizations_in). It has no effect on
    /// `org_code` or on a parameter that any layer compares.
    #[cfg(feature = "axum")]
    pub fn ignore_parameter(self, name: impl Into<String>) -> Self {
        self.with_visible_setting(|settings| settings.parameters.ignore(name.into()))
    }

    /// Adds a route parameter that may name another organization. Default: none.
    ///
    /// The handler must check whether the caller may see the organization that the parameter names.
    /// It has no effect on `org_code` or on a parameter that any layer compares.
    #[cfg(feature = "axum")]
    pub fn allow_other_organizations_in(self, name: impl Into<String>) -> Self {
        self.with_visible_setting(|settings| {
            settings.parameters.allow_other_organizations(name.into());
        })
    }

    /// Sets the names of route parameters that mean a tenant. Default: `org`, `organization`,
    /// `organisation` and `tenant`.
    ///
    /// A name counts if, without case, `-` and `_`, it is one of these, in the singular or plural,
    /// alone or with one of the suffixes `id`, `ids`, `code`, `key`, `slug`, `name`, `uuid`,
    /// `guid`, `ref`, `handle`, `number`. If the matched route has such a parameter and no layer
    /// compares or ignores it, each request with a verified token gets a 500.
    #[cfg(feature = "axum")]
    pub fn tenant_parameter_names<T: Into<String>>(
        self,
        names: impl IntoIterator<Item = T>,
    ) -> Self {
        let names = names.into_iter().map(Into::into).collect();
        self.with_visible_setting(|settings| settings.parameters.set_tenant_names(names))
    }

    /// Sets the names of route parameters that often mean a tenant. Default: `account`,
    /// `workspace`, `customer`, `company`, `team` and `client`.
    ///
    /// If the matched route has such a parameter and no layer compares or ignores it, an event at
    /// level WARN reports it once per route.
    #[cfg(feature = "axum")]
    pub fn possible_tenant_parameter_names<T: Into<String>>(
        self,
        names: impl IntoIterator<Item = T>,
    ) -> Self {
        let names = names.into_iter().map(Into::into).collect();
        self.with_visible_setting(|settings| settings.parameters.set_possible_tenant_names(names))
    }

    /// Adds a segment that is not an organization's code, although it has the form of one. Default:
    /// none.
    ///
    /// Use it for layers without a matched route: for example, `org_settings` has the form of
    /// Kinde's codes.
    pub fn allow_path_segment(self, segment: impl Into<String>) -> Self {
        self.with_visible_setting(|settings| settings.parameters.allow_literal(segment.into()))
    }

    /// Adds a position in the path that may name another organization. Default: none.
    ///
    /// The template has the syntax of
    /// [`OrganizationSource::path`](crate::OrganizationSource::path), and `{org_code}` marks the
    /// position. Use it for layers without a matched route. If the template is invalid, each
    /// request with a verified token gets a 500. The handler must check whether the caller may see
    /// the organization.
    pub fn allow_other_organizations_in_path(self, template: &str) -> Self {
        self.with_visible_setting(|settings| {
            settings
                .parameters
                .allow_other_organizations_in_path(template);
        })
    }
}
