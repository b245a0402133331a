//! Routes that were reported, so that each is reported once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::telemetry::events;

/// The routes that a layer and its clones reported.
#[derive(Clone, Default)]
pub(crate) struct ReportedRoutes(Arc<Mutex<HashSet<Box<str>>>>);

/// Routes are templates of the application, so their number is small. The bound also limits an
/// application that keeps creating routes.
const MAX_ROUTES: usize = 1_000;

impl ReportedRoutes {
    /// Reports that no layer compares the parameter of this route, unless the route was reported.
    pub(crate) fn report(&self, route: &str, parameter: &str) {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if routes.contains(route) || routes.len() >= MAX_ROUTES {
            return;
        }
        routes.insert(route.into());
        drop(routes);
        events::parameter_not_compared(route, parameter);
    }
}
