//! The verification of a token in the steps of the RFCs, and its continuation after a wait.

use tokio::time::Instant;

use super::cache::Entry;
use super::claim::{as_string, issuer_claim};
use super::issuers::trusted::{ActiveIssuer, Resolution};
use super::precheck::check_for_any_issuer;
use super::token_key::{SignedInput, request_key};
use super::validated::{Provenance, UseLimit};
use super::verification::{
    AcceptedCredentials, CallerVerdict, PendingKey, PriorWaits, ValidToken, Verification,
    VerificationFailure, VerifyError, WaitFor,
};
use super::verifier::Verifier;
use crate::bearer::{BearerError, check_b64token};
use crate::jwks::{IfUndecided, KeyLookup};
use crate::rejection::Rejection;
use crate::token::{
    Claims, CompactJws, CredentialFacts, CredentialProof, DecodeBuffer, JoseHeader, JsonObject,
    TokenError,
};

impl Verifier {
    /// Verifies an access token without an HTTP request.
    ///
    /// If the token's key is missing, it waits for a fetch, in total at most for
    /// [`fetch_timeout`](crate::Issuer::fetch_timeout). It also waits for the [caller
    /// check](crate::VerifierBuilder::check_caller), if the application has one.
    ///
    /// # Errors
    ///
    /// Returns [`Rejection::InvalidRequest`], [`Rejection::InvalidToken`],
    /// [`Rejection::InvalidClaims`], [`Rejection::Suspended`], [`Rejection::ClientNotAllowed`],
    /// [`Rejection::OrganizationNotAllowed`], [`Rejection::KeysUnavailable`],
    /// [`Rejection::KeyUnavailable`], [`Rejection::IntrospectionUnavailable`],
    /// [`Rejection::CallerStatusUnavailable`] or [`Rejection::DenylistUnavailable`].
    ///
    /// ```
    /// # async fn example(verifier: tower_m2m::Verifier, token: &str) {
    /// match verifier.verify(token).await {
    ///     Ok(claims) => println!("{} calls", claims.client_id()),
    ///     Err(rejection) => println!("rejected: {rejection}"),
    /// }
    /// # }
    /// ```
    pub async fn verify(&self, token: &str) -> Result<Claims, Rejection> {
        if token.len() > self.max_token_bytes() {
            return Err(Rejection::InvalidRequest(BearerError::TooLong {
                max_bytes: self.max_token_bytes(),
            }));
        }
        let step = self.try_verify(token.as_bytes(), AcceptedCredentials::Any);
        let verified = self.resume(step, token.as_bytes()).await;
        let claims = verified
            .map_err(|failure| failure.rejection)?
            .into_bearer()?;
        match self.check_caller(&claims, None) {
            CallerVerdict::Known(result) => result?,
            CallerVerdict::Pending(check) => check.await?,
        }
        Ok(claims)
    }

    /// Waits for the missing issuer or key, at most once for each, and verifies again.
    pub(crate) async fn resume(
        &self,
        mut step: Verification,
        token: &[u8],
    ) -> Result<ValidToken, VerificationFailure> {
        let mut prior = PriorWaits::default();
        loop {
            let wait = match step {
                Verification::Done(result) => return result,
                Verification::Pending(wait) => wait,
            };
            prior.first.get_or_insert_with(Instant::now);
            match wait {
                WaitFor::IssuerResolution(iss) => {
                    prior.resolution = Some(self.0.issuers.resolve(&iss).await);
                }
                WaitFor::KeyFetch(wait) => self.wait_for_key(wait, &mut prior).await,
                #[cfg(feature = "introspection")]
                WaitFor::Introspection(pending) => {
                    prior.introspection = Some(pending.wait.outcome().await);
                }
            }
            step = self.try_verify_after(token, AcceptedCredentials::Any, &prior);
        }
    }

    /// Waits for a fetch that may contain the key.
    pub(super) async fn wait_for_key(&self, wait: PendingKey, prior: &mut PriorWaits) {
        if let Some(trusted) = self.0.issuers.get(&wait.issuer) {
            let kid = wait.kid.as_deref();
            prior.keys = crate::telemetry::spans::key_wait_span(
                &trusted.issuer,
                kid,
                trusted.keys.wait_for_fetch(wait.ticket, kid),
            )
            .await;
            if prior.keys.is_some_and(|wait| wait.is_given_up()) {
                trusted.mark_awaited(self.0.clock.unix_seconds());
            }
        }
        prior.resolution = Some(Resolution::Trusted(wait.issuer));
    }

    /// Verifies a token without waiting. The result is pending only if the issuer or the key is not
    /// known yet. [`check_caller`](Self::check_caller) checks the caller separately.
    pub(crate) fn try_verify(&self, token: &[u8], accepted: AcceptedCredentials) -> Verification {
        self.try_verify_after(token, accepted, PriorWaits::NONE)
    }

    fn try_verify_after(
        &self,
        token: &[u8],
        accepted: AcceptedCredentials,
        prior: &PriorWaits,
    ) -> Verification {
        let now = self.0.clock.unix_seconds();
        let tokens = self.0.tokens.as_ref();
        // The cache contains JWTs, and a JWT is no API key.
        #[cfg(feature = "introspection")]
        let tokens = tokens.filter(|_| accepted != AcceptedCredentials::Opaque);
        let cached = tokens.and_then(|tokens| tokens.get(token, now, &self.0.issuers));
        if tokens.is_some() {
            crate::telemetry::metrics::cache_lookup(cached.as_ref());
        }
        match cached.map_or_else(|| self.verify_credential(token, now, accepted, prior), Ok) {
            Ok(claims) => Verification::Done(Ok(ValidToken::new(claims))),
            Err(VerifyError::Rejected(failure)) => Verification::Done(Err(failure)),
            Err(VerifyError::Pending(wait)) => Verification::Pending(*wait),
        }
    }

    /// Verifies a credential that is not in the token cache: an opaque one as its issuer says, and
    /// every other one as a JWT.
    fn verify_credential(
        &self,
        token: &[u8],
        now: i64,
        accepted: AcceptedCredentials,
        prior: &PriorWaits,
    ) -> Result<Claims, VerifyError> {
        #[cfg(feature = "introspection")]
        if let Some(result) = self.verify_opaque(token, now, accepted, prior) {
            return result;
        }
        let _ = accepted;
        let anew = || {
            crate::telemetry::metrics::time_verification(|| self.verify_uncached(token, now, prior))
        };
        crate::telemetry::spans::verification_span(token, anew, VerifyError::code)
    }

    /// Runs the steps of the RFCs (RFC 7515 §5.2, RFC 7519 §7.2, RFC 9068 §4).
    ///
    /// The signature is verified before the claims are evaluated. Only `iss` is read earlier,
    /// because it selects the keys. If the key is missing, the claims are validated before a fetch:
    /// a token with invalid claims never causes a fetch and gets a 401 and not a 503. Custom claims
    /// are the exception, because the application only decodes claims of verified tokens. A bad
    /// signature of a token that names a known key never causes a fetch either. A token with valid
    /// claims and an unknown `kid` or no `kid` can cause one, within the limits of the fetch
    /// budget.
    fn verify_uncached(
        &self,
        token: &[u8],
        now: i64,
        prior: &PriorWaits,
    ) -> Result<Claims, VerifyError> {
        // A token that decodes has only valid characters. So the characters are checked only if
        // verification failed. Then an invalid character is the first error.
        self.verify_signature_and_claims(token, now, prior)
            .map_err(|refused| match check_b64token(token) {
                Ok(()) => refused,
                Err(error) => Rejection::from(error).into(),
            })
    }

    fn verify_signature_and_claims(
        &self,
        token: &[u8],
        now: i64,
        prior: &PriorWaits,
    ) -> Result<Claims, VerifyError> {
        let compact = CompactJws::split(token)?;
        let mut buf = DecodeBuffer::for_token(token);
        let mut buf = buf.as_mut_slice();
        let header = JoseHeader::parse(compact.decode_header(&mut buf)?)?;
        let kid = header.kid();
        let payload = compact.decode_payload(&mut buf)?;
        let signature = compact.decode_signature(&mut buf)?;
        let json = JsonObject::parse_bounded(payload, self.max_claim_values())
            .map_err(TokenError::InvalidClaimsSet)?;
        let iss = issuer_claim(&json).ok_or(TokenError::UntrustedIssuer)?;
        let check = || check_for_any_issuer(header.token_type(), &json, now);
        let issuer = self.lookup_issuer(iss, prior, check)?;
        let trusted = self
            .0
            .issuers
            .get(&issuer)
            .ok_or(TokenError::UntrustedIssuer)?;
        trusted
            .rules
            .check_header(header.algorithm(), header.token_type(), kid)?;

        let current_set = trusted.keys.available();
        let signed = SignedInput {
            kid,
            algorithm: header.algorithm(),
            signing_input: compact.signing_input(),
            signature,
        };
        let tid = || json.get("tid").and_then(as_string);
        let Some(verified) = signed.verify(trusted, current_set.as_deref(), tid)? else {
            let checked = trusted.rules.check(header.json(), &json, now)?;
            checked.check_scopes(&json)?;
            let lookup = KeyLookup {
                kid,
                client_id: checked.client_id(),
                published_by: checked.issued_at.map(|iat| trusted.rules.published_by(iat)),
                first_wait: prior.first,
                waited: prior.keys,
                if_undecided: IfUndecided::Missing,
            };
            return Err(request_key(
                &issuer,
                trusted,
                &lookup,
                current_set.as_deref(),
            ));
        };

        let checked = trusted
            .rules
            .check(header.json(), &json, now)
            .map_err(|error| self.claims_failure(token, trusted, &json, error))?;
        let provenance = Provenance {
            verifier: self.0.id,
            issuer: &trusted.issuer,
            credential: CredentialFacts::JWT,
            proof: CredentialProof::Key(verified.key),
            limit: UseLimit::NONE,
        };
        let claims = trusted
            .rules
            .build_claims(&checked, &provenance, &json, payload)
            .map_err(|error| self.claims_failure(token, trusted, &json, error))?;
        trusted.keys.record_client(claims.client_id());
        trusted.mark_used(now);
        trusted.record_organization(&claims);
        if let Some(tokens) = &self.0.tokens {
            let lifetime = trusted.rules.validity_period(&checked);
            let issuer = issuer.downgrade();
            tokens.insert(
                token,
                Entry {
                    claims: claims.clone(),
                    issuer,
                    generation: verified.generation,
                    validity_period: lifetime,
                },
            );
        }
        Ok(claims)
    }

    /// Returns the issuer of the token if it is trusted. The resolver is not called for a token
    /// that fails `check`.
    fn lookup_issuer(
        &self,
        iss: &str,
        prior: &PriorWaits,
        check: impl FnOnce() -> Result<(), TokenError>,
    ) -> Result<ActiveIssuer, VerifyError> {
        match prior
            .resolution
            .clone()
            .or_else(|| self.0.issuers.lookup(iss))
        {
            Some(Resolution::Trusted(issuer)) => Ok(issuer),
            Some(Resolution::NotTrusted) => Err(TokenError::UntrustedIssuer.into()),
            Some(Resolution::Unavailable { retry_after }) => {
                Err(Rejection::KeysUnavailable { retry_after }.into())
            }
            None => {
                check()?;
                let resolution = WaitFor::IssuerResolution(iss.to_owned());
                Err(VerifyError::Pending(Box::new(resolution)))
            }
        }
    }
}
