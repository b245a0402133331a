//! Which organization a request is about.

use std::borrow::Cow;

use http::header::HOST;
#[cfg(feature = "axum")]
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, Request, Uri};

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
    /// A template that finds no organization anywhere: every request is refused, so that it is seen at once.
    NoTemplate,
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
    /// A segment of the path: `{org_code}`. `{anything_else}` stands for one segment, `*` or `{*anything}` for the rest; a path
    /// that goes on behind the template belongs to the same organization, with or without the `*`. A path that does not fit
    /// the template is about no organization. A slash at the end makes no difference. A path that another reader could take
    /// for one that fits, or for another organization's (doubled slashes, dot segments, encoded slashes, parameters behind a
    /// semicolon, other case), is refused. Below a router that another nests, what is left of the path is read, and the
    /// whole path too.
    ///
    /// A template that could find no organization (without `{org_code}`, with a segment of which only a part stands in braces,
    /// without a slash in front) refuses every request, so that the first one shows the mistake.
    #[must_use]
    pub fn path(template: &str) -> Self {
        let segments = template.strip_prefix('/').and_then(|template| {
            template
                .trim_end_matches('/')
                .split('/')
                .map(Segment::parse)
                .collect::<Option<Vec<_>>>()
        });
        let segments = segments.filter(|segments| {
            let before_rest = segments
                .iter()
                .take_while(|segment| **segment != Segment::Rest);
            before_rest
                .filter(|segment| **segment == Segment::Organization)
                .count()
                > 0
        });
        Self(segments.map_or(Place::NoTemplate, Place::Path))
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

    pub(crate) fn find<B>(&self, request: &Request<B>) -> Found {
        match &self.0 {
            Place::Path(template) => in_paths(template, request.uri(), request.extensions()),
            Place::NoTemplate => Found::Unclear,
            Place::Subdomain(base) => in_host(base, request.uri(), request.headers()),
            Place::Header(name) => {
                let mut values = request.headers().get_all(name).iter();
                match (values.next().map(|value| value.to_str()), values.next()) {
                    (None, _) => Found::Nothing,
                    (Some(Ok(code)), None) => Found::code(code),
                    _ => Found::Unclear,
                }
            }
        }
    }
}

impl Segment {
    fn parse(segment: &str) -> Option<Self> {
        let inner = segment
            .strip_prefix('{')
            .and_then(|segment| segment.strip_suffix('}'));
        match (segment, inner) {
            ("*", _) => Some(Self::Rest),
            (_, Some(name)) if name.strip_prefix('*').is_some_and(is_parameter_name) => {
                Some(Self::Rest)
            }
            (_, Some("org_code")) => Some(Self::Organization),
            (_, Some(name)) if is_parameter_name(name) => Some(Self::Any),
            _ if segment.contains(['{', '}', '*']) || segment.starts_with(':') => None,
            _ => Some(Self::Exactly(segment.to_owned())),
        }
    }
}

/// What can stand between a route's braces: older and other notations cannot.
pub(crate) fn is_parameter_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['{', '}', '*', ':', '/'])
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    Organization(String),
    Unclear,
}

impl Found {
    /// What is about to be compared, or acted for, must be one plain name wherever it stands in the request.
    fn code(code: &str) -> Self {
        if is_plain(code) {
            Self::Organization(code.to_owned())
        } else {
            Self::Unclear
        }
    }

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

/// What the path says, and what the whole one says where a nesting router took a part off: they must agree.
fn in_paths(template: &[Segment], uri: &Uri, extensions: &Extensions) -> Found {
    let found = in_path(template, uri.path());
    #[cfg(feature = "axum")]
    if let Some(axum::extract::OriginalUri(whole)) = extensions.get()
        && whole.path() != uri.path()
    {
        return found.and(in_path(template, whole.path()));
    }
    let _ = extensions;
    found
}

/// What the path says as it stands, if a reader who tidies it up first finds the same.
fn in_path(template: &[Segment], path: &str) -> Found {
    let Some(segments) = path
        .split('/')
        .skip(1)
        .map(decoded)
        .collect::<Option<Vec<_>>>()
    else {
        return Found::Unclear;
    };
    let as_it_stands = fit(template, segments.iter().map(AsRef::as_ref), str::eq);
    let tidied_up = tidy(&segments);
    let tidied_up = fit(
        template,
        tidied_up.iter().map(AsRef::as_ref),
        str::eq_ignore_ascii_case,
    );
    if as_it_stands == tidied_up {
        as_it_stands
    } else {
        Found::Unclear
    }
}

fn fit<'p>(
    template: &[Segment],
    mut path: impl Iterator<Item = &'p str>,
    same: fn(&str, &str) -> bool,
) -> Found {
    let mut found = Found::Nothing;
    for expected in template {
        match (expected, path.next()) {
            (Segment::Rest, _) => return found,
            (Segment::Exactly(text), Some(segment)) if same(text, segment) => {}
            (Segment::Any, Some(_)) => {}
            (Segment::Organization, Some(code)) => found = found.and(Found::code(code)),
            _ => return Found::Nothing,
        }
    }
    found
}

/// How often careless readers decode what was decoded: no more, so that a long path costs no quadratic time.
const DECODED_AGAIN_MAX: usize = 3;

/// The segments as servers read them that decode again, take encoded slashes and backslashes for slashes, leave
/// out what stands behind a semicolon, spaces and control characters around a step, and empty steps, and follow dots.
fn tidy<'p>(segments: &'p [Cow<'p, str>]) -> Vec<Cow<'p, str>> {
    let mut tidy = Vec::with_capacity(segments.len());
    for segment in segments {
        let mut segment = Cow::Borrowed(segment.as_ref());
        for _ in 0..DECODED_AGAIN_MAX {
            if let Some(Cow::Owned(again)) = decoded(&segment) {
                segment = Cow::Owned(again);
            }
        }
        for step in segment.split(['/', '\\']) {
            let step = step.split(';').next().unwrap_or_default();
            match step.trim_matches(|c: char| c.is_whitespace() || c.is_control()) {
                "" | "." => {}
                ".." => drop(tidy.pop()),
                step => tidy.push(Cow::Owned(step.to_owned())),
            }
        }
    }
    tidy
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
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

fn in_host(base: &str, uri: &Uri, headers: &HeaderMap) -> Found {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (
        uri.host(),
        hosts.next().map(|host| host.to_str()),
        hosts.next(),
    ) {
        (Some(target), None, None) => target,
        (None, Some(Ok(host)), None) => without_port(host),
        (Some(target), Some(Ok(host)), None) if target.eq_ignore_ascii_case(without_port(host)) => {
            target
        }
        // None, two, two that differ, or one that is not text.
        _ => return Found::Unclear,
    };
    let host = host.to_ascii_lowercase();
    if host == base {
        return Found::Nothing;
    }
    match host
        .strip_suffix(base)
        .and_then(|label| label.strip_suffix('.'))
    {
        Some(label) if !label.contains('.') => Found::code(label),
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

    if !is_parameter_name(name) {
        return Found::Unclear;
    }
    // The extractor only looks into the extensions and is ready at once.
    let params = pin!(RawPathParams::from_request_parts(parts, &()))
        .poll(&mut Context::from_waker(Waker::noop()));
    match params {
        Poll::Ready(Ok(params)) => params
            .iter()
            .filter(|(param, _)| *param == name)
            .map(|(_, code)| Found::code(code))
            .fold(Found::Nothing, Found::and),
        Poll::Ready(Err(RawPathParamsRejection::MissingPathParams(_))) => Found::Nothing,
        _ => Found::Unclear,
    }
}

/// The same where there are only the extensions, which are lent to a request of nothing else.
#[cfg(feature = "axum")]
pub(super) fn in_axum_params_of(extensions: &mut Extensions, name: &str) -> Found {
    let (mut lent, ()) = Request::new(()).into_parts();
    std::mem::swap(&mut lent.extensions, extensions);
    let found = in_axum_params(&mut lent, name);
    std::mem::swap(&mut lent.extensions, extensions);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(place: &RouteOrganization, uri: &str, headers: &[(&str, &str)]) -> Found {
        let request = headers
            .iter()
            .fold(Request::get(uri), |request, (name, value)| {
                request.header(*name, *value)
            });
        place.find(&request.body(()).unwrap())
    }

    fn org(code: &str) -> Found {
        Found::Organization(code.to_owned())
    }

    /// Rules 75, 158.
    ///
    /// A path that can be read in two ways names no organization for certain.
    #[test]
    fn path_template_finds_one_organization_or_is_ambiguous() {
        let place = RouteOrganization::path("/orgs/{org_code}/invoices/*");
        for (path, expected) in [
            ("/orgs/org_a/invoices/7", org("org_a")),
            ("/orgs/org_a/invoices", org("org_a")),
            ("/orgs/org_a/invoices/", org("org_a")),
            ("/orgs/%6Frg_a/invoices/7", org("org_a")),
            ("/%6Frgs/org_a/invoices/7", org("org_a")),
            ("/orgs/ORG_A/invoices/7", org("ORG_A")),
            ("/healthz", Found::Nothing),
            ("/", Found::Nothing),
            ("/orgs//invoices/7", Found::Unclear),
            ("//orgs/org_b/invoices/7", Found::Unclear),
            ("/x/../orgs/org_b/invoices/7", Found::Unclear),
            ("/x/%2e%2E/orgs/org_b/invoices/7", Found::Unclear),
            ("/./orgs/org_b/invoices/7", Found::Unclear),
            ("/orgs/org_a%2F..%2Forg_b/invoices/7", Found::Unclear),
            ("/%2Forgs/org_b/invoices", Found::Unclear),
            ("/orgs%2Forg_b/invoices", Found::Unclear),
            ("/orgs/org_a/invoices/a%2Fb", org("org_a")),
            ("/files/a%2Fb//c", Found::Nothing),
            ("/orgs/org_a/../org_b/invoices", Found::Unclear),
            ("/orgs/org_a%5Corg_b/invoices/7", Found::Unclear),
            ("/orgs/org_%ff/invoices/7", Found::Unclear),
            ("/orgs/org_%zz/invoices/7", Found::Unclear),
            ("/orgs/org_%6/invoices/7", Found::Unclear),
            ("/Orgs/org_b/invoices/7", Found::Unclear),
            ("/orgs;v=1/org_b/invoices", Found::Unclear),
            ("/..;/orgs/org_b/invoices", Found::Unclear),
            ("/x/..;a=b/orgs/org_b/invoices", Found::Unclear),
            ("/%256Frgs/org_b/invoices", Found::Unclear),
            ("/%252e%252e/orgs/org_b/invoices", Found::Unclear),
            ("/orgs%252Forg_b/invoices", Found::Unclear),
            ("/orgs%00/org_b/invoices", Found::Unclear),
            ("/orgs%20/org_b/invoices", Found::Unclear),
            ("/orgs/org_a;v=1/invoices", Found::Unclear),
            ("/orgs/org_a/invoices/7;v=1", org("org_a")),
            ("/orgs/org_a/invoices/100%25", org("org_a")),
        ] {
            assert_eq!(found(&place, path, &[]), expected, "{path}");
        }
    }

    /// A template without `*` covers what is below it too: a forgotten star must not open a door.
    #[test]
    fn template_without_wildcard_matches_longer_paths() {
        let place = RouteOrganization::path("/orgs/{org_code}");
        for (path, expected) in [
            ("/orgs/org_a", org("org_a")),
            ("/orgs/org_a/", org("org_a")),
            ("/orgs/org_a/x/y", org("org_a")),
            ("/orgs", Found::Nothing),
        ] {
            assert_eq!(found(&place, path, &[]), expected, "{path}");
            assert_eq!(
                found(
                    &RouteOrganization::path("/orgs/{org_code}/{*rest}"),
                    path,
                    &[]
                ),
                expected,
                "{path}"
            );
        }
        assert_eq!(found(&place, "/orgs/", &[]), Found::Unclear);
    }

    /// A template that could find nothing lets nobody in, instead of everybody.
    #[test]
    fn invalid_template_rejects_every_request() {
        for template in [
            "",
            "/",
            "/t/{tenant}/*",
            "/t/{orgcode}/*",
            "/t/:org_code/*",
            "/t/{org_code}.json",
            "{org_code}/x",
            "/t/{*org_code}",
            "/*/{org_code}",
            "/t/{org_code}/{}",
            "/t/{org_code}/{a*}",
        ] {
            let place = RouteOrganization::path(template);
            for path in ["/t/org_a/x", "/org_a/x", "/t", "/"] {
                assert_eq!(
                    found(&place, path, &[]),
                    Found::Unclear,
                    "{template} {path}"
                );
            }
        }
    }

    #[test]
    fn parameter_matches_one_segment_and_needs_both_braces() {
        let place = RouteOrganization::path("/{region}/orgs/{org_code}");
        assert_eq!(found(&place, "/eu/orgs/org_a", &[]), org("org_a"));
        assert_eq!(found(&place, "/eu/x/orgs/org_a", &[]), Found::Nothing);
        for template in ["/{v1/{org_code}", "/v1}/{org_code}"] {
            assert_eq!(
                found(&RouteOrganization::path(template), "/v2/org_a", &[]),
                Found::Unclear,
                "{template}"
            );
        }
    }

    #[test]
    fn two_organization_sources_must_agree() {
        let place = RouteOrganization::path("/{org_code}/of/{org_code}");
        assert_eq!(found(&place, "/org_a/of/org_a", &[]), org("org_a"));
        assert_eq!(found(&place, "/org_a/of/org_b", &[]), Found::Unclear);
    }

    /// Rule 158.
    #[test]
    fn subdomain_is_exactly_one_label() {
        let place = RouteOrganization::subdomain_of("api.example.com");
        for (host, expected) in [
            ("org-a.api.example.com", org("org-a")),
            ("org-a.API.example.com:8443", org("org-a")),
            ("api.example.com", Found::Nothing),
            ("x.org-a.api.example.com", Found::Unclear),
            (".api.example.com", Found::Unclear),
            ("org-aapi.example.com", Found::Unclear),
            ("evil.example", Found::Unclear),
            ("a/b.api.example.com", Found::Unclear),
        ] {
            assert_eq!(found(&place, "/", &[("host", host)]), expected, "{host}");
        }
        assert_eq!(found(&place, "/", &[]), Found::Unclear);
        let target = "http://org-a.api.example.com/";
        assert_eq!(found(&place, target, &[]), org("org-a"));
        assert_eq!(
            found(&place, target, &[("host", "ORG-A.api.example.com:80")]),
            org("org-a")
        );
        assert_eq!(
            found(
                &place,
                "/",
                &[
                    ("host", "org-a.api.example.com"),
                    ("host", "org-b.api.example.com")
                ]
            ),
            Found::Unclear
        );
        assert_eq!(
            found(
                &place,
                "http://org-a.api.example.com/",
                &[("host", "org-b.api.example.com")]
            ),
            Found::Unclear
        );
    }

    /// Rule 158.
    #[test]
    fn organization_header_is_single_and_plain() {
        let place = RouteOrganization::header(HeaderName::from_static("x-org"));
        assert_eq!(found(&place, "/", &[]), Found::Nothing);
        assert_eq!(found(&place, "/", &[("x-org", "org_a")]), org("org_a"));
        assert_eq!(
            found(&place, "/", &[("x-org", "org_a"), ("x-org", "org_a")]),
            Found::Unclear
        );
        for odd in ["", "..", "a/b", "a\\b"] {
            assert_eq!(
                found(&place, "/", &[("x-org", odd)]),
                Found::Unclear,
                "{odd:?}"
            );
        }
    }
}
