//! Claims for handler tests that use no token.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, Request};
use tower_layer::Layer;
use tower_service::Service;

use super::defaults::{AUDIENCE, CLIENT_ID};
use crate::extensions::{Acting, VerifiedRequest};
use crate::token::{
    ClaimStrings, ClaimStrs, Claims, ClaimsInner, CredentialFacts, CredentialProof, KeyFingerprint,
    OrgCode, Scopes, UnlistedIn,
};

/// Creates claims that come from no token. Default: a global client without scopes.
///
/// No verifier has verified them, so the real layer ignores them and requires a token. Use them to
/// test handlers without that layer.
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
#[must_use = "a request has the claims only after `insert_into` or `layer`"]
pub fn claims() -> FakeClaims {
    FakeClaims {
        acting: None,
        facts: facts(),
    }
}

/// Claims that come from no token. Create them with [`claims`].
#[derive(Clone)]
#[must_use = "a request has the claims only after `insert_into` or `layer`"]
pub struct FakeClaims {
    acting: Option<OrgCode>,
    facts: ClaimsInner,
}

fn facts() -> ClaimsInner {
    ClaimsInner {
        confirmation: None,
        // Verifiers are numbered from 1.
        verified_by: 0,
        credential: CredentialFacts::JWT,
        proof: CredentialProof::Key(KeyFingerprint(0)),
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
        allow_lists: None,
        unlisted_in: UnlistedIn::default(),
    }
}

impl FakeClaims {
    /// Sets the client's organization. Default: none, the client is global.
    ///
    /// # Panics
    ///
    /// Panics if `code` is not an organization code.
    #[track_caller]
    pub fn org(mut self, code: &str) -> Self {
        self.facts.org_code = OrgCode::from_token(&self.facts.issuer, code);
        assert!(
            self.facts.org_code.is_some(),
            "not an organization code: {code:?}"
        );
        self
    }

    /// Makes the claims those of a global client that acts for this organization.
    ///
    /// # Panics
    ///
    /// Panics if `code` is not an organization code.
    #[track_caller]
    pub fn acting_for(mut self, code: &str) -> Self {
        self.acting = OrgCode::acting(&self.facts.issuer, code);
        assert!(self.acting.is_some(), "not an organization code: {code:?}");
        self
    }

    /// Sets the scopes, separated by spaces. Default: no scopes.
    ///
    /// # Panics
    ///
    /// Panics if one of them is not a valid scope.
    #[track_caller]
    pub fn scopes(mut self, list: &str) -> Self {
        let scopes = Scopes::parse(list);
        assert!(scopes.is_ok(), "not a list of scopes: {list:?}");
        self.facts.scopes = scopes.unwrap_or_default();
        self
    }

    /// Sets the client ID. Default: [`CLIENT_ID`].
    pub fn client(mut self, client_id: &str) -> Self {
        self.facts.strings = ClaimStrings::new(ClaimStrs {
            client_id,
            ..self.facts.strings.as_strs()
        });
        self
    }

    /// Sets the issuer. Default: `https://issuer.test`. The organization belongs to this issuer,
    /// regardless of the order of the two calls.
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

    /// Sets custom claims, which [`Claims::custom`] returns. Default: none.
    pub fn custom<T: Any + Send + Sync>(mut self, custom: T) -> Self {
        self.facts.custom = Some(Arc::new(custom));
        self
    }

    /// Returns the claims alone.
    #[must_use]
    pub fn claims(&self) -> Claims {
        Claims::new_verified(self.facts.clone())
    }

    /// Inserts the claims into the extensions, as the real layer does.
    pub fn insert_into(&self, extensions: &mut Extensions) {
        extensions.insert(VerifiedRequest::fake(self.claims()));
        if let Some(org) = self.acting.clone() {
            extensions.insert(Acting(org));
        }
    }

    /// Returns a layer that inserts the claims into every request. Use it instead of the real
    /// layer.
    #[must_use]
    pub fn layer(self) -> FakeClaimsLayer {
        FakeClaimsLayer(self)
    }
}

/// The layer that [`FakeClaims::layer`] returns.
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
