//! The response of an extractor that rejects a request.

use std::fmt;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::request::Parts;

use crate::bearer::AuthScheme;
use crate::extensions::{VerifiedRequest, acting_org};
use crate::middleware::route::{OrgLookup, PathParams, Routing};
use crate::middleware::{
    AppliedLayers, AuthorizeLayer, LayerStack, OUTER_RESULTS, RouteParameters, innermost_layer,
};
use crate::rejection::Rejection;
use crate::response::ResponseConfig;
use crate::telemetry::decision::{Decision, DecisionOutcome, DecisionQuery, request_decided};
use crate::token::ScopeRequirement;

/// The rejection of an extractor of this crate. Its response is the same as the layer's.
///
/// ```
/// use tower_m2m::{OrgCode, ExtractorRejection};
///
/// async fn list(org: Result<OrgCode, ExtractorRejection>) -> String {
///     match org {
///         Ok(org) => format!("invoices of {org}"),
///         Err(rejected) => format!("rejected: {}", rejected.rejection()),
///     }
/// }
/// ```
#[derive(Clone)]
pub struct ExtractorRejection {
    rejection: Rejection,
    layer: Option<AuthorizeLayer>,
    scheme: AuthScheme,
}

impl ExtractorRejection {
    pub(super) fn new(parts: &mut Parts, by: &'static str, rejection: Rejection) -> Self {
        let needed = match &rejection {
            Rejection::InsufficientScope(requirement) => Some(requirement),
            _ => None,
        };
        record_decision(parts, by, needed, DecisionOutcome::Rejected(&rejection));
        Self {
            rejection,
            scheme: AuthScheme::from_headers(&parts.headers),
            layer: innermost_layer(&parts.extensions).cloned(),
        }
    }

    /// Returns the reason of the rejection.
    #[must_use]
    pub fn rejection(&self) -> &Rejection {
        &self.rejection
    }
}

impl IntoResponse for ExtractorRejection {
    fn into_response(self) -> Response {
        match self.layer {
            Some(layer) => layer
                .respond_to(self.rejection, self.scheme)
                .map(Body::from),
            None => self.rejection.into_response(),
        }
    }
}

impl IntoResponse for Rejection {
    /// Creates the same response as a layer with the default realm and a problem document.
    fn into_response(self) -> Response {
        ResponseConfig::default()
            .respond(self, &ScopeRequirement::none(), AuthScheme::Bearer)
            .map(Body::from)
    }
}

impl fmt::Debug for ExtractorRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.rejection, f)
    }
}

impl fmt::Display for ExtractorRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.rejection, f)
    }
}

impl std::error::Error for ExtractorRejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.rejection.source()
    }
}

/// Records the decision of an extractor as its own event.
pub(super) fn record_decision(
    parts: &mut Parts,
    by: &'static str,
    needed: Option<&ScopeRequirement>,
    verdict: DecisionOutcome<'_>,
) {
    let params = PathParams::from_parts(parts);
    let extensions = &parts.extensions;
    let claims = VerifiedRequest::claims_in(extensions);
    let acting = acting_org(extensions);
    let layers = extensions.get::<AppliedLayers>();
    let parameters = || RouteParameters {
        params: &params,
        uri: &parts.uri,
        extensions,
        routing: Routing::from_extensions(extensions),
        layers: LayerStack {
            outer: layers.map_or(&[], |layers| &layers.0),
            own: None,
        },
    };
    let details = |query: DecisionQuery<'_>| {
        let Some(claims) = claims else { return };
        match query {
            DecisionQuery::Compared(visit) => {
                parameters().visit_compared(claims, acting, std::iter::empty(), visit);
            }
            DecisionQuery::RequestedOrganization(requested) => {
                let own = claims.org_code().or(acting);
                *requested = parameters().requested_code(claims, own, OrgLookup::Absent);
            }
        }
    };
    request_decided(&Decision {
        stage: by,
        claims,
        acting,
        access: by,
        required: needed,
        outcome: verdict,
        outer: &OUTER_RESULTS,
        limit: innermost_layer(extensions).and_then(|layer| layer.verifier.event_limit()),
        token: None,
        details: &details,
        extensions,
    });
}
