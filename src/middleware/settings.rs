//! The settings of a layer.

use super::OrganizationSource;
use super::policy::Policy;
use super::reported_routes::ReportedRoutes;
use super::route::ParameterSettings;
use crate::response::ResponseConfig;
use crate::verifier::RecheckInterval;

/// The settings of one layer.
#[derive(Clone, Default)]
pub(crate) struct LayerSettings {
    pub(crate) policy: Policy,
    pub(crate) responses: ResponseConfig,
    pub(crate) parameters: ParameterSettings,
    pub(super) reported_routes: ReportedRoutes,
    pub(super) presence: Presence,
    pub(super) preflights: Preflights,
    pub(super) streams: Streams,
    /// How often the caller of a stream is checked.
    pub(super) caller_check_of_streams: Option<RecheckInterval>,
    pub(crate) organization_sources: Vec<OrganizationSource>,
    pub(super) extractors: ExtractorSettings,
}

impl LayerSettings {
    /// Returns `true` if all settings that extractors must read have their defaults. These settings
    /// include those about parameters and sources.
    pub(super) fn is_default_for_extractors(&self) -> bool {
        self.extractors == ExtractorSettings::Defaults
    }
}

/// Extractors have to read the settings of the layer only if one of them differs from its default.
/// Otherwise the request needs no extension for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ExtractorSettings {
    #[default]
    Defaults,
    Custom,
}

/// The treatment of CORS preflights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Preflights {
    #[default]
    Pass,
    Reject,
}

/// The treatment of response bodies that are still open when their token is no longer valid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Streams {
    #[default]
    Continue,
    End,
}

/// The treatment of requests without a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Presence {
    #[default]
    Required,
    Optional,
}

/// The name of the route parameter that is always compared, which is also the name of Kinde's
/// claim.
pub(crate) const DEFAULT_PARAMETER: &str = "org_code";
