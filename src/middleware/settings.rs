//! The settings of a layer.

use super::OrganizationSource;
use super::policy::Policy;
use super::reported_routes::ReportedRoutes;
use super::route::ParameterSettings;
use crate::response::ResponseConfig;

/// All that a layer is told.
#[derive(Clone, Default)]
pub(crate) struct LayerSettings {
    pub(crate) policy: Policy,
    pub(crate) responses: ResponseConfig,
    pub(crate) parameters: ParameterSettings,
    pub(super) reported_routes: ReportedRoutes,
    pub(super) presence: Presence,
    pub(super) preflights: Preflights,
    pub(crate) organization_sources: Vec<OrganizationSource>,
    pub(super) extractors: ExtractorSettings,
}

impl LayerSettings {
    /// Returns `true` if no setting was made that extractors must know of. Settings about parameters
    /// and sources are among those.
    pub(super) fn is_default_for_extractors(&self) -> bool {
        self.extractors == ExtractorSettings::Defaults
    }
}

/// Whether extractors have to know the settings. They do not while all that matters to them is as it is by default, which
/// spares the common request one extension.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ExtractorSettings {
    #[default]
    Defaults,
    Custom,
}

/// Whether CORS preflights are let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Preflights {
    #[default]
    Pass,
    Reject,
}

/// Whether a request without a token is let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Presence {
    #[default]
    Required,
    Optional,
}

/// The name of the claim.
pub(crate) const DEFAULT_PARAMETER: &str = "org_code";
