//! Rejections that a fix of the application removes.

use std::fmt;

/// A handler that extracts from a verified token and that no authorization layer protects.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissingLayer {
    /// The handler of a route.
    Route {
        /// The extractor that found no verified token, such as `OrgCode`.
        extractor: &'static str,
        /// The route's template.
        route: Box<str>,
    },
    /// A handler without a matched route, such as a fallback.
    Fallback {
        /// The extractor that found no verified token, such as `OrgCode`.
        extractor: &'static str,
    },
    /// A service that reads a request with [`RequestExt`](crate::RequestExt).
    Service,
}

impl fmt::Display for MissingLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route { extractor, route } => write!(
                f,
                "the handler of {route:?} extracts `{extractor}`, and no `AuthorizeLayer` protects it: add \
                 `.route_layer(verifier.layer())` to the router after this route (axum applies a layer only to the routes \
                 that were added before it)"
            ),
            Self::Fallback { extractor } => write!(
                f,
                "a fallback, or another handler without a matched route, extracts `{extractor}`, and no `AuthorizeLayer` \
                 protects it: add `.layer(verifier.layer())` to the router after `.fallback(..)` (`route_layer` does not \
                 apply to fallbacks)"
            ),
            Self::Service => f.write_str(
                "a service reads the claims of a request, and no `AuthorizeLayer` protects it: wrap it with \
                 `verifier.layer()`",
            ),
        }
    }
}

impl std::error::Error for MissingLayer {}

/// A reason why a layer cannot check the organization of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misconfiguration {
    /// The name of this parameter means a tenant, and no layer compares or ignores it.
    UndecidedParameter(Box<str>),
    /// A layer compares this parameter, and the matched route does not have it.
    MissingParameter(Box<str>),
    /// A setting of a layer has a value with which it can have no effect.
    InvalidSetting {
        /// The method of [`AuthorizeLayer`](crate::AuthorizeLayer) or of
        /// [`OrganizationSource`](crate::OrganizationSource).
        setting: &'static str,
        /// The name, segment, template or host that it got.
        value: Box<str>,
    },
}

impl fmt::Display for Misconfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UndecidedParameter(name) => write!(
                f,
                "the route parameter {name:?} means a tenant, and no layer compares it: compare it with \
                 `organization_parameter({name:?})`, or ignore it with `ignore_parameter({name:?})`, or allow other \
                 organizations with `allow_other_organizations_in({name:?})`"
            ),
            Self::MissingParameter(name) => write!(
                f,
                "`organization_parameter({name:?})` names a parameter that the route does not have: correct the name, or \
                 use `optional_organization_parameter({name:?})`"
            ),
            Self::InvalidSetting { setting, value } => {
                let problem = match *setting {
                    "allow_path_segment" => {
                        "is not a segment of a path: write one segment without slashes and braces"
                    }
                    "allow_other_organizations_in_path" | "OrganizationSource::path" => {
                        "is not a path template: write one such as `/orgs/{org_code}/*`"
                    }
                    "OrganizationSource::subdomain_of" => {
                        "is not the name of a host: write one such as `api.example.com`, without scheme and port"
                    }
                    _ => "is not the name of a parameter: write it without braces",
                };
                write!(f, "`{setting}({value:?})` {problem}")
            }
        }
    }
}

impl std::error::Error for Misconfiguration {}
