//! The service: verify, admit, hand over.

use std::mem;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, ORIGIN, TE,
    TRANSFER_ENCODING,
};
use http::{Extensions, Method, Request, Response};
use tower_service::Service;

use super::future::Pending;
use super::layer::{AuthorizeLayer, Extractors, Preflights, Presence, Settings, Told};
use super::policy::{Admitted, Policy};
use super::route::Found;
use super::{ResponseBody, ResponseFuture};
use crate::bearer::{BearerError, Credentials};
use crate::events::{self, Decision, Verdict};
use crate::extensions::{Acting, NoToken};
use crate::rejection::Rejection;
use crate::revocation::Asking;
use crate::token::{Claims, OrgCode};
use crate::verifier::{Stands, Step};

/// The service that [`AuthorizeLayer`] makes of an inner one.
#[derive(Clone, Debug)]
pub struct Authorize<S> {
    pub(super) inner: S,
    pub(super) layer: AuthorizeLayer,
}

/// What a request brings along.
enum Presented {
    /// No claims, and none are needed: a CORS preflight, or a request without a token where that is optional.
    Nothing,
    Judged(Result<Proof, Rejection>),
    /// A token whose key has to be waited for.
    Waiting(Step, Vec<u8>),
}

/// Verified claims.
pub(super) struct Proof {
    claims: Claims,
    asked: Asked,
}

/// Whether it is known already that the caller is in good standing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
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
    Asking(Asking, Weighed),
}

impl<S, B, R> Service<Request<B>> for Authorize<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let onward = match self.presented(&request) {
            Presented::Nothing => {
                self.layer
                    .settings
                    .tell(None, Verdict::Anonymous, None, request.extensions());
                forget(request.extensions_mut());
                request.extensions_mut().insert(NoToken);
                Onward::Inside
            }
            Presented::Judged(verdict) => self.layer.proceed(verdict, &mut request),
            Presented::Waiting(step, token) => {
                let verifier = self.layer.verifier.clone();
                let verdict =
                    Box::pin(async move { verifier.finish(step, &token).await.map(Proof::fresh) });
                return ResponseFuture::waiting(
                    Pending::Key(verdict),
                    self.take_ready(),
                    request,
                    self.layer.clone(),
                );
            }
        };
        match onward {
            Onward::Inside => ResponseFuture::inner(self.inner.call(request)),
            Onward::Refused(refusal) => ResponseFuture::refused(refusal),
            Onward::Asking(asking, weighed) => {
                let pending = Pending::Standing(asking, Some(weighed));
                ResponseFuture::waiting(pending, self.take_ready(), request, self.layer.clone())
            }
        }
    }
}

impl<S: Clone> Authorize<S> {
    /// The inner service that was polled ready is the one to be called, so it is taken along.
    fn take_ready(&mut self) -> S {
        let unready = self.inner.clone();
        mem::replace(&mut self.inner, unready)
    }
}

impl<S> Authorize<S> {
    fn presented<B>(&self, request: &Request<B>) -> Presented {
        let AuthorizeLayer { verifier, settings } = &self.layer;
        if settings.preflights == Preflights::Pass && is_preflight(request) {
            return Presented::Nothing;
        }
        if let Some(claims) = request
            .extensions()
            .get::<Claims>()
            .filter(|claims| verifier.vouches_for(claims))
        {
            return Presented::Judged(Ok(Proof {
                claims: claims.clone(),
                asked: Asked::Already,
            }));
        }
        let token = match Credentials::of(request.headers(), verifier.max_token_bytes()) {
            Ok(credentials) => credentials.as_bytes(),
            Err(BearerError::Missing) if settings.presence == Presence::Optional => {
                return Presented::Nothing;
            }
            Err(error) => return Presented::Judged(Err(error.into())),
        };
        match verifier.judge(token) {
            Step::Done(verdict) => Presented::Judged(verdict.map(Proof::fresh)),
            step @ Step::Wait(_) => Presented::Waiting(step, token.to_vec()),
        }
    }
}

impl Proof {
    fn fresh(claims: Claims) -> Self {
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
            Stands::Known(Ok(()))
        } else {
            self.verifier.stands(&weighed.claims, acting)
        };
        match standing {
            Stands::Known(standing) => self.conclude(standing, weighed, request),
            Stands::Asking(asking) => Onward::Asking(asking, weighed),
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
            (Some(told), Some(outer)) if !self.verifier.vouches_for(outer) => Told(
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
                    Verdict::Admitted,
                    admitted.acting.as_ref(),
                    extensions,
                );
                self.tell_extractors(extensions);
                if let Some(before) = extensions.insert(claims)
                    && !self.verifier.vouches_for(&before)
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

/// A CORS preflight, which never carries credentials (Fetch §3.2.2): what carries them is judged by them. Nor does it say
/// anything of a body, so what does is none, and reaches no service that goes by the body and not by the method.
fn is_preflight<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        && ![AUTHORIZATION, CONTENT_TYPE, TRANSFER_ENCODING, TE]
            .iter()
            .any(|name| headers.contains_key(name))
        && headers
            .get(CONTENT_LENGTH)
            .is_none_or(|length| length == "0")
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

/// Takes away what outer layers left where there is no token: claims, and all that hangs on them.
fn forget(extensions: &mut Extensions) {
    extensions.remove::<Claims>();
    extensions.remove::<Acting>();
    extensions.remove::<Told>();
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
            Verdict::Refused(&rejection),
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
    fn tell(
        &self,
        claims: Option<&Claims>,
        verdict: Verdict<'_>,
        acting: Option<&OrgCode>,
        extensions: &Extensions,
    ) {
        let acting = acting.or_else(|| extensions.get::<Acting>().map(|acting| &acting.0));
        let Policy {
            who, requirement, ..
        } = &self.policy;
        events::decided(&Decision {
            by: "layer",
            claims,
            acting,
            who: who.name(),
            needed: Some(requirement),
            verdict,
            extensions,
        });
    }
}
