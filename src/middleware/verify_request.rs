//! Verification of a request without a layer.

use http::request::Parts;

use super::possession::{RequestHead, check_proof_header};
use crate::rejection::Rejection;
use crate::token::Claims;
use crate::verifier::{CallerVerdict, Verifier};

impl Verifier {
    /// Verifies the access token of a request and, if the token is bound to a key or a certificate,
    /// that the sender has it (RFC 9449 §7, RFC 8705 §3).
    ///
    /// It is for services that use no layer. It waits as [`verify`](Self::verify) does, and for the
    /// replay store. It checks neither tenant nor scope. Call it once for each request, because a
    /// DPoP proof can be used once. The whole path is compared with `htu`: in axum, keep the
    /// extension `OriginalUri`. The request is not changed, so a `Client-Cert` header that does not
    /// count stays in it.
    ///
    /// The response to [`Rejection::DpopNonceRequired`] needs the header `DPoP-Nonce` with the
    /// nonce in it, because a client cannot continue without it. The response of the rejection
    /// itself (`into_response()`, feature `axum`) has it.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`verify`](Self::verify), and [`Rejection::MissingToken`],
    /// [`Rejection::UnsupportedScheme`], [`Rejection::InvalidProof`],
    /// [`Rejection::DpopNonceRequired`], [`Rejection::InvalidCertificateHeader`],
    /// [`Rejection::ReplayStoreUnavailable`] or [`Rejection::TooManyProofs`].
    ///
    /// ```
    /// # use tower_m2m::{Rejection, Verifier};
    /// # async fn example(verifier: Verifier, request: http::Request<()>) -> Result<(), Rejection> {
    /// let (parts, body) = request.into_parts();
    /// let claims = verifier.verify_request(&parts).await?;
    /// println!("{} calls", claims.client_id());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn verify_request(&self, parts: &Parts) -> Result<Claims, Rejection> {
        let (credentials, accepted) = self.credentials(&parts.headers)?;
        check_proof_header(credentials.scheme(), &parts.headers)?;
        let step = self.try_verify(credentials.as_bytes(), accepted);
        let verified = self.resume(step, credentials.as_bytes()).await;
        let token = verified.map_err(|failure| failure.rejection)?;
        let checked = self.check_possession(token, credentials.scheme(), RequestHead::from(parts));
        let (claims, mut possession) = checked.map_err(|unproven| unproven.rejection)?;
        match self.check_caller(&claims, None) {
            CallerVerdict::Known(result) => result?,
            CallerVerdict::Pending(check) => check.await?,
        }
        if possession.has_unused_proof() {
            let mut extensions = parts.extensions.clone();
            match possession.use_proof(self, &mut extensions) {
                CallerVerdict::Known(result) => result?,
                CallerVerdict::Pending(write) => write.await?,
            }
        }
        Ok(claims)
    }
}
