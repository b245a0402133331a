//! The paths of axum routes, and which of them overlap.

/// One step of a path.
#[derive(PartialEq)]
pub(super) enum Step<'p> {
    Exactly(&'p str),
    Parameter,
    Rest,
}

/// The path without the names of its parameters, or nothing if it is none.
pub(super) fn shape(path: &str) -> Option<Vec<Step<'_>>> {
    let steps: Option<Vec<Step<'_>>> = path.strip_prefix('/')?.split('/').map(step).collect();
    steps.filter(|steps| !steps.iter().rev().skip(1).any(|step| *step == Step::Rest))
}

fn step(step: &str) -> Option<Step<'_>> {
    let named = |name: &str| !name.is_empty() && !name.contains(['{', '}', '*']);
    match step
        .strip_prefix('{')
        .and_then(|name| name.strip_suffix('}'))
    {
        Some(name) => match name.strip_prefix('*') {
            Some(rest) => named(rest).then_some(Step::Rest),
            None => named(name).then_some(Step::Parameter),
        },
        None if step.contains(['{', '}']) || step.starts_with([':', '*']) => None,
        None => Some(Step::Exactly(step)),
    }
}

pub(super) fn overlap(a: &[Step<'_>], b: &[Step<'_>]) -> bool {
    for (a, b) in a.iter().zip(b) {
        match (a, b) {
            (Step::Rest, Step::Rest | Step::Parameter) | (Step::Parameter, Step::Rest) => {
                return true;
            }
            (a, b) if a != b => return false,
            _ => {}
        }
    }
    a.len() == b.len()
}
