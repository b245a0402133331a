//! The organization in a path, found with a template.

use std::borrow::Cow;

use http::{Extensions, Uri};

use super::OrgLookup;
use super::parameter::is_parameter_name;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Literal(String),
    Any,
    Organization,
    Rest,
}

impl Segment {
    pub(super) fn parse(segment: &str) -> Option<Self> {
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
            _ => Some(Self::Literal(segment.to_owned())),
        }
    }
}

/// Parses a path template, or returns `None` if it could find no organization.
pub(super) fn parse_template(template: &str) -> Option<Vec<Segment>> {
    let segments = template
        .strip_prefix('/')?
        .trim_end_matches('/')
        .split('/')
        .map(Segment::parse)
        .collect::<Option<Vec<_>>>()?;
    let has_organization = before_rest(&segments).any(|segment| *segment == Segment::Organization);
    has_organization.then_some(segments)
}

fn before_rest(template: &[Segment]) -> impl Iterator<Item = &Segment> {
    template
        .iter()
        .take_while(|segment| **segment != Segment::Rest)
}

/// Returns `true` if the template matches the path and its organization stands on this segment.
#[cfg_attr(not(feature = "axum"), allow(dead_code))]
pub(super) fn organization_stands_at(template: &[Segment], index: usize, path: &str) -> bool {
    before_rest(template).nth(index) == Some(&Segment::Organization)
        && in_path(template, path) != OrgLookup::Absent
}

/// Returns `true` if the template matches the path without doubt and its organization stands on
/// this segment.
pub(super) fn excepts_segment(template: &[Segment], index: usize, path: &str) -> bool {
    before_rest(template).nth(index) == Some(&Segment::Organization)
        && matches!(in_path(template, path), OrgLookup::Organization(_))
}

/// Returns `true` if the template can match paths of this axum route.
#[cfg(feature = "axum")]
pub(super) fn fits_route(template: &[Segment], route: &str) -> bool {
    let mut segments = route.trim_end_matches('/').split('/').skip(1);
    for expected in before_rest(template) {
        match (expected, segments.next()) {
            // A wildcard can be any rest of the path.
            (_, Some(segment)) if segment.starts_with("{*") => return true,
            (Segment::Literal(_) | Segment::Any | Segment::Organization, Some(segment))
                if segment.starts_with('{') => {}
            (Segment::Literal(literal), Some(segment)) if literal == segment => {}
            (Segment::Any, Some(_)) => {}
            _ => return false,
        }
    }
    true
}

/// Returns `true` if the template compares this segment of an axum route.
#[cfg(feature = "axum")]
pub(super) fn compares_route_segment(template: &[Segment], index: usize, route: &str) -> bool {
    before_rest(template).nth(index) == Some(&Segment::Organization) && fits_route(template, route)
}

/// Returns the segments of a path, percent-decoded once, `None` for each that cannot be decoded.
pub(crate) fn decoded_segments(path: &str) -> impl Iterator<Item = Option<Cow<'_, str>>> {
    path.split('/').skip(1).map(percent_decode)
}

/// Reads the path and, if a nesting router removed a part of it, the whole path. Both must agree.
pub(super) fn in_paths(
    template: &[Segment],
    uri: &Uri,
    extensions: &Extensions,
) -> OrgLookup<'static> {
    let found = in_path(template, uri.path());
    #[cfg(feature = "axum")]
    if let Some(axum::extract::OriginalUri(whole)) = extensions.get()
        && whole.path() != uri.path()
    {
        return found.merge(in_path(template, whole.path()));
    }
    let _ = extensions;
    found
}

/// Reads the path as it is, and as a reader that normalizes it first. Both must agree.
fn in_path(template: &[Segment], path: &str) -> OrgLookup<'static> {
    let Some(segments) = path
        .split('/')
        .skip(1)
        .map(percent_decode)
        .collect::<Option<Vec<_>>>()
    else {
        return OrgLookup::Ambiguous;
    };
    let as_it_stands = match_template(template, segments.iter().map(AsRef::as_ref), str::eq);
    let tidied_up = normalize(&segments);
    let tidied_up = match_template(
        template,
        tidied_up.iter().map(AsRef::as_ref),
        str::eq_ignore_ascii_case,
    );
    match as_it_stands {
        same if same != tidied_up => OrgLookup::Ambiguous,
        OrgLookup::Organization(code) => OrgLookup::code(code.into_owned()),
        OrgLookup::Absent => OrgLookup::Absent,
        OrgLookup::Ambiguous => OrgLookup::Ambiguous,
    }
}

fn match_template<'p>(
    template: &[Segment],
    mut path: impl Iterator<Item = &'p str>,
    same: fn(&str, &str) -> bool,
) -> OrgLookup<'p> {
    let mut found = OrgLookup::Absent;
    for expected in template {
        match (expected, path.next()) {
            (Segment::Rest, _) => return found,
            (Segment::Literal(text), Some(segment)) if same(text, segment) => {}
            (Segment::Any, Some(_)) => {}
            (Segment::Organization, Some(code)) => found = found.merge(OrgLookup::code(code)),
            _ => return OrgLookup::Absent,
        }
    }
    found
}

/// The number of times that a segment is decoded again. The limit keeps the time for a long path
/// linear.
const DECODED_AGAIN_MAX: usize = 3;

/// Returns the segments as other servers may read them. Such a server decodes again, and treats
/// encoded slashes and backslashes as slashes. It removes everything after a semicolon, spaces and
/// control characters around a step, and empty steps, and it resolves dot segments.
fn normalize<'p>(segments: &'p [Cow<'p, str>]) -> Vec<Cow<'p, str>> {
    let mut tidy = Vec::with_capacity(segments.len());
    for segment in segments {
        let mut segment = Cow::Borrowed(segment.as_ref());
        for _ in 0..DECODED_AGAIN_MAX {
            if let Some(Cow::Owned(again)) = percent_decode(&segment) {
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

/// Decodes percent-encoding once, as UTF-8 (RFC 3986 §2.1).
fn percent_decode(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.contains('%') {
        return Some(Cow::Borrowed(segment));
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex_value(rest.next()?)? << 4 | hex_value(rest.next()?)?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}
