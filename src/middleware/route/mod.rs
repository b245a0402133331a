//! The organization that a request names.

mod host;
mod lookup;
mod parameter;
mod parameter_settings;
mod template;
mod tenant_names;

use host::{in_host, is_host_name};
use http::{HeaderName, Request};
pub(crate) use lookup::OrgLookup;
pub(crate) use parameter::{PathParams, Routing, parameter_names};
#[cfg_attr(not(feature = "axum"), allow(unused_imports))]
pub(crate) use parameter_settings::{ParameterPresence, ParameterSettings};
pub(crate) use template::decoded_segments;
use template::{Segment, in_paths, organization_stands_at, parse_template};
pub(crate) use tenant_names::{NameMeaning, TenantNames};

use crate::telemetry::compared::ComparedPlace;

/// A place of a request that names the organization, for services that are not axum routers. The
/// layer only compares this organization with the token's, exactly. The request never decides.
///
/// ```
/// use tower_m2m::{OrganizationSource, Verifier};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let verifier = Verifier::kinde("acme").audience("https://api.acme.com").build()?;
/// let layer = verifier.layer().organization_from(OrganizationSource::path("/orgs/{org_code}/*"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct OrganizationSource(Location);

#[derive(Clone, Debug)]
enum Location {
    Path(Vec<Segment>),
    /// An invalid template. It rejects every request, so that the mistake is seen at once.
    InvalidTemplate(String),
    Subdomain(String),
    Header(HeaderName),
}

impl OrganizationSource {
    /// Reads a segment of the path.
    ///
    /// In the template, `{org_code}` is the segment of the organization, `{anything_else}` matches
    /// one segment, and `*` or `{*anything}` matches the rest. A path that continues after the
    /// template belongs to the same organization, with or without the `*`. A slash at the end makes
    /// no difference. If a path does not match the template, it belongs to no organization.
    ///
    /// If another program could read the path as one that matches, or as one of another
    /// organization, the layer rejects the request. Examples are doubled slashes, dot segments,
    /// encoded slashes, parameters after a semicolon, and another case. In a nested axum router,
    /// both the remaining path and the whole path are read.
    ///
    /// With a template that can find no organization, each request with a verified token gets a
    /// 500. Such a template has no `{org_code}`, has braces around only a part of a segment, or
    /// does not begin with a slash.
    #[must_use]
    pub fn path(template: &str) -> Self {
        Self(match parse_template(template) {
            Some(segments) => Location::Path(segments),
            None => Location::InvalidTemplate(template.to_owned()),
        })
    }

    /// Reads the label before a base domain: `org_a` in `org_a.api.example.com` for the base
    /// `api.example.com`.
    ///
    /// The base itself belongs to no organization. The layer rejects requests with any other host
    /// or without a host. If the base is not the name of a host, each request with a verified token
    /// gets a 500.
    #[must_use]
    pub fn subdomain_of(base: impl Into<String>) -> Self {
        Self(Location::Subdomain(base.into().to_ascii_lowercase()))
    }

    /// Reads a header of the request.
    ///
    /// A request without the header belongs to no organization. The layer rejects a request that
    /// has the header more than once.
    #[must_use]
    pub fn header(name: HeaderName) -> Self {
        Self(Location::Header(name))
    }

    /// Returns the constructor and its argument if the source can find no organization.
    pub(crate) fn invalid(&self) -> Option<(&'static str, &str)> {
        match &self.0 {
            Location::InvalidTemplate(template) => Some(("OrganizationSource::path", template)),
            Location::Subdomain(base) if !is_host_name(base) => {
                Some(("OrganizationSource::subdomain_of", base))
            }
            Location::Path(_) | Location::Subdomain(_) | Location::Header(_) => None,
        }
    }

    /// Returns `true` if the source can find an organization on this axum route.
    #[cfg(feature = "axum")]
    pub(crate) fn fits_route(&self, route: &str) -> bool {
        match &self.0 {
            Location::Path(template) => template::fits_route(template, route),
            Location::InvalidTemplate(_) => false,
            Location::Subdomain(_) | Location::Header(_) => true,
        }
    }

    /// Returns `true` if the source compares this segment of an axum route.
    #[cfg(feature = "axum")]
    pub(crate) fn compares_route_segment(&self, index: usize, route: &str) -> bool {
        matches!(&self.0, Location::Path(template) if template::compares_route_segment(template, index, route))
    }

    /// Returns the name of the source in events and inventories.
    pub(crate) fn compared_place(&self) -> ComparedPlace<'_> {
        match &self.0 {
            Location::Path(_) | Location::InvalidTemplate(_) => ComparedPlace::Path("org_code"),
            Location::Subdomain(_) => ComparedPlace::Host,
            Location::Header(name) => ComparedPlace::Header(name.as_str()),
        }
    }

    /// Returns `true` if the source compares this segment of the whole path.
    #[cfg_attr(not(feature = "axum"), allow(dead_code))]
    pub(crate) fn compares_segment(&self, index: usize, path: &str, whole: &str) -> bool {
        let Location::Path(template) = &self.0 else {
            return false;
        };
        let removed = whole
            .split('/')
            .count()
            .saturating_sub(path.split('/').count());
        organization_stands_at(template, index, whole)
            || index
                .checked_sub(removed)
                .is_some_and(|index| organization_stands_at(template, index, path))
    }

    pub(crate) fn find<'r, B>(&self, request: &'r Request<B>) -> OrgLookup<'r> {
        match &self.0 {
            Location::Path(template) => in_paths(template, request.uri(), request.extensions()),
            Location::InvalidTemplate(_) => OrgLookup::Ambiguous,
            Location::Subdomain(base) => in_host(base, request.uri(), request.headers()),
            Location::Header(name) => {
                let mut values = request.headers().get_all(name).iter();
                match (values.next().map(|value| value.to_str()), values.next()) {
                    (None, _) => OrgLookup::Absent,
                    (Some(Ok(code)), None) => OrgLookup::code(code),
                    _ => OrgLookup::Ambiguous,
                }
            }
        }
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
