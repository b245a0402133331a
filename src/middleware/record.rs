//! Reports about the decisions of a layer.

use bytes::Bytes;
use http::{Extensions, Request, Response};

use super::admission::outer_acting_org;
use super::layer::AuthorizeLayer;
use super::possession::Unproven;
use super::route::{OrgLookup, OrganizationSource, PathParams, Routing};
use crate::bearer::AuthScheme;
use crate::extensions::{VerifiedRequest, acting_org};
use crate::rejection::Rejection;
use crate::telemetry::decision::{
    Decision, DecisionOutcome, DecisionQuery, OuterResults, request_decided,
};
use crate::token::{Claims, OrgCode};
use crate::verifier::VerificationFailure;

/// Reads the results of outer layers, for the events of layers and extractors.
pub(crate) const OUTER_RESULTS: OuterResults = OuterResults {
    claims: VerifiedRequest::claims_in,
    acting: acting_org,
};

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
        self.respond(rejection, request)
    }

    /// Rejects a request with a valid token whose sender does not have what the token is bound to.
    pub(super) fn reject_unproven<B>(
        &self,
        unproven: Unproven,
        request: &Request<B>,
    ) -> Response<Bytes> {
        let Unproven { rejection, claims } = unproven;
        match claims {
            Some(claims) => {
                let outcome = DecisionOutcome::Rejected(&rejection);
                self.record_verified(&claims, &PathParams::Absent, outcome, None, request);
                self.respond(rejection, request)
            }
            None => self.reject(rejection.into(), request),
        }
    }

    /// Returns the response. Only the challenge of the request's scheme contains an error.
    pub(super) fn respond<B>(&self, rejection: Rejection, request: &Request<B>) -> Response<Bytes> {
        #[cfg(feature = "dpop")]
        if self.verifier.dpop().is_some() {
            return self.respond_to(rejection, AuthScheme::from_headers(request.headers()));
        }
        let _ = request;
        self.respond_to(rejection, AuthScheme::Bearer)
    }

    /// Returns the response to a request with this scheme.
    pub(crate) fn respond_to(&self, rejection: Rejection, scheme: AuthScheme) -> Response<Bytes> {
        let settings = &self.settings;
        let requirement = &settings.policy.requirement;
        #[allow(unused_mut, reason = "only DPoP has nonces")]
        let mut response = settings.responses.respond(rejection, requirement, scheme);
        #[cfg(feature = "dpop")]
        if scheme == AuthScheme::Dpop {
            self.verifier.add_nonce(&mut response);
        }
        response
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
        let details = |query: DecisionQuery<'_>| {
            let acting = acting.or_else(|| outer_acting_org(request.extensions(), claims));
            let sources = &self.settings.organization_sources;
            let routing = Routing::from_extensions(request.extensions());
            let parameters = self.settings.route_parameters(params, request, routing);
            match query {
                DecisionQuery::Compared(visit) => {
                    let found = sources
                        .iter()
                        .filter(|source| source.find(request) != OrgLookup::Absent)
                        .map(OrganizationSource::compared_place);
                    parameters.visit_compared(claims, acting, found, visit);
                }
                DecisionQuery::RequestedOrganization(requested) => {
                    let found = sources
                        .iter()
                        .map(|source| source.find(request))
                        .fold(OrgLookup::Absent, OrgLookup::merge);
                    let own = claims.org_code().or(acting);
                    *requested = parameters.requested_code(claims, own, found);
                }
            }
        };
        let decision = self.decision(outcome, request.extensions());
        request_decided(&Decision {
            claims: Some(claims),
            acting,
            details: &details,
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
            acting: None,
            access: policy.allowed_callers.name(),
            required: Some(&policy.requirement),
            outcome,
            outer: &OUTER_RESULTS,
            limit: match outcome {
                DecisionOutcome::Rejected(_) => self.verifier.event_limit(),
                DecisionOutcome::Admitted | DecisionOutcome::Anonymous => None,
            },
            token: None,
            details: &|_| {},
            extensions,
        }
    }
}
