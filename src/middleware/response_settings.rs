//! The settings of a layer about responses.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;

use super::layer::AuthorizeLayer;
use super::settings::Streams;
use crate::rejection::Rejection;
use crate::response::RejectionBody;
use crate::verifier::RecheckInterval;

/// Settings about responses.
impl AuthorizeLayer {
    /// Sets the challenge's `realm` (RFC 9110 §11.5). Default: `api`.
    pub fn realm(self, realm: impl Into<String>) -> Self {
        self.with_visible_setting(|settings| settings.responses.realm = realm.into())
    }

    /// Sets the challenge's `resource_metadata` (RFC 9728 §5.1): the absolute URL of metadata that
    /// another service publishes. Default: none.
    ///
    /// For the metadata of this crate, see [`resource`](Self::resource). If both are called, this
    /// URL counts.
    ///
    /// With resource metadata, each challenge also names the scopes that the layer requires, not
    /// only the challenge for a missing scope, so that a client can request them at once.
    pub fn resource_metadata(self, url: impl Into<String>) -> Self {
        self.with_visible_setting(|settings| {
            settings.responses.resource_metadata = Some(url.into());
        })
    }

    /// Sets what the `type` of problem documents (RFC 9457 §3.1.1) begins with: the name of the
    /// problem follows. Default: the address of this crate's documentation, which shows clients
    /// that the API uses this crate.
    ///
    /// With `https://docs.acme.com/errors#`, a request without a token gets the type
    /// `https://docs.acme.com/errors#missing_token`. The names are those of the sections of
    /// [`responses`](crate::guide::responses). Characters that no URI has are left out.
    pub fn problem_type_base_url(self, base: impl AsRef<str>) -> Self {
        self.with_visible_setting(|settings| {
            settings.responses.set_problem_type_base(base.as_ref());
        })
    }

    /// Omits the body of rejections. Default: a problem document (RFC 9457).
    ///
    /// If [`rejection_response_with`](Self::rejection_response_with) is called too, before or
    /// after, its function writes the body.
    pub fn without_rejection_body(self) -> Self {
        self.with_visible_setting(|settings| settings.responses.omit_body())
    }

    /// Sets a function of the application that finishes rejections. Default: a problem document
    /// (RFC 9457).
    ///
    /// The function receives the response with status and challenge set and with an empty body.
    ///
    /// ```
    /// # use tower_m2m::Verifier;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let verifier = Verifier::kinde("acme").audience("https://api.acme.com").build()?;
    /// let layer = verifier.layer().rejection_response_with(|_rejection, response| {
    ///     let body = format!("{{\"code\":{}}}", response.status().as_u16());
    ///     *response.body_mut() = body.into();
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn rejection_response_with(
        self,
        make: impl Fn(&Rejection, &mut Response<Bytes>) + Send + Sync + 'static,
    ) -> Self {
        self.with_visible_setting(|settings| {
            settings.responses.body = RejectionBody::Custom(Arc::new(make));
        })
    }

    /// Ends response bodies when their token is no longer valid: streams of events, gRPC server
    /// streams, downloads. Default: a response that began is sent to its end.
    ///
    /// The body ends at most 1 s after the token expires (with leeway), after the denylist denies
    /// its token, client or organization, after its key is removed, or after its issuer is
    /// withdrawn. It ends with the error [`StreamEnded`](crate::StreamEnded), so that a client does
    /// not take it for complete. If the response's content type is that of gRPC, it ends with
    /// trailers of `grpc-status` 16, or 14 if the layer cannot decide. It does not continue if a
    /// denial is removed. The application's caller check does not run again, unless
    /// [`check_callers_of_streams_every`](Self::check_callers_of_streams_every) is set.
    ///
    /// Each response has one timer, and some hundred bytes more. A connection that is upgraded,
    /// such as a WebSocket, has no body: use
    /// [`Verifier::invalidated`](crate::Verifier::invalidated) for it. The guide has a
    /// [chapter](crate::guide::streams) about streams.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use tower_m2m::{Scope, Verifier};
    ///
    /// # async fn events() {}
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let verifier = Verifier::kinde("acme").audience("https://api.acme.com").build()?;
    /// const READ_EVENTS: Scope = Scope::from_static("read:events");
    ///
    /// let app: Router = Router::new()
    ///     .route("/orgs/{org_code}/events", get(events))
    ///     .route_layer(verifier.layer().require(READ_EVENTS).end_streams());
    /// # Ok(())
    /// # }
    /// ```
    pub fn end_streams(self) -> Self {
        self.with(|settings| settings.streams = Streams::End)
    }

    /// Ends response bodies as [`end_streams`](Self::end_streams) does, and also runs the
    /// application's [caller check](crate::VerifierBuilder::check_caller) for each open body at
    /// this interval, in whole seconds and at least 1 s. Default: the caller check runs for
    /// requests only.
    ///
    /// A body whose caller is not allowed any more ends within the interval and the duration of the
    /// check. No other reason waits for the check. If the check fails twice in a row, the body ends
    /// with [`Unavailable`](crate::InvalidationReason::Unavailable), unless
    /// [failures are admitted](crate::VerifierBuilder::dangerous_caller_check_fail_open). If it is
    /// called more than once, the shortest interval counts.
    ///
    /// 10,000 open bodies and an interval of 60 s are 167 checks per second.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # use tower_m2m::{BoxError, Caller, CallerStatus, Verifier};
    /// # async fn status(_: Caller) -> Result<CallerStatus, BoxError> { Ok(CallerStatus::Active) }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let kinde = Verifier::kinde("acme").audience("https://api.acme.com");
    /// let verifier = Verifier::builder([kinde])
    ///     .check_caller(status)
    ///     .build()?;
    /// let layer = verifier.layer().check_callers_of_streams_every(Duration::from_secs(60));
    /// # Ok(())
    /// # }
    /// ```
    pub fn check_callers_of_streams_every(self, interval: Duration) -> Self {
        let interval = RecheckInterval::new(interval);
        self.end_streams().with(|settings| {
            let current = &mut settings.caller_check_of_streams;
            *current = Some(current.map_or(interval, |other| other.min(interval)));
        })
    }

    /// Returns `true` if response bodies end with their token.
    pub(crate) fn ends_streams(&self) -> bool {
        self.settings.streams == Streams::End
    }
}
