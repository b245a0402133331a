//! What operators get to see: every event of the crate, in one place (feature `tracing`).
//!
//! Names and fields are stable; the table of them is in the guide. What takes time has
//! [spans](super::spans). No event contains a token or a claim value, except the organization, the
//! client ID, the issuer and `jti`.

use std::fmt::Display;
use std::time::Duration;

use http::Extensions;
#[cfg(feature = "tracing")]
use tracing::{Span, dispatcher, level_filters::LevelFilter};

#[cfg(feature = "tracing")]
use super::compared;
use super::compared::VisitCompared;
#[cfg(feature = "tracing")]
use crate::rejection::Misconfiguration;
use crate::rejection::Rejection;
use crate::token::{Claims, OrgCode, ScopeRequirement};

/// A key set was fetched or confirmed.
pub(crate) fn keys_fetched(issuer: &str, cause: &'static str, keys: usize, unusable_keys: usize) {
    #[cfg(feature = "tracing")]
    tracing::debug!(target: "tower_m2m::jwks", issuer, cause, keys, unusable_keys, "keys fetched");
    let _ = (issuer, cause, keys, unusable_keys);
}

/// Reports the keys of a set that are broken or contain a private part, once per set.
pub(crate) fn unusable_keys(issuer: &str, keys: usize, reasons: &dyn Display) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::jwks", issuer, keys, reasons = %reasons, "ignoring unusable keys");
    let _ = (issuer, keys, reasons);
}

/// Reports the keys of a set that are well-formed and not supported, once per set.
pub(crate) fn unsupported_keys(issuer: &str, keys: usize, reasons: &dyn Display) {
    #[cfg(feature = "tracing")]
    tracing::debug!(target: "tower_m2m::jwks", issuer, keys, reasons = %reasons, "ignoring unsupported keys");
    let _ = (issuer, keys, reasons);
}

/// A fetch failed. The next attempt begins after this delay, or before it if a request hurries it.
pub(crate) fn fetch_failed(
    issuer: &str,
    cause: &'static str,
    error: &dyn Display,
    has_keys: bool,
    next_attempt_in: Duration,
) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::jwks", issuer, cause, error = %error, has_keys, ?next_attempt_in, "key fetch failed");
    let _ = (issuer, cause, error, has_keys, next_attempt_in);
}

/// A set is past its life and serves on, because the issuer gives no new one.
pub(crate) fn keys_stale(issuer: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::jwks", issuer, "using stale keys");
    let _ = issuer;
}

/// The issuer gives keys again, after so many failures in a row.
pub(crate) fn keys_recovered(issuer: &str, failures: u32) {
    #[cfg(feature = "tracing")]
    tracing::info!(target: "tower_m2m::jwks", issuer, failures, "key fetch recovered");
    let _ = (issuer, failures);
}

/// The last good set reached its ceiling: from now on the issuer's tokens are answered 503.
pub(crate) fn keys_expired(issuer: &str) {
    #[cfg(feature = "tracing")]
    tracing::error!(target: "tower_m2m::jwks", issuer, "keys expired: no successful fetch within keys_max_stale");
    let _ = issuer;
}

/// The metadata names another place for the keys than before.
pub(crate) fn jwks_uri_changed(issuer: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::jwks", issuer, "jwks_uri changed");
    let _ = issuer;
}

/// The application gave no answer about an issuer that can be used. Which one is not told: the name is a stranger's word.
pub(crate) fn issuer_resolution_failed(error: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::jwks", error, "issuer resolution failed");
    let _ = error;
}

/// The application's check of standing gave no answer.
pub(crate) fn caller_check_failed(
    error: Option<&(dyn std::error::Error + Send + Sync + 'static)>,
    allowed: bool,
) {
    #[cfg(feature = "tracing")]
    {
        let error = error.map_or_else(|| "timed out".to_owned(), ToString::to_string);
        tracing::warn!(target: "tower_m2m", error, allowed, "caller check failed");
    }
    let _ = (error, allowed);
}

/// The first verified tokens of an issuer had no organization. `organization_claim` is the pointer that is configured.
pub(crate) fn no_organization(issuer: &str, organization_claim: &str, tokens: u32) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m", issuer, organization_claim, tokens, "no token had an organization");
    let _ = (issuer, organization_claim, tokens);
}

/// Reports a route with a parameter that often means a tenant and that no layer compares.
pub(crate) fn parameter_not_compared(route: &str, parameter: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m", route, parameter, "route parameter not compared");
    let _ = (route, parameter);
}

/// One decision about one request: what an audit needs to know of it. The guide says what each field is.
#[cfg_attr(not(all(feature = "tracing", feature = "axum")), allow(dead_code))]
pub(crate) struct Decision<'d> {
    pub(crate) stage: &'static str,
    pub(crate) claims: Option<&'d Claims>,
    pub(crate) acting: Option<&'d OrgCode>,
    pub(crate) access: &'static str,
    pub(crate) required: Option<&'d ScopeRequirement>,
    pub(crate) outcome: DecisionOutcome<'d>,
    pub(crate) compared: &'d VisitCompared<'d>,
    /// Returns the claims that an outer layer left in the extensions.
    pub(crate) outer_claims: fn(&Extensions) -> Option<&Claims>,
    /// Those of the request, where axum keeps the matched route.
    pub(crate) extensions: &'d Extensions,
}

/// What was decided.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "tracing"), allow(dead_code))]
pub(crate) enum DecisionOutcome<'d> {
    Admitted,
    Anonymous,
    Rejected(&'d Rejection),
}

#[cfg(feature = "tracing")]
macro_rules! emit_decision {
    ($level:ident, $message:literal, $decision:ident) => {
        tracing::$level!(
            target: "tower_m2m",
            outcome = $decision.outcome.code(),
            stage = $decision.stage,
            route = $decision.route(),
            access = $decision.access,
            compared = compared::list($decision.compared),
            required_scopes = $decision.required.filter(|required| !required.is_none()).map(tracing::field::display),
            has_required_scopes = $decision.claims.zip($decision.required).map(|(claims, required)| required.is_satisfied_by(claims.scopes())),
            client_id = $decision.claims.map(Claims::client_id),
            issuer = $decision.claims.map(Claims::issuer),
            organization = $decision.organization().map(OrgCode::as_str),
            acting_for_organization = $decision.organization().map(OrgCode::is_acting),
            jti = $decision.claims.and_then(Claims::jti),
            error = $decision.outcome.misconfiguration().map(tracing::field::display),
            $message
        )
    };
}

/// A request was decided about. What is let in is told at level DEBUG, unless a global client acts for an organization; that
/// and refusals at INFO; what could not be decided at WARN, and what no layer decided at ERROR.
pub(crate) fn request_decided(decision: &Decision<'_>) {
    let by = if decision.stage == "layer" {
        "layer"
    } else {
        "extractor"
    };
    super::metrics::request_decided(by, decision.outcome.code(), decision.compared);
    #[cfg(feature = "tracing")]
    decision.record_on_span();
    #[cfg(feature = "tracing")]
    match decision.outcome {
        DecisionOutcome::Admitted if decision.acting.is_some() => {
            emit_decision!(info, "request admitted", decision);
        }
        DecisionOutcome::Admitted | DecisionOutcome::Anonymous => {
            emit_decision!(debug, "request admitted", decision);
        }
        DecisionOutcome::Rejected(Rejection::Misconfigured(_)) => {
            emit_decision!(error, "route misconfigured", decision);
        }
        DecisionOutcome::Rejected(Rejection::LayerMissing(_)) => {
            emit_decision!(error, "authorization layer missing", decision);
        }
        DecisionOutcome::Rejected(
            Rejection::KeysUnavailable { .. }
            | Rejection::KeyUnavailable { .. }
            | Rejection::CallerStatusUnavailable,
        ) => {
            emit_decision!(warn, "request rejected", decision);
        }
        DecisionOutcome::Rejected(_) => emit_decision!(info, "request rejected", decision),
    }
    let _ = decision;
}

/// What is told to the span that the request is in, if it has fields of these names.
#[cfg(feature = "tracing")]
const SPAN_FIELDS: [&str; 5] = ["client_id", "issuer", "organization", "jti", "outcome"];

#[cfg(feature = "tracing")]
impl Decision<'_> {
    /// Tells the request's span who calls, so that the handler's own events say it too. Spans without such fields, and
    /// processes that nobody watches, cost a look.
    fn record_on_span(&self) {
        if LevelFilter::current() == LevelFilter::OFF {
            return;
        }
        let has_fields = dispatcher::get_default(|watched| {
            let current = watched.current_span();
            current.metadata().is_some_and(|span| {
                SPAN_FIELDS
                    .iter()
                    .any(|name| span.fields().field(name).is_some())
            })
        });
        if !has_fields {
            return;
        }
        let span = Span::current();
        let outer = (self.outer_claims)(self.extensions).zip(self.claims);
        // An inner layer and an extractor have nothing new to say of the caller, and formatters write a field once more.
        let same = outer.is_some_and(|(outer, claims)| outer.is_same(claims));
        if let Some(claims) = self.claims.filter(|_| !same) {
            span.record("client_id", claims.client_id())
                .record("issuer", claims.issuer())
                .record("jti", claims.jti());
        }
        if let Some(organization) = self
            .organization()
            .filter(|_| !same || self.acting.is_some())
        {
            span.record("organization", organization.as_str());
        }
        if !same || matches!(self.outcome, DecisionOutcome::Rejected(_)) {
            span.record("outcome", self.outcome.code());
        }
    }

    fn organization(&self) -> Option<&OrgCode> {
        self.claims.and_then(Claims::org_code).or(self.acting)
    }

    #[cfg(feature = "axum")]
    fn route(&self) -> Option<&str> {
        self.extensions
            .get::<axum::extract::MatchedPath>()
            .map(axum::extract::MatchedPath::as_str)
    }

    #[cfg(not(feature = "axum"))]
    #[allow(clippy::unused_self, reason = "only axum says which route it matched")]
    fn route(&self) -> Option<&str> {
        None
    }
}

impl DecisionOutcome<'_> {
    #[cfg(feature = "tracing")]
    fn misconfiguration(&self) -> Option<&Misconfiguration> {
        match self {
            Self::Rejected(Rejection::Misconfigured(error)) => Some(error),
            _ => None,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Anonymous => "anonymous",
            Self::Rejected(rejection) => rejection.code(),
        }
    }
}
