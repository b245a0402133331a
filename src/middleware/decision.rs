//! What the service and the future share: claims, the policy's result, and how a request goes on.

use std::pin::Pin;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Extensions, Method, Request, Response};

use super::layer::{AuthorizeLayer, Told};
use super::policy::{Admitted, Policy};
use super::route::Found;
use super::settings::{Extractors, Settings};
use crate::extensions::Acting;
use crate::rejection::Rejection;
use crate::revocation::CallerCheckFuture;
use crate::telemetry::events::{self, Decision, DecisionOutcome};
use crate::token::{Claims, OrgCode};
use crate::verifier::CallerVerdict;

/// Verified claims.
pub(super) struct Proof {
    pub(super) claims: Claims,
    pub(super) asked: Asked,
}

/// Whether it is known already that the caller is in good standing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    NotYet,
    /// By an outer layer, for this very request.
    Already,
}

/// Claims that were weighed against what the route asks for: the first failure answers, once revocation has been ruled out.
pub(super) struct Weighed {
    claims: Claims,
    admitted: Result<Admitted, Rejection>,
}

/// How a request goes on.
pub(super) enum Onward {
    Inside,
    Refused(Response<Bytes>),
    /// The application is asked about the caller.
    Asking(CallerCheckFuture, Weighed),
}

/// What is waited for.
pub(super) enum Pending {
    Key(Pin<Box<dyn Future<Output = Result<Proof, Rejection>> + Send>>),
    Standing(CallerCheckFuture, Option<Weighed>),
}

impl Proof {
    pub(super) fn fresh(claims: Claims) -> Self {
        Self {
            claims,
            asked: Asked::NotYet,
        }
    }
}

impl AuthorizeLayer {
    /// Weighs verified claims and finds out whether the caller is in good standing.
    pub(super) fn proceed<B>(
        &self,
        verdict: Result<Proof, Rejection>,
        request: &mut Request<B>,
    ) -> Onward {
        let Proof { claims, asked } = match verdict {
            Ok(proof) => proof,
            Err(rejection) => {
                return Onward::Refused(self.settings.refuse(rejection, None, request));
            }
        };
        let weighed = self.settings.weigh(claims, request);
        let acting = weighed
            .admitted
            .as_ref()
            .ok()
            .and_then(|admitted| admitted.acting.as_ref());
        let known_before =
            acting.is_none() || acting == acting_before(request.extensions(), &weighed.claims);
        let standing = if asked == Asked::Already && known_before {
            CallerVerdict::Known(Ok(()))
        } else {
            self.verifier.check_caller(&weighed.claims, acting)
        };
        match standing {
            CallerVerdict::Known(standing) => self.conclude(standing, weighed, request),
            CallerVerdict::Pending(asking) => Onward::Asking(asking, weighed),
        }
    }

    /// Lets extractors know of this layer where its settings are not what they assume, and of every layer once there is one such:
    /// then they assume nothing any more. What layers of another verifier demanded of the route's organization still holds.
    fn tell_extractors(&self, extensions: &mut Extensions) {
        let told = extensions.remove::<Told>();
        if told.is_none() && self.settings.extractors == Extractors::KnowTheDefaults {
            return;
        }
        let mut told = match (told, extensions.get::<Claims>()) {
            (Some(told), Some(outer)) if !self.verifier.has_verified(outer) => Told(
                told.0
                    .iter()
                    .map(|layer| self.of_place(&layer.settings))
                    .collect(),
            ),
            (Some(told), _) => told,
            // An outer layer of which they were not told.
            (None, Some(_)) => Told(vec![self.of_place(&Settings::default())]),
            (None, None) => Told::default(),
        };
        told.0.push(self.clone());
        extensions.insert(told);
    }

    /// What follows from the application's word: the request gets its claims, or is refused.
    pub(super) fn conclude<B>(
        &self,
        standing: Result<(), Rejection>,
        weighed: Weighed,
        request: &mut Request<B>,
    ) -> Onward {
        let Weighed { claims, admitted } = weighed;
        match standing.and(admitted) {
            Ok(admitted) => {
                let extensions = request.extensions_mut();
                self.settings.tell(
                    Some(&claims),
                    DecisionOutcome::Admitted,
                    admitted.acting.as_ref(),
                    extensions,
                );
                self.tell_extractors(extensions);
                if let Some(before) = extensions.insert(claims)
                    && !self.verifier.has_verified(&before)
                {
                    extensions.remove::<Acting>();
                }
                if let Some(org) = admitted.acting {
                    extensions.insert(Acting(org));
                }
                Onward::Inside
            }
            Err(rejection) => {
                Onward::Refused(self.settings.refuse(rejection, Some(&claims), request))
            }
        }
    }
}

/// A gRPC call: always a POST, so that no shared cache can keep its answer, which has the status 200 (RFC 9110 §9.3.3).
/// gRPC-Web is not one: its clients read HTTP statuses.
fn is_grpc<B>(request: &Request<B>) -> bool {
    let kind = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.as_bytes().strip_prefix(b"application/grpc"));
    request.method() == Method::POST
        && kind.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' ')))
}

/// The organization that an outer layer of the same verifier let the global client act for.
fn acting_before<'e>(extensions: &'e Extensions, claims: &Claims) -> Option<&'e OrgCode> {
    if !claims.is_global() {
        return None;
    }
    let before = extensions
        .get::<Claims>()
        .filter(|before| before.verified_by() == claims.verified_by());
    before
        .and_then(|_| extensions.get::<Acting>())
        .map(|acting| &acting.0)
}

impl Settings {
    fn weigh<B>(&self, claims: Claims, request: &mut Request<B>) -> Weighed {
        let found = self
            .route_organization(request)
            .agreeing_with(acting_before(request.extensions(), &claims));
        let admitted = self.policy.admit(&claims, &found.target());
        Weighed { claims, admitted }
    }

    /// What the request says of the organization that it is about. Where two places say it, they must agree.
    fn route_organization<B>(&self, request: &mut Request<B>) -> Found {
        let found = self
            .places
            .iter()
            .map(|place| place.find(request))
            .fold(Found::Nothing, Found::and);
        #[cfg(feature = "axum")]
        let found = found.and(super::route::in_axum_params_of(
            request.extensions_mut(),
            self.parameter(),
        ));
        found
    }

    fn refuse<B>(
        &self,
        rejection: Rejection,
        claims: Option<&Claims>,
        request: &Request<B>,
    ) -> Response<Bytes> {
        self.tell(
            claims,
            DecisionOutcome::Rejected(&rejection),
            None,
            request.extensions(),
        );
        if is_grpc(request) {
            self.answers.grpc(rejection)
        } else {
            self.answers.http(rejection)
        }
    }

    /// Every decision is one event.
    pub(super) fn tell(
        &self,
        claims: Option<&Claims>,
        verdict: DecisionOutcome<'_>,
        acting: Option<&OrgCode>,
        extensions: &Extensions,
    ) {
        let acting = acting.or_else(|| extensions.get::<Acting>().map(|acting| &acting.0));
        let Policy {
            who, requirement, ..
        } = &self.policy;
        events::request_decided(&Decision {
            stage: "layer",
            claims,
            acting,
            access: who.name(),
            required: Some(requirement),
            outcome: verdict,
            extensions,
        });
    }
}
