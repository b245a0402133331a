//! Reports about the decisions of a layer.

use bytes::Bytes;
use http::{Extensions, Request, Response};

use super::admission::outer_acting_org;
use super::layer::AuthorizeLayer;
use super::route::{OrgLookup, OrganizationSource, PathParams, Routing};
use crate::extensions::{VerifiedRequest, acting_org};
use crate::telemetry::compared::ComparedPlace;
use crate::telemetry::decision::{Decision, DecisionOutcome, request_decided};
use crate::token::{Claims, OrgCode};
use crate::verifier::VerificationFailure;

impl AuthorizeLayer {
    /// Rejects a request before its organization is compared.
    pub(super) fn reject<B>(
        &self,
        failure: VerificationFailure,
        request: &Request<B>,
    ) -> Response<Bytes> {
        let VerificationFailure { rejection, token } = failure;
        request_decided(&Decision {
            token: token.as_deref(),
            ..self.decision(DecisionOutcome::Rejected(&rejection), request.extensions())
        });
        let settings = &self.settings;
        settings
            .responses
            .respond(rejection, &settings.policy.requirement)
    }

    /// Records that a request passes without a token.
    pub(super) fn record_anonymous(&self, extensions: &Extensions) {
        request_decided(&self.decision(DecisionOutcome::Anonymous, extensions));
    }

    /// Records the decision about a request with a verified token.
    pub(super) fn record_verified<B>(
        &self,
        claims: &Claims,
        params: &PathParams,
        outcome: DecisionOutcome<'_>,
        acting: Option<&OrgCode>,
        request: &Request<B>,
    ) {
        let decision = self.decision(outcome, request.extensions());
        let recorded = acting.or(decision.acting);
        let acting = || acting.or_else(|| outer_acting_org(request.extensions(), claims));
        let routing = || Routing::from_extensions(request.extensions());
        let sources = &self.settings.organization_sources;
        let compared = |visit: &mut dyn FnMut(ComparedPlace<'_>)| {
            let found = sources
                .iter()
                .filter(|source| source.find(request) != OrgLookup::Absent)
                .map(OrganizationSource::compared_place);
            self.settings
                .route_parameters(params, request, routing())
                .visit_compared(claims, acting(), found, visit);
        };
        let requested = || {
            let found = sources
                .iter()
                .map(|source| source.find(request))
                .fold(OrgLookup::Absent, OrgLookup::merge);
            let own = claims.org_code().or(acting());
            self.settings
                .route_parameters(params, request, routing())
                .requested_code(claims, own, found)
        };
        request_decided(&Decision {
            claims: Some(claims),
            acting: recorded,
            compared: &compared,
            requested: &requested,
            ..decision
        });
    }

    /// Returns a decision of this layer with the fields that are always known. Every decision is
    /// one event.
    fn decision<'d>(
        &'d self,
        outcome: DecisionOutcome<'d>,
        extensions: &'d Extensions,
    ) -> Decision<'d> {
        let policy = &self.settings.policy;
        Decision {
            stage: "layer",
            claims: None,
            acting: acting_org(extensions),
            access: policy.allowed_callers.name(),
            required: Some(&policy.requirement),
            outcome,
            compared: &|_| {},
            outer_claims: VerifiedRequest::claims_in,
            limit: self.verifier.event_limit(),
            token: None,
            requested: &|| None,
            extensions,
        }
    }
}
