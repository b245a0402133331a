//! Whether the sender of a request has the key or the certificate that its token is bound to.

use http::request::Parts;
use http::{Extensions, HeaderMap, Method, Request, Uri};

#[cfg(feature = "mtls")]
use super::certificate::check_certificate;
#[cfg(not(feature = "mtls"))]
use super::layer::AuthorizeLayer;
use super::response_nonce::Possession;
#[cfg(feature = "dpop")]
use super::response_nonce::stored_proof;
use crate::bearer::AuthScheme;
#[cfg(feature = "dpop")]
use crate::bearer::Credentials;
#[cfg(any(feature = "dpop", feature = "mtls"))]
use crate::proof_of_possession::PossessionRules;
#[cfg(feature = "dpop")]
use crate::proof_of_possession::{ProofRequest, single_proof};
use crate::rejection::Rejection;
use crate::token::Claims;
#[cfg(any(feature = "dpop", feature = "mtls"))]
use crate::token::{Confirmation, Thumbprint, TokenError};
use crate::verifier::{ValidToken, Verifier};

/// The parts of a request that say who sent it.
#[derive(Clone, Copy)]
#[cfg_attr(
    not(all(feature = "dpop", feature = "axum", feature = "mtls")),
    allow(dead_code)
)]
pub(super) struct RequestHead<'r> {
    pub(super) method: &'r Method,
    pub(super) uri: &'r Uri,
    pub(super) headers: &'r HeaderMap,
    pub(super) extensions: &'r Extensions,
}

/// A valid token whose sender does not have what it is bound to. The claims are for the event.
#[derive(Debug)]
pub(super) struct Unproven {
    pub(super) rejection: Rejection,
    pub(super) claims: Option<Claims>,
}

impl<'r, B> From<&'r Request<B>> for RequestHead<'r> {
    fn from(request: &'r Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}

impl<'r> From<&'r Parts> for RequestHead<'r> {
    fn from(parts: &'r Parts) -> Self {
        Self {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
            extensions: &parts.extensions,
        }
    }
}

impl Verifier {
    /// Checks that the sender has everything that the token is bound to.
    #[cfg(any(feature = "dpop", feature = "mtls"))]
    #[inline]
    pub(super) fn check_possession(
        &self,
        token: ValidToken,
        scheme: AuthScheme,
        head: RequestHead<'_>,
    ) -> Result<(Claims, Possession), Unproven> {
        let claims = token.into_unproven();
        // Most tokens are not bound, and need nothing more than this comparison.
        if !claims.is_bound() && scheme == AuthScheme::Bearer {
            return Ok((claims, Possession::default()));
        }
        self.prove_possession(claims, scheme, head)
    }

    /// Checks the sender of a bound token, or of a token with another scheme than `Bearer`.
    #[cfg(any(feature = "dpop", feature = "mtls"))]
    #[cold]
    fn prove_possession(
        &self,
        claims: Claims,
        scheme: AuthScheme,
        head: RequestHead<'_>,
    ) -> Result<(Claims, Possession), Unproven> {
        let checked = match (claims.confirmation(), scheme) {
            (None, AuthScheme::Bearer) => Ok(Possession::default()),
            (None, AuthScheme::Dpop) => Err(Rejection::InvalidClaims(TokenError::NotBoundToKey)),
            (Some(bound_to), scheme) => self.with_possession_rules(&claims, |rules| {
                self.check_binding(rules, bound_to, scheme, head)
            }),
        };
        match checked {
            Ok(possession) => Ok((claims, possession)),
            Err(rejection) => Err(Unproven {
                rejection,
                claims: Some(claims),
            }),
        }
    }

    /// Without a method, no bound token is accepted, and no other scheme than `Bearer` is known.
    #[cfg(not(any(feature = "dpop", feature = "mtls")))]
    #[inline]
    #[allow(
        clippy::unused_self,
        reason = "the signature is that of the other variant"
    )]
    pub(super) fn check_possession(
        &self,
        token: ValidToken,
        _scheme: AuthScheme,
        _head: RequestHead<'_>,
    ) -> Result<(Claims, Possession), Unproven> {
        match token.into_bearer() {
            Ok(claims) => Ok((claims, Possession::default())),
            Err(rejection) => Err(Unproven {
                rejection,
                claims: None,
            }),
        }
    }

    /// Checks each thing that the token is bound to. A method that is not configured fails.
    #[cfg(any(feature = "dpop", feature = "mtls"))]
    fn check_binding(
        &self,
        rules: &PossessionRules,
        bound_to: &Confirmation,
        scheme: AuthScheme,
        head: RequestHead<'_>,
    ) -> Result<Possession, Rejection> {
        // The certificate comes first, because its check is cheap.
        if let Some(certificate) = bound_to.certificate() {
            check_certificate(rules, certificate, head.headers, head.extensions)?;
        }
        match (bound_to.key(), scheme) {
            (None, AuthScheme::Bearer) => Ok(Possession::default()),
            (None, AuthScheme::Dpop) => Err(Rejection::InvalidClaims(TokenError::NotBoundToKey)),
            // A token that is bound to a key is never used as a bearer token (RFC 9449 §7.2).
            (Some(_), AuthScheme::Bearer) => Err(SENDER_CONSTRAINED),
            (Some(key), AuthScheme::Dpop) => self.check_proof(rules, bound_to, key, head),
        }
    }

    /// Checks the proof of the key that the token is bound to (RFC 9449 §4.3).
    #[cfg(feature = "dpop")]
    fn check_proof(
        &self,
        rules: &PossessionRules,
        bound_to: &Confirmation,
        key: &Thumbprint,
        head: RequestHead<'_>,
    ) -> Result<Possession, Rejection> {
        let (Some(state), Some(rules)) = (self.dpop(), &rules.dpop) else {
            return Err(SENDER_CONSTRAINED);
        };
        let credentials = Credentials::from_dpop(head.headers, self.max_token_bytes())?;
        let request = ProofRequest {
            proof: single_proof(head.headers).map_err(Rejection::InvalidProof)?,
            method: head.method.as_str(),
            path: original_path(head),
            token: credentials.as_bytes(),
            bound_to,
            stored: stored_proof(head.extensions, self),
        };
        let proof = state.check(rules, key, &request, self.now())?;
        Ok(Possession::of_key(proof))
    }

    #[cfg(all(feature = "mtls", not(feature = "dpop")))]
    #[allow(
        clippy::unused_self,
        reason = "the signature is that of the other variant"
    )]
    fn check_proof(
        &self,
        _rules: &PossessionRules,
        _bound_to: &Confirmation,
        _key: &Thumbprint,
        _head: RequestHead<'_>,
    ) -> Result<Possession, Rejection> {
        Err(SENDER_CONSTRAINED)
    }
}

#[cfg(not(feature = "mtls"))]
impl AuthorizeLayer {
    /// Without the feature, the headers have no meaning here.
    #[inline]
    #[allow(
        clippy::unused_self,
        reason = "the signature is that of the other variant"
    )]
    pub(super) fn remove_unknown_certificate<B>(&self, _: Option<&Claims>, _: &mut Request<B>) {}
}

/// Without the feature, no certificate is known.
#[cfg(all(feature = "dpop", not(feature = "mtls")))]
fn check_certificate(
    _rules: &PossessionRules,
    _bound_to: &Thumbprint,
    _headers: &HeaderMap,
    _extensions: &Extensions,
) -> Result<(), Rejection> {
    Err(SENDER_CONSTRAINED)
}

/// Checks that a request with the scheme `DPoP` has one proof, before anything of it is decoded
/// (RFC 9449 §4.3 (1)).
#[inline]
#[cfg_attr(
    not(feature = "dpop"),
    allow(
        clippy::unnecessary_wraps,
        reason = "the signature is that of the other variant"
    )
)]
pub(super) fn check_proof_header(scheme: AuthScheme, headers: &HeaderMap) -> Result<(), Rejection> {
    #[cfg(feature = "dpop")]
    if scheme == AuthScheme::Dpop {
        single_proof(headers).map_err(Rejection::InvalidProof)?;
    }
    let _ = (scheme, headers);
    Ok(())
}

#[cfg(any(feature = "dpop", feature = "mtls"))]
const SENDER_CONSTRAINED: Rejection = Rejection::InvalidClaims(TokenError::SenderConstrained);

/// Returns the whole path of a request. A nested router of axum removes a prefix from the URI, so
/// the path is that of the URI that the outermost router received.
#[cfg(feature = "dpop")]
fn original_path(head: RequestHead<'_>) -> &str {
    #[cfg(feature = "axum")]
    if let Some(axum::extract::OriginalUri(uri)) = head.extensions.get() {
        return uri.path();
    }
    head.uri.path()
}
