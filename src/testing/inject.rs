//! Claims for handler tests, without any token.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, Request};
use tower_layer::Layer;
use tower_service::Service;

use super::defaults::{AUDIENCE, CLIENT_ID};
use crate::extensions::{Acting, VerifiedRequest};
use crate::token::{ClaimStrings, ClaimStrs, Claims, ClaimsInner, OrgCode, Scopes};

/// Claims that no token was verified for: of a global client without scopes, until told otherwise.
///
/// No verifier vouches for them, so a real layer takes no notice of them and asks for a token. They are for tests of
/// handlers, which stand without a layer.
///
/// ```
/// use axum::{Router, routing::get};
/// use tower_m2m::{OrgCode, testing};
///
/// let app: Router = Router::new()
///     .route("/invoices", get(|org: OrgCode| async move { format!("invoices of {org}") }))
///     .layer(testing::claims().org("org_a").scopes("read:invoices").layer());
/// # let _ = app;
///
/// let mut request = http::Request::new(());
/// testing::claims().org("org_a").insert_into(request.extensions_mut());
/// ```
#[must_use = "claims are in no request before they are inserted or layered"]
pub fn claims() -> FakeClaims {
    FakeClaims {
        acting: None,
        facts: facts(),
    }
}

/// Claims that no token was verified for, from [`claims`].
#[derive(Clone)]
#[must_use = "claims are in no request before they are inserted or layered"]
pub struct FakeClaims {
    acting: Option<OrgCode>,
    facts: ClaimsInner,
}

fn facts() -> ClaimsInner {
    ClaimsInner {
        // Verifiers are numbered from 1.
        verified_by: 0,
        issuer: Arc::from("https://issuer.test"),
        strings: ClaimStrings::new(ClaimStrs {
            client_id: CLIENT_ID,
            subject: None,
            jti: Some("00000000-0000-4000-8000-000000000000"),
            audience: Some(AUDIENCE),
        }),
        org_code: None,
        org_code_pattern: None,
        scopes: Scopes::default(),
        further_audiences: Box::default(),
        expires_at: i64::from(i32::MAX),
        valid_until: i64::MAX,
        issued_at: Some(0),
        kinde: None,
        custom: None,
    }
}

impl FakeClaims {
    /// Of a client of this organization.
    ///
    /// # Panics
    ///
    /// When it is no organization code.
    #[track_caller]
    pub fn org(mut self, code: &str) -> Self {
        self.facts.org_code = OrgCode::from_token(&self.facts.issuer, code);
        assert!(
            self.facts.org_code.is_some(),
            "not an organization code: {code:?}"
        );
        self
    }

    /// Of a global client that was let in to act for this organization.
    ///
    /// # Panics
    ///
    /// When it is no organization code.
    #[track_caller]
    pub fn acting_for(mut self, code: &str) -> Self {
        self.acting = OrgCode::acting(&self.facts.issuer, code);
        assert!(self.acting.is_some(), "not an organization code: {code:?}");
        self
    }

    /// With these scopes, separated by spaces.
    ///
    /// # Panics
    ///
    /// When one of them is no scope.
    #[track_caller]
    pub fn scopes(mut self, list: &str) -> Self {
        let scopes = Scopes::parse(list);
        assert!(scopes.is_ok(), "not a list of scopes: {list:?}");
        self.facts.scopes = scopes.unwrap_or_default();
        self
    }

    /// Of this client. [`CLIENT_ID`] by default.
    pub fn client(mut self, client_id: &str) -> Self {
        self.facts.strings = ClaimStrings::new(ClaimStrs {
            client_id,
            ..self.facts.strings.as_strs()
        });
        self
    }

    /// From this issuer, to which the organization belongs, in whichever order the two are set.
    pub fn issuer(mut self, issuer: &str) -> Self {
        self.facts.issuer = issuer.into();
        let issuer = &self.facts.issuer;
        if let Some(org) = &self.facts.org_code {
            self.facts.org_code = OrgCode::from_token(issuer, org.as_str());
        }
        if let Some(org) = &self.acting {
            self.acting = OrgCode::acting(issuer, org.as_str());
        }
        self
    }

    /// With custom claims, which [`Claims::custom`] reads.
    pub fn custom<T: Any + Send + Sync>(mut self, custom: T) -> Self {
        self.facts.custom = Some(Arc::new(custom));
        self
    }

    /// The claims alone.
    #[must_use]
    pub fn claims(&self) -> Claims {
        Claims::new_verified(self.facts.clone())
    }

    /// Puts them where a layer would.
    pub fn insert_into(&self, extensions: &mut Extensions) {
        extensions.insert(VerifiedRequest::fake(self.claims()));
        if let Some(org) = self.acting.clone() {
            extensions.insert(Acting(org));
        }
    }

    /// A layer that puts them into every request, in place of the real one.
    #[must_use]
    pub fn layer(self) -> FakeClaimsLayer {
        FakeClaimsLayer(self)
    }
}

/// The layer of [`FakeClaims::layer`].
#[derive(Clone)]
pub struct FakeClaimsLayer(FakeClaims);

impl<S> Layer<S> for FakeClaimsLayer {
    type Service = FakeClaimsService<S>;

    fn layer(&self, inner: S) -> FakeClaimsService<S> {
        FakeClaimsService {
            inner,
            claims: self.0.clone(),
        }
    }
}

/// The service of [`FakeClaimsLayer`].
#[derive(Clone)]
pub struct FakeClaimsService<S> {
    inner: S,
    claims: FakeClaims,
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for FakeClaimsService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        self.claims.insert_into(request.extensions_mut());
        self.inner.call(request)
    }
}

impl fmt::Debug for FakeClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeClaims")
            .field("claims", &self.claims())
            .field("acting", &self.acting)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for FakeClaimsLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FakeClaimsLayer").field(&self.0).finish()
    }
}

impl<S> fmt::Debug for FakeClaimsService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeClaimsService")
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}
