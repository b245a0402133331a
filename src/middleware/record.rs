//! The event of each decision.

use bytes::Bytes;
use http::{Extensions, Request, Response};

use super::admission::outer_acting_org;
use super::policy::Policy;
use super::route::{OrgLookup, OrganizationSource, PathParams, Routing};
use super::settings::LayerSettings;
use crate::extensions::{VerifiedRequest, acting_org};
use crate::rejection::Rejection;
use crate::telemetry::compared::{ComparedPlace, VisitCompared};
use crate::telemetry::events::{self, Decision, DecisionOutcome};
use crate::token::{Claims, OrgCode};

impl LayerSettings {
    /// Rejects a request before anything is compared.
    pub(super) fn reject<B>(&self, rejection: Rejection, request: &Request<B>) -> Response<Bytes> {
        let outcome = DecisionOutcome::Rejected(&rejection);
        self.record_decision(None, outcome, None, &|_| {}, request.extensions());
        self.responses.respond(rejection)
    }

    /// Records the decision about a request whose token was verified.
    pub(super) fn record_verified<B>(
        &self,
        claims: &Claims,
        params: &PathParams,
        outcome: DecisionOutcome<'_>,
        acting: Option<&OrgCode>,
        request: &Request<B>,
    ) {
        let compared = |visit: &mut dyn FnMut(ComparedPlace<'_>)| {
            let found = self
                .organization_sources
                .iter()
                .filter(|source| source.find(request) != OrgLookup::Absent)
                .map(OrganizationSource::compared_place);
            let acting = acting.or_else(|| outer_acting_org(request.extensions(), claims));
            let routing = Routing::from_extensions(request.extensions());
            self.route_parameters(params, request, routing)
                .visit_compared(claims, acting, found, visit);
        };
        self.record_decision(
            Some(claims),
            outcome,
            acting,
            &compared,
            request.extensions(),
        );
    }

    /// Every decision is one event.
    pub(super) fn record_decision(
        &self,
        claims: Option<&Claims>,
        verdict: DecisionOutcome<'_>,
        acting: Option<&OrgCode>,
        compared: &VisitCompared<'_>,
        extensions: &Extensions,
    ) {
        let acting = acting.or_else(|| acting_org(extensions));
        let Policy {
            allowed_callers: who,
            requirement,
            ..
        } = &self.policy;
        events::request_decided(&Decision {
            stage: "layer",
            claims,
            acting,
            access: who.name(),
            required: Some(requirement),
            outcome: verdict,
            compared,
            outer_claims: VerifiedRequest::claims_in,
            extensions,
        });
    }
}
