//! The verification of a token, from top to bottom as the steps of the RFCs, and resuming after a wait.

use super::cache::Entry;
use super::claim::issuer_claim;
use super::issuers::trusted::{Answer, InUse};
use super::validated::Provenance;
use super::verification::{Before, Refused, Stands, Step, Wait, WaitForKey, Waited};
use super::verifier::Verifier;
use crate::bearer::{BearerError, b64token};
use crate::jwks::Wanted;
use crate::rejection::Rejection;
use crate::token::{Claims, Compact, DecodeBuffer, JoseHeader, Json, OrgCode, TokenError};

impl Verifier {
    /// Verifies an access token, without any HTTP around it.
    ///
    /// It waits for a key that is missing, at most for one fetch and never while the token's key is held; and for the
    /// [check of standing](crate::VerifierBuilder::check_standing), where the application has one.
    ///
    /// # Errors
    ///
    /// [`Rejection::InvalidRequest`], [`Rejection::NotAuthentic`], [`Rejection::NotAcceptable`], [`Rejection::Suspended`],
    /// [`Rejection::ClientNotAllowed`], [`Rejection::OrganizationNotAllowed`], [`Rejection::KeysUnavailable`] or
    /// [`Rejection::CheckUnavailable`].
    ///
    /// ```
    /// # async fn example(verifier: tower_m2m::Verifier, token: &str) {
    /// match verifier.verify(token).await {
    ///     Ok(claims) => println!("{} calls", claims.client_id()),
    ///     Err(rejection) => println!("refused: {rejection}"),
    /// }
    /// # }
    /// ```
    pub async fn verify(&self, token: &str) -> Result<Claims, Rejection> {
        if token.len() > self.max_token_bytes() {
            return Err(Rejection::InvalidRequest(BearerError::TooLong));
        }
        let step = self.judge(token.as_bytes());
        let claims = self.finish(step, token.as_bytes()).await?;
        match self.stands(&claims, None) {
            Stands::Known(known) => known?,
            Stands::Asking(asking) => asking.await?,
        }
        Ok(claims)
    }

    /// Waits for what is missing, for each thing once, and judges again.
    pub(crate) async fn finish(&self, mut step: Step, token: &[u8]) -> Result<Claims, Rejection> {
        let mut before = Before::default();
        loop {
            match step {
                Step::Done(result) => return result,
                Step::Wait(Wait::Issuer(iss)) => {
                    before.answer = Some(self.0.issuers.resolve(&iss).await)
                }
                Step::Wait(Wait::Key(wait)) => {
                    if let Some(trusted) = self.0.issuers.get(&wait.issuer) {
                        let kid = wait.kid.as_deref();
                        crate::telemetry::spans::waiting(
                            &trusted.issuer,
                            kid,
                            trusted.keys.arrival(wait.flight, kid),
                        )
                        .await;
                    }
                    before.waited = wait.waited;
                }
            }
            step = self.judge_as(token, &before);
        }
    }

    /// Judges a token as far as that goes without waiting: all the way, unless its issuer is not known or its key not held.
    /// Whether the caller is in good standing is a question of its own, see [`stands`](Self::stands).
    pub(crate) fn judge(&self, token: &[u8]) -> Step {
        self.judge_as(token, &Before::default())
    }

    fn judge_as(&self, token: &[u8], before: &Before) -> Step {
        let now = self.0.clock.unix_seconds();
        let remembered = self
            .0
            .tokens
            .as_ref()
            .and_then(|tokens| tokens.get(token, now, &self.0.issuers));
        if self.0.tokens.is_some() {
            crate::telemetry::metrics::remembered(remembered.as_ref());
        }
        let anew = || crate::telemetry::metrics::timed(|| self.verify_anew(token, now, before));
        match remembered.map_or_else(
            || crate::telemetry::spans::verifying(token, anew, Refused::code),
            Ok,
        ) {
            Ok(claims) => Step::Done(Ok(claims)),
            Err(Refused::Now(rejection)) => Step::Done(Err(rejection)),
            Err(Refused::Unless(wait)) => Step::Wait(*wait),
        }
    }

    /// Whether a caller is in good standing: revocation and suspension, then the lists of who is let in at all, then the
    /// application's check. It is asked for every request, and again where a global client wants to act for an
    /// organization that was not known before.
    pub(crate) fn stands(&self, claims: &Claims, acting: Option<&OrgCode>) -> Stands {
        if let Some(denylist) = &self.0.denylist
            && let Err(rejection) = denylist
                .standing(claims, acting, self.0.clock.unix_seconds())
                .verdict()
        {
            return Stands::Known(Err(rejection));
        }
        let known = self.0.issuers.look_up(claims.issuer());
        let allowed = match (
            known
                .as_ref()
                .and_then(Answer::trusted)
                .and_then(|issuer| self.0.issuers.get(issuer)),
            &known,
        ) {
            (Some(trusted), _) => trusted.rules.check_allow_lists(claims, acting),
            // It was trusted when the token was verified, a moment ago: it was withdrawn since, or has to be asked for again.
            (None, Some(Answer::NotTrusted)) => Err(TokenError::Issuer.into()),
            (None, _) => Err(Rejection::CheckUnavailable),
        };
        match (allowed, &self.0.check) {
            (Ok(()), Some(check)) => Stands::Asking(check.ask(claims, acting)),
            (known, _) => Stands::Known(known),
        }
    }

    /// The steps of the RFCs (RFC 7515 §5.2, RFC 7519 §7.2, RFC 9068 §4). The signature comes before anything that the
    /// claims decide, except whose keys to use; and before a missing key is fetched or regretted, all else must be in
    /// order (but for custom claims, which the application reads of verified tokens only), so that no forged token costs a fetch and a token that is refused in any case is not answered 503. A key that
    /// its issuer was asked for a moment ago in vain is refused by its name, which keeps a flood of them cheap.
    fn verify_anew(&self, token: &[u8], now: i64, before: &Before) -> Result<Claims, Refused> {
        // What decodes has no character that no token has, so they are looked at only where something is wrong with the token.
        // Then they are what is wrong first.
        self.take_steps(token, now, before)
            .map_err(|refused| match b64token(token) {
                Ok(_) => refused,
                Err(error) => Rejection::from(error).into(),
            })
    }

    fn take_steps(&self, token: &[u8], now: i64, before: &Before) -> Result<Claims, Refused> {
        let compact = Compact::split(token)?;
        let mut room = DecodeBuffer::for_token(token);
        let mut room = room.as_mut_slice();
        let header = JoseHeader::parse(compact.decode_header(&mut room)?)?;
        let kid = header.kid();
        if self.0.issuers.had_no_key(kid) {
            return Err(TokenError::UnknownKey.into());
        }
        let payload = compact.decode_payload(&mut room)?;
        let signature = compact.decode_signature(&mut room)?;
        let json = Json::parse(payload).map_err(TokenError::ClaimsSet)?;
        let issuer = self.whose(issuer_claim(&json).ok_or(TokenError::Issuer)?, before)?;
        let trusted = self.0.issuers.get(&issuer).ok_or(TokenError::Issuer)?;
        trusted
            .rules
            .check_header(header.algorithm(), header.token_type())?;

        let held = trusted.keys.held();
        let keys = match &held {
            Some(keys) if keys.set.knows(kid) => keys,
            _ => {
                let checked = trusted.rules.check(&json, now)?;
                checked.check_scopes(&json)?;
                let otherwise = match held {
                    Some(_) => TokenError::UnknownKey.into(),
                    None => Rejection::KeysUnavailable {
                        retry_after: trusted.keys.retry_after(),
                    },
                };
                let waited = if held.is_some() {
                    Waited::ForKid
                } else {
                    Waited::ForFirstSet
                };
                if waited <= before.waited {
                    return Err(Refused::Now(otherwise));
                }
                let wish = Wanted {
                    kid,
                    client_id: Some(checked.client_id()),
                };
                let Some(flight) = trusted.keys.seek(wish, held.as_deref()) else {
                    return Err(Refused::Now(otherwise));
                };
                let missing = WaitForKey {
                    issuer: issuer.clone(),
                    flight,
                    kid: kid.map(str::to_owned),
                    waited,
                };
                return Err(Refused::Unless(Box::new(Wait::Key(missing))));
            }
        };
        keys.set
            .verify(kid, header.algorithm(), compact.signing_input(), signature)?;

        let checked = trusted
            .rules
            .check(&json, now)
            .map_err(Rejection::NotAcceptable)?;
        let seal = Provenance {
            verifier: self.0.number,
            issuer: &trusted.issuer,
        };
        let claims = trusted
            .rules
            .build_claims(&checked, &seal, &json, payload)
            .map_err(Rejection::NotAcceptable)?;
        trusted.keys.remember_client(claims.client_id());
        trusted.vouched(now);
        if let Some(tokens) = &self.0.tokens {
            let lifetime = trusted.rules.validity_period(&checked);
            let issuer = issuer.remembered();
            tokens.insert(
                token,
                Entry {
                    claims: claims.clone(),
                    issuer,
                    generation: keys.number,
                    validity_period: lifetime,
                },
            );
        }
        Ok(claims)
    }

    /// Whose token it says it is, if that one is trusted.
    fn whose(&self, iss: &str, before: &Before) -> Result<InUse, Refused> {
        match before
            .answer
            .clone()
            .or_else(|| self.0.issuers.look_up(iss))
        {
            Some(Answer::Trusted(issuer)) => Ok(issuer),
            Some(Answer::NotTrusted) => Err(TokenError::Issuer.into()),
            Some(Answer::Unavailable { retry_after }) => {
                Err(Rejection::KeysUnavailable { retry_after }.into())
            }
            None => Err(Refused::Unless(Box::new(Wait::Issuer(iss.to_owned())))),
        }
    }
}
