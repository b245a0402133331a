//! The paths of axum routes, and the check for paths that overlap.

/// One step of a path.
#[derive(PartialEq)]
pub(super) enum PathSegment<'p> {
    Literal(&'p str),
    Parameter,
    Wildcard,
}

/// Returns the path without the names of its parameters, or `None` if it is invalid.
pub(super) fn parse_path(path: &str) -> Option<Vec<PathSegment<'_>>> {
    let steps: Option<Vec<PathSegment<'_>>> = path
        .strip_prefix('/')?
        .split('/')
        .map(parse_segment)
        .collect();
    steps.filter(|steps| {
        !steps
            .iter()
            .rev()
            .skip(1)
            .any(|step| *step == PathSegment::Wildcard)
    })
}

fn parse_segment(step: &str) -> Option<PathSegment<'_>> {
    let named = |name: &str| !name.is_empty() && !name.contains(['{', '}', '*']);
    match step
        .strip_prefix('{')
        .and_then(|name| name.strip_suffix('}'))
    {
        Some(name) => match name.strip_prefix('*') {
            Some(rest) => named(rest).then_some(PathSegment::Wildcard),
            None => named(name).then_some(PathSegment::Parameter),
        },
        None if step.contains(['{', '}']) || step.starts_with([':', '*']) => None,
        None => Some(PathSegment::Literal(step)),
    }
}

/// Returns `true` if routes can be nested under the path: it is neither empty nor `/`, and has no
/// wildcard.
pub(super) fn is_prefix(path: &str) -> bool {
    path != "/"
        && parse_path(path).is_some_and(|segments| !segments.contains(&PathSegment::Wildcard))
}

/// Returns the full path of a nested route, as axum's `nest` builds it.
pub(super) fn nested_path(prefix: &str, path: &str) -> String {
    match (prefix.strip_suffix('/'), path) {
        (None, "/") => prefix.to_owned(),
        (stripped, path) => format!("{}{path}", stripped.unwrap_or(prefix)),
    }
}

pub(super) fn overlap(a: &[PathSegment<'_>], b: &[PathSegment<'_>]) -> bool {
    for (a, b) in a.iter().zip(b) {
        match (a, b) {
            (PathSegment::Wildcard, PathSegment::Wildcard | PathSegment::Parameter)
            | (PathSegment::Parameter, PathSegment::Wildcard) => {
                return true;
            }
            (a, b) if a != b => return false,
            _ => {}
        }
    }
    a.len() == b.len()
}
