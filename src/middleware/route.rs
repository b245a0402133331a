//! Which organization a request is about.

use std::borrow::Cow;

use http::header::HOST;
use http::request::Parts;
use http::{HeaderName, Uri};

use super::policy::Target;
use crate::token::OrgCode;

/// Where a request says which organization it is about, for services that are no axum router. What is found there is only
/// compared with the token, exactly; it never decides.
///
/// ```
/// use tower_m2m::{RouteOrganization, Verifier};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let verifier = Verifier::kinde("acme").audience("https://api.acme.com").build()?;
/// let layer = verifier.layer().organization_from(RouteOrganization::path("/orgs/{org_code}/*"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RouteOrganization(Place);

#[derive(Clone, Debug)]
enum Place {
    Path(Vec<Segment>),
    Subdomain(String),
    Header(HeaderName),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Exactly(String),
    Any,
    Organization,
    Rest,
}

impl RouteOrganization {
    /// A segment of the path: `{org_code}`. `{anything_else}` stands for one segment, `*` at the end for the rest. A path
    /// that does not fit the template is about no organization. A slash at the end makes no difference; a path that
    /// another reader could take for another one (dot segments, encoded slashes, empty segments) is refused.
    #[must_use]
    pub fn path(template: &str) -> Self {
        let segments = template.trim_end_matches('/').split('/').skip(1).map(|segment| match segment {
            "*" => Segment::Rest,
            "{org_code}" => Segment::Organization,
            _ if segment.starts_with('{') && segment.ends_with('}') => Segment::Any,
            _ => Segment::Exactly(segment.to_owned()),
        });
        Self(Place::Path(segments.collect()))
    }

    /// The label in front of a base domain: `org_a.api.example.com` for the base `api.example.com`. The base itself is
    /// about no organization; any other host is refused, and so is a request without a host.
    #[must_use]
    pub fn subdomain_of(base: impl Into<String>) -> Self {
        Self(Place::Subdomain(base.into().to_ascii_lowercase()))
    }

    /// A header of the request. A request without it is about no organization; one with it twice is refused.
    #[must_use]
    pub fn header(name: HeaderName) -> Self {
        Self(Place::Header(name))
    }

    pub(crate) fn find(&self, parts: &Parts) -> Found {
        match &self.0 {
            Place::Path(template) => in_path(template, parts.uri.path()),
            Place::Subdomain(base) => in_host(base, &parts.uri, &parts.headers),
            Place::Header(name) => {
                let mut values = parts.headers.get_all(name).iter();
                match (values.next().map(|value| value.to_str()), values.next()) {
                    (None, _) => Found::Nothing,
                    (Some(Ok(code)), None) => Found::Organization(code.to_owned()),
                    _ => Found::Unclear,
                }
            }
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    Organization(String),
    Unclear,
}

impl Found {
    pub(crate) fn target(&self) -> Target<'_> {
        match self {
            Self::Nothing => Target::None,
            Self::Organization(code) => Target::Organization(code),
            Self::Unclear => Target::Unclear,
        }
    }

    /// The same, unless an outer layer let a global client act for another organization.
    pub(crate) fn agreeing_with(self, acting: Option<&OrgCode>) -> Self {
        match (self, acting) {
            (Self::Organization(code), Some(acting)) if code != acting.as_str() => Self::Unclear,
            (found, _) => found,
        }
    }

    /// What two places say together: they must agree.
    #[cfg_attr(not(feature = "axum"), allow(dead_code))]
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, found) | (found, Self::Nothing) => found,
            (Self::Organization(a), Self::Organization(b)) if a == b => Self::Organization(a),
            _ => Self::Unclear,
        }
    }
}

fn in_path(template: &[Segment], path: &str) -> Found {
    if path.split('/').any(climbs) {
        return Found::Unclear;
    }
    let mut segments = path.trim_end_matches('/').split('/').skip(1);
    let mut found = Found::Nothing;
    for expected in template {
        let segment = segments.next();
        match (expected, segment) {
            (Segment::Rest, _) => return found,
            (Segment::Exactly(text), Some(segment)) => match decoded(segment) {
                Some(segment) if segment == *text => {}
                Some(segment) if is_plain(&segment) => return Found::Nothing,
                Some(_) | None => return Found::Unclear,
            },
            (Segment::Any, Some(_)) => {}
            (Segment::Organization, Some(segment)) => {
                let Some(code) = decoded(segment).filter(|code| is_plain(code)) else { return Found::Unclear };
                found = found.and(Found::Organization(code.into_owned()));
            }
            (_, None) => return Found::Nothing,
        }
    }
    // A longer path than the template's is another route.
    if segments.next().is_none() { found } else { Found::Nothing }
}

/// Whether a reader that decodes first and splits afterwards would find a dot segment in it (RFC 3986 §5.2.4).
fn climbs(segment: &str) -> bool {
    decoded(segment).is_none_or(|segment| segment.split(['/', '\\']).any(|step| matches!(step, "." | "..")))
}

/// Neither empty nor something that another reader of the path would take for a step: dots, slashes.
fn is_plain(code: &str) -> bool {
    !matches!(code, "" | "." | "..") && !code.contains(['/', '\\'])
}

/// Percent-decoded once, as UTF-8 (RFC 3986 §2.1).
fn decoded(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.contains('%') {
        return Some(Cow::Borrowed(segment));
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn in_host(base: &str, uri: &Uri, headers: &http::HeaderMap) -> Found {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (uri.host(), hosts.next().map(|host| host.to_str()), hosts.next()) {
        (Some(target), None, None) => target,
        (None, Some(Ok(host)), None) => without_port(host),
        (Some(target), Some(Ok(host)), None) if target.eq_ignore_ascii_case(without_port(host)) => target,
        _ => return Found::Unclear,
    };
    let host = host.to_ascii_lowercase();
    if host == base {
        return Found::Nothing;
    }
    match host.strip_suffix(base).and_then(|label| label.strip_suffix('.')) {
        Some(label) if !label.is_empty() && !label.contains('.') => Found::Organization(label.to_owned()),
        _ => Found::Unclear,
    }
}

fn without_port(host: &str) -> &str {
    host.rsplit_once(':').map_or(host, |(host, _)| host)
}

/// The parameter of a matched axum route, percent-decoded by axum itself.
#[cfg(feature = "axum")]
pub(crate) fn in_axum_params(parts: &mut Parts, name: &str) -> Found {
    use axum::extract::rejection::RawPathParamsRejection;
    use axum::extract::{FromRequestParts as _, RawPathParams};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    // The extractor only looks into the extensions and is ready at once.
    let params = pin!(RawPathParams::from_request_parts(parts, &())).poll(&mut Context::from_waker(Waker::noop()));
    match params {
        Poll::Ready(Ok(params)) => params
            .iter()
            .filter(|(param, _)| *param == name)
            .map(|(_, code)| Found::Organization(code.to_owned()))
            .fold(Found::Nothing, Found::and),
        Poll::Ready(Err(RawPathParamsRejection::MissingPathParams(_))) => Found::Nothing,
        _ => Found::Unclear,
    }
}
