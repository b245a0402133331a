//! One event for each decision about a request (feature `tracing`). The table of its fields is in
//! the guide.

mod outcome;

use http::Extensions;
pub(crate) use outcome::DecisionOutcome;
#[cfg(feature = "tracing")]
use tracing::{Span, dispatcher, level_filters::LevelFilter};

#[cfg(feature = "tracing")]
use super::compared;
use super::compared::ComparedPlace;
use super::limit::EventLimit;
#[cfg(feature = "tracing")]
use super::spans::printable;
#[cfg(feature = "tracing")]
use crate::rejection::Rejection;
use crate::token::{Claims, OrgCode, RejectedToken, ScopeRequirement};

/// One decision about one request, with all fields that an audit needs. The guide describes the
/// fields.
#[cfg_attr(not(all(feature = "tracing", feature = "axum")), allow(dead_code))]
pub(crate) struct Decision<'d> {
    pub(crate) stage: &'static str,
    pub(crate) claims: Option<&'d Claims>,
    /// The organization that this decision lets a global client act for.
    pub(crate) acting: Option<&'d OrgCode>,
    pub(crate) access: &'static str,
    pub(crate) required: Option<&'d ScopeRequirement>,
    pub(crate) outcome: DecisionOutcome<'d>,
    pub(crate) outer: &'static OuterResults,
    /// The bound on events about rejected requests, if there is one.
    pub(crate) limit: Option<&'d EventLimit>,
    /// The known data of a rejected token with a valid signature.
    pub(crate) token: Option<&'d RejectedToken>,
    /// Finds out what takes time. It is called only if a subscriber or a recorder is interested.
    pub(crate) details: &'d dyn Fn(DecisionQuery<'_>),
    /// The request's extensions, in which axum stores the matched route.
    pub(crate) extensions: &'d Extensions,
}

/// Functions that read the results of outer layers from the extensions of a request.
#[cfg_attr(not(feature = "tracing"), allow(dead_code))]
pub(crate) struct OuterResults {
    pub(crate) claims: fn(&Extensions) -> Option<&Claims>,
    pub(crate) acting: fn(&Extensions) -> Option<&OrgCode>,
}

/// A question about a request, for its event.
#[cfg_attr(not(feature = "tracing"), allow(dead_code))]
pub(crate) enum DecisionQuery<'q> {
    /// Calls the function with each place that was compared.
    Compared(&'q mut dyn FnMut(ComparedPlace<'_>)),
    /// Sets the organization that the request names instead of the caller's.
    RequestedOrganization(&'q mut Option<String>),
}

#[cfg(feature = "tracing")]
macro_rules! emit_decision {
    ($level:ident, $message:literal, $decision:ident, $omitted:ident) => {
        tracing::$level!(
            target: "tower_m2m",
            outcome = $decision.outcome.code(),
            stage = $decision.stage,
            route = $decision.route(),
            access = $decision.access,
            compared = compared::list(&|visit| $decision.visit_compared(visit)),
            required_scopes = $decision.required.filter(|required| !required.is_none()).map(tracing::field::display),
            has_required_scopes = $decision.claims.zip($decision.required).map(|(claims, required)| required.is_satisfied_by(claims.scopes())),
            client_id = $decision.client_id(),
            issuer = $decision.issuer(),
            organization = $decision.organization_code(),
            acting_for_organization = $decision.organization().map(OrgCode::is_acting),
            jti = $decision.jti(),
            error = $decision.outcome.error().map(tracing::field::display),
            expected = $decision.token.and_then(|token| token.expected.as_deref()),
            found = $decision.token.and_then(|token| token.found.as_deref()),
            omitted = $omitted,
            $message
        )
    };
}

/// Records a decision about a request.
///
/// Admitted requests are at level DEBUG, or at INFO if a global client acts for an organization.
/// Rejections are at INFO. Requests that could not be decided are at WARN. A missing layer and a
/// misconfigured route are at ERROR.
pub(crate) fn request_decided(decision: &Decision<'_>) {
    let by = if decision.stage == "layer" {
        "layer"
    } else {
        "extractor"
    };
    super::metrics::request_decided(by, decision.outcome.code(), &|visit| {
        decision.visit_compared(visit);
    });
    #[cfg(feature = "tracing")]
    decision.record_on_span();
    #[cfg(feature = "tracing")]
    let Some(omitted) = decision.omitted() else {
        return;
    };
    #[cfg(feature = "tracing")]
    let omitted = (omitted > 0).then_some(omitted);
    #[cfg(feature = "tracing")]
    match decision.outcome {
        DecisionOutcome::Admitted if decision.acting().is_some() => {
            emit_decision!(info, "request admitted", decision, omitted);
        }
        DecisionOutcome::Admitted | DecisionOutcome::Anonymous => {
            emit_decision!(debug, "request admitted", decision, omitted);
        }
        DecisionOutcome::Rejected(Rejection::Misconfigured(_)) => {
            emit_decision!(error, "route misconfigured", decision, omitted);
        }
        DecisionOutcome::Rejected(Rejection::LayerMissing(_)) => {
            emit_decision!(error, "authorization layer missing", decision, omitted);
        }
        DecisionOutcome::Rejected(
            Rejection::KeysUnavailable { .. }
            | Rejection::KeyUnavailable { .. }
            | Rejection::IntrospectionUnavailable { .. }
            | Rejection::CallerStatusUnavailable
            | Rejection::DenylistUnavailable
            | Rejection::ReplayStoreUnavailable { .. },
        ) => {
            emit_decision!(warn, "request rejected", decision, omitted);
        }
        DecisionOutcome::Rejected(_) => emit_decision!(info, "request rejected", decision, omitted),
    }
    #[cfg(feature = "tracing")]
    decision.record_requested_organization();
    let _ = decision;
}

/// Returns `true` if a subscriber is interested in rejected requests. Only then is the description
/// of a rejected token created.
pub(crate) fn are_rejections_recorded() -> bool {
    #[cfg(feature = "tracing")]
    return tracing::enabled!(target: "tower_m2m", tracing::Level::INFO);
    #[cfg(not(feature = "tracing"))]
    false
}

/// The fields that are recorded on the current span of the request, if it declares them.
#[cfg(feature = "tracing")]
const SPAN_FIELDS: [&str; 5] = ["client_id", "issuer", "organization", "jti", "outcome"];

impl Decision<'_> {
    fn visit_compared(&self, visit: &mut dyn FnMut(ComparedPlace<'_>)) {
        (self.details)(DecisionQuery::Compared(visit));
    }
}

#[cfg(feature = "tracing")]
impl Decision<'_> {
    /// Records the caller on the current span of the request, so that events of the handler include
    /// it too. If there is no subscriber, or if the span does not have such fields, this is only a
    /// quick check.
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
        let outer = (self.outer.claims)(self.extensions).zip(self.claims);
        // An inner layer and an extractor see the same caller, and formatters would write the
        // fields again.
        let same = outer.is_some_and(|(outer, claims)| outer.is_same(claims));
        if let Some(claims) = self.claims.filter(|_| !same) {
            span.record("client_id", claims.client_id())
                .record("issuer", claims.issuer())
                .record("jti", claims.jti());
        }
        if let Some(token) = self.token {
            span.record("client_id", token.client_id.as_deref())
                .record("issuer", &*token.issuer)
                .record("jti", token.jti.as_deref())
                .record("organization", token.organization.as_deref());
        }
        if let Some(organization) = self
            .organization()
            .filter(|_| !same || self.acting().is_some())
        {
            span.record("organization", organization.as_str());
        }
        if !same || matches!(self.outcome, DecisionOutcome::Rejected(_)) {
            span.record("outcome", self.outcome.code());
        }
    }

    /// Records which organization the request names, for the developer of a client. It is an event
    /// of its own, so that a filter of level INFO never writes data that a caller sent.
    fn record_requested_organization(&self) {
        let is_mismatch = matches!(
            self.outcome,
            DecisionOutcome::Rejected(Rejection::WrongOrganization | Rejection::HiddenOrganization)
        );
        if !is_mismatch || !tracing::enabled!(target: "tower_m2m", tracing::Level::DEBUG) {
            return;
        }
        let mut requested = None;
        (self.details)(DecisionQuery::RequestedOrganization(&mut requested));
        let requested = requested.map(|code| printable(&code));
        tracing::debug!(
            target: "tower_m2m",
            route = self.route(),
            client_id = self.client_id(),
            issuer = self.issuer(),
            organization = self.organization_code(),
            jti = self.jti(),
            requested_organization = requested,
            "other organization requested"
        );
    }

    /// Returns how many events of this reason and client were left out before this one. Returns
    /// `None` if this event is left out.
    fn omitted(&self) -> Option<u64> {
        match (self.outcome, self.limit) {
            (DecisionOutcome::Rejected(rejection), Some(limit)) if are_rejections_recorded() => {
                limit.admit(rejection.code(), self.client_id())
            }
            _ => Some(0),
        }
    }

    fn client_id(&self) -> Option<&str> {
        let rejected = || self.token?.client_id.as_deref();
        self.claims.map(Claims::client_id).or_else(rejected)
    }

    fn issuer(&self) -> Option<&str> {
        let rejected = || self.token.map(|token| &*token.issuer);
        self.claims.map(Claims::issuer).or_else(rejected)
    }

    fn jti(&self) -> Option<&str> {
        let rejected = || self.token?.jti.as_deref();
        self.claims.and_then(Claims::jti).or_else(rejected)
    }

    fn organization_code(&self) -> Option<&str> {
        let rejected = || self.token?.organization.as_deref();
        self.organization().map(OrgCode::as_str).or_else(rejected)
    }

    fn organization(&self) -> Option<&OrgCode> {
        let own = self.claims.and_then(Claims::org_code);
        own.or_else(|| self.acting())
    }

    /// Returns the organization that a global client may act for, now or since an outer layer.
    fn acting(&self) -> Option<&OrgCode> {
        if self.claims.is_some_and(|claims| !claims.is_global()) {
            return None;
        }
        self.acting.or_else(|| (self.outer.acting)(self.extensions))
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
