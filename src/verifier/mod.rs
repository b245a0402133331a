//! Is it true: the one function that verifies a token, as steps that follow the RFCs.

mod builder;
mod cache;
mod config_error;
mod explain;
mod issuer;
mod issuers;
mod profile;
mod rules;
mod weak_settings;

use std::fmt;
use std::sync::Arc;

pub use builder::{StartError, VerifierBuilder};
use cache::{Entry, VerifiedTokens};
pub use config_error::ConfigError;
pub(crate) use config_error::Place;
pub use explain::{Check, Explanation, Outcome};
pub use issuer::{Issuer, NeedsAudience};
use issuers::Issuers;
use issuers::trusted::{Answer, InUse, Trusted};
pub use profile::Profile;
use rules::{Seal, issuer_of};
pub use weak_settings::WeakSetting;

use crate::bearer::b64token;
use crate::clock::Clock;
use crate::jwks::{Flight, IssuerStatus, SavedKeys, Wanted};
use crate::rejection::Rejection;
use crate::revocation::{Asking, Denylist, Question};
use crate::token::{Claims, Compact, DecodeBuffer, JoseHeader, Json, OrgCode, TokenError};

/// Turns an access token into [`Claims`] or a [`Rejection`].
///
/// Cloning is cheap and shares everything: keys, what was verified, the background refresh, which ends when the last clone
/// is dropped.
///
/// ```
/// use tower_m2m::Verifier;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::kinde("acme").audience("https://api.acme.com").build()?;
/// # Ok(())
/// # }
/// ```
///
/// An issuer without an audience is not enough:
///
/// ```compile_fail
/// let verifier = tower_m2m::Verifier::kinde("acme").build();
/// ```
///
/// ```compile_fail
/// let verifier = tower_m2m::Verifier::trusting([tower_m2m::Verifier::kinde("acme")]).build();
/// ```
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    /// Tells this verifier from others of the process.
    number: u64,
    issuers: Issuers,
    clock: Clock,
    max_token_bytes: usize,
    tokens: Option<VerifiedTokens>,
    denylist: Option<Denylist>,
    check: Option<Question>,
}

/// How far a token was judged without waiting.
pub(crate) enum Step {
    Done(Result<Claims, Rejection>),
    /// Waiting may bring what is missing.
    Wait(Wait),
}

/// Whether a caller whose token verifies is in good standing, as far as that is known without waiting.
pub(crate) enum Stands {
    Known(Result<(), Rejection>),
    Asking(Asking),
}

/// What is waited for.
pub(crate) enum Wait {
    /// Whether the application trusts this issuer.
    Issuer(String),
    Key(WaitForKey),
}

pub(crate) struct WaitForKey {
    issuer: InUse,
    flight: Flight,
    kid: Option<String>,
    waited: Waited,
}

/// What a token's waiting has brought before it is judged again.
#[derive(Default)]
struct Before {
    answer: Option<Answer>,
    waited: Waited,
}

/// What a token waited for last: a first set, and after that a key that is not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Waited {
    #[default]
    Not,
    ForFirstSet,
    ForKid,
}

impl Verifier {
    /// Verifies an access token, without any HTTP around it.
    ///
    /// It waits for a key that is missing, at most for one fetch and never while the token's key is held; and for the
    /// [check of standing](VerifierBuilder::check_standing), where the application has one.
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
            return Err(Rejection::InvalidRequest(
                crate::bearer::BearerError::TooLong,
            ));
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
            (Some(trusted), _) => trusted.rules.check_allowed(claims, acting),
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
        let issuer = self.whose(issuer_of(&json).ok_or(TokenError::Issuer)?, before)?;
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
        let seal = Seal {
            verifier: self.0.number,
            issuer: &trusted.issuer,
        };
        let claims = trusted
            .rules
            .prove(&checked, &seal, &json, payload)
            .map_err(Rejection::NotAcceptable)?;
        trusted.keys.remember_client(claims.client_id());
        trusted.vouched(now);
        if let Some(tokens) = &self.0.tokens {
            let lifetime = trusted.rules.lifetime(&checked);
            let issuer = issuer.remembered();
            tokens.insert(
                token,
                Entry {
                    claims: claims.clone(),
                    issuer,
                    generation: keys.number,
                    lifetime,
                },
            );
        }
        Ok(claims)
    }

    /// The issuers that are listed, exactly as configured.
    pub fn issuers(&self) -> impl Iterator<Item = &str> {
        self.0
            .issuers
            .listed()
            .iter()
            .map(|trusted| trusted.issuer.as_ref())
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

    pub(crate) fn max_token_bytes(&self) -> usize {
        self.0.max_token_bytes
    }

    /// Whether the claims come from this verifier, so that a second layer need not verify again.
    pub(crate) fn vouches_for(&self, claims: &Claims) -> bool {
        claims.verified_by() == self.0.number
    }

    /// How each issuer's keys are, without any I/O: for status pages and alerts. Resolved issuers are among them.
    #[must_use]
    pub fn status(&self) -> Vec<IssuerStatus> {
        let resolved = self.0.issuers.resolved();
        let mut status: Vec<_> = self
            .trusted(&resolved)
            .map(|trusted| trusted.keys.status())
            .collect();
        status.sort_by(|a, b| a.issuer.cmp(&b.issuer));
        status
    }

    /// Whether keys of every listed issuer are held, so that tokens can be verified: what a readiness probe asks. A liveness probe
    /// should not, since a restart does not bring an issuer back.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0
            .issuers
            .listed()
            .iter()
            .all(|trusted| trusted.keys.held().is_some())
    }

    /// The keys in use, to be given to [`VerifierBuilder::restore_keys`] at the next start.
    #[must_use]
    pub fn export_keys(&self) -> Vec<SavedKeys> {
        let resolved = self.0.issuers.resolved();
        self.trusted(&resolved)
            .filter_map(|trusted| trusted.keys.export())
            .collect()
    }

    fn trusted<'a>(&'a self, resolved: &'a [Arc<Trusted>]) -> impl Iterator<Item = &'a Trusted> {
        self.0
            .issuers
            .listed()
            .iter()
            .chain(resolved.iter().map(Arc::as_ref))
    }

    /// How many verified tokens are remembered, roughly.
    #[must_use]
    pub fn remembered_tokens(&self) -> u64 {
        self.0.tokens.as_ref().map_or(0, VerifiedTokens::len)
    }
}

/// Why a token was not verified: for good, or unless a key arrives.
enum Refused {
    Now(Rejection),
    Unless(Box<Wait>),
}

impl Refused {
    fn code(&self) -> &'static str {
        match self {
            Self::Now(rejection) => rejection.code(),
            Self::Unless(_) => "waits",
        }
    }
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self::Now(rejection)
    }
}

impl From<TokenError> for Refused {
    fn from(error: TokenError) -> Self {
        Self::Now(error.into())
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issuers: Vec<&str> = self
            .0
            .issuers
            .listed()
            .iter()
            .map(|trusted| trusted.issuer.as_ref())
            .collect();
        f.debug_struct("Verifier")
            .field("issuers", &issuers)
            .finish_non_exhaustive()
    }
}
