//! The places of a request that were compared with the token's organization.

use std::fmt;

/// One place that was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ComparedPlace<'p> {
    /// The path parameter of this name, or the organization of a path template.
    Path(&'p str),
    Host,
    Header(&'p str),
    /// No place names the organization. The values of parameters, or the segments of the path, are
    /// compared if they have the form of an organization's code.
    Value,
}

/// Calls a function with each place that was compared. It is called only if a subscriber is
/// interested.
pub(crate) type VisitCompared<'v> = dyn Fn(&mut dyn FnMut(ComparedPlace<'_>)) + 'v;

/// The value of `compared` if no place was compared.
const NONE: &str = "none";

impl ComparedPlace<'_> {
    /// Returns the label of a metric. The names of parameters and headers are not part of it, so
    /// that the number of series is bounded.
    fn label(self) -> &'static str {
        match self {
            Self::Path(_) => "path",
            Self::Host => "host",
            Self::Header(_) => "header",
            Self::Value => "value",
        }
    }
}

impl fmt::Display for ComparedPlace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(name) | Self::Header(name) => write!(f, "{}:{name}", self.label()),
            Self::Host | Self::Value => f.write_str(self.label()),
        }
    }
}

/// Returns the kind of the first place.
#[cfg_attr(not(feature = "metrics"), allow(dead_code))]
pub(crate) fn first_label(visit: &VisitCompared<'_>) -> &'static str {
    let mut label = None;
    visit(&mut |compared| {
        label.get_or_insert(compared.label());
    });
    label.unwrap_or(NONE)
}

/// Returns all places, each once, separated by commas.
#[cfg_attr(not(feature = "tracing"), allow(dead_code))]
pub(crate) fn list(visit: &VisitCompared<'_>) -> String {
    let mut places: Vec<String> = Vec::new();
    visit(&mut |compared| {
        let compared = compared.to_string();
        if !places.contains(&compared) {
            places.push(compared);
        }
    });
    if places.is_empty() {
        return NONE.to_owned();
    }
    places.join(",")
}
