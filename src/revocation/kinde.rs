//! The caller check that queries Kinde about suspended organizations.

mod lookup;
mod pauses;
mod query;
mod query_error;
mod query_state;
mod statuses;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{Request, Response};
use tokio::time::Instant;

use self::query::{OrganizationApi, OrganizationStatus};
use self::statuses::{OrganizationStatuses, StatusTiming};
use super::both_checks::BothChecks;
use super::{Caller, CallerCheck, CallerStatus, CheckSetup};
use crate::http_client::{AccessTokens, ClientSecret, Fetcher};
use crate::token::OrgCode;
use crate::util::BoxError;

/// A [`CallerCheck`] that rejects callers of organizations that are suspended at Kinde.
///
/// Kinde continues to issue tokens to a suspended organization, and no webhook reports the
/// suspension. This check queries Kinde's Management API (`GET /api/v1/organization`) about the
/// organization of each caller. The machine-to-machine application needs the scope
/// `read:organizations`.
///
/// * A result is fresh for 60 s ([`time_to_live`](Self::time_to_live)). It is refreshed in the
///   background when 80 % of this time has passed.
/// * If Kinde fails, a result is used for 5 more minutes ([`max_stale`](Self::max_stale)). Without
///   a result, the request gets 503.
/// * One request per organization is made at a time, and 64 at most.
/// * After a failure there is no query about this organization for 1 s, or for as long as Kinde's
///   `Retry-After` says, up to 5 minutes. A failure that concerns the client pauses all queries.
/// * [`EventReceiver::invalidates`](crate::EventReceiver::invalidates) makes webhooks about the
///   organization drop a result.
///
/// Callers without an organization, and callers of other issuers, are active for this check. The
/// first query about an organization takes two requests to Kinde, so
/// [`caller_check_timeout`](crate::VerifierBuilder::caller_check_timeout) should allow for them.
///
/// ```
/// use tower_m2m::{Caller, CallerStatus, KindeCallerCheck, Verifier};
///
/// # fn secret() -> String { "secret".to_owned() }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let kinde_check = KindeCallerCheck::client_credentials("m2m-client-id", secret());
/// let verifier = Verifier::builder([Verifier::kinde("acme").audience("https://api.acme.com")])
///     .check_caller(kinde_check.clone().and(|caller: Caller| async move {
///         Ok(if caller.client_id() == "retired" { CallerStatus::ClientNotAllowed } else { CallerStatus::Active })
///     }))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct KindeCallerCheck {
    client: ClientSecret,
    issuer: Option<String>,
    kinde_domain: Option<String>,
    timing: StatusTiming,
    timeout: Duration,
    send: Option<Fetcher>,
    /// Set when a verifier with this check is built. Clones share it.
    prepared: Arc<OnceLock<Prepared>>,
}

struct Prepared {
    statuses: Arc<OrganizationStatuses>,
    /// How long a request waits for a new result while it has a stale one, in milliseconds. The
    /// verifier with the shortest timeout decides.
    wait_with_stale: AtomicU64,
}

impl Prepared {
    fn wait_with_stale(&self) -> Duration {
        Duration::from_millis(self.wait_with_stale.load(Ordering::Relaxed))
    }

    fn issuer(&self) -> &str {
        &self.statuses.api.issuer
    }
}

impl KindeCallerCheck {
    /// Creates a check that authenticates at Kinde as this machine-to-machine application.
    #[must_use]
    pub fn client_credentials(client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            client: ClientSecret::new(client_id, secret),
            issuer: None,
            kinde_domain: None,
            timing: StatusTiming {
                time_to_live: Duration::from_secs(60),
                max_stale: Duration::from_secs(5 * 60),
            },
            timeout: Duration::from_secs(1),
            send: None,
            prepared: Arc::default(),
        }
    }

    /// Sets the issuer of the business that the application belongs to. Default: the only listed
    /// issuer with the profile of Kinde.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Sets the Kinde domain, such as `acme` or `acme.kinde.com`. Default: the issuer's own.
    ///
    /// If the issuer is a custom domain, this is required, because Kinde's API is at the Kinde
    /// domain only.
    #[must_use]
    pub fn kinde_domain(mut self, domain: impl Into<String>) -> Self {
        self.kinde_domain = Some(domain.into());
        self
    }

    /// Sets how long a result is fresh. Default: 60 s. From 1 s to 60 s.
    ///
    /// It is also how long the callers of a suspended organization are still admitted, at most,
    /// while Kinde is reachable and sends no webhook.
    #[must_use]
    pub fn time_to_live(mut self, time_to_live: Duration) -> Self {
        self.timing.time_to_live = time_to_live;
        self
    }

    /// Sets how long a result is used after it became stale, while Kinde fails. Then the response
    /// to the request is 503. Default: 5 min. From 0 to 1 day.
    #[must_use]
    pub fn max_stale(mut self, max_stale: Duration) -> Self {
        self.timing.max_stale = max_stale;
        self
    }

    /// Sets how long Kinde may take for one query, with the request for an access token. Default:
    /// 1 s. Maximum: 1 minute.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sends requests to Kinde with a function of the application instead of the HTTP client of
    /// this crate. Default: the HTTP client.
    ///
    /// The function must not follow redirects. A response of more than 64 KiB is rejected. It runs
    /// within [`timeout`](Self::timeout).
    #[must_use]
    pub fn send_with<F, R>(mut self, send: F) -> Self
    where
        F: Fn(Request<Vec<u8>>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Response<Vec<u8>>, BoxError>> + Send + 'static,
    {
        self.send = Some(Fetcher::function(send));
        self
    }

    /// Adds a check, which runs if this one finds the caller active.
    #[must_use]
    pub fn and(self, check: impl CallerCheck) -> impl CallerCheck {
        BothChecks {
            first: self,
            second: check,
        }
    }

    /// Returns the issuer that this check queries, or `None` if no verifier uses the check.
    pub(crate) fn queried_issuer(&self) -> Option<&str> {
        self.prepared.get().map(Prepared::issuer)
    }

    /// Drops the result about an organization and queries again. A query that began before this
    /// call is repeated.
    pub(crate) fn invalidate(&self, organization: &str) {
        if let Some(prepared) = self.prepared.get() {
            prepared.statuses.invalidate(organization, Instant::now());
        }
    }

    /// Returns the issuer that the application belongs to, or the problem.
    fn chosen_issuer(&self, setup: &CheckSetup<'_>) -> Result<String, String> {
        match (&self.issuer, setup.kinde_issuers.as_slice()) {
            (Some(issuer), listed) if listed.contains(issuer) => Ok(issuer.clone()),
            (Some(_), _) => Err(
                "the issuer of the Kinde caller check is not listed with the profile of Kinde"
                    .to_owned(),
            ),
            (None, [only]) => Ok(only.clone()),
            (None, []) => {
                Err("the Kinde caller check needs a listed issuer with the profile of Kinde"
                    .to_owned())
            }
            (None, _) => Err(
                "the Kinde caller check needs KindeCallerCheck::issuer, because several issuers have the profile of Kinde"
                    .to_owned(),
            ),
        }
    }

    fn check_limits(&self) -> Result<(), String> {
        let is_valid = (Duration::from_secs(1)..=Duration::from_secs(60))
            .contains(&self.timing.time_to_live)
            && self.timing.max_stale <= Duration::from_secs(24 * 60 * 60)
            && !self.timeout.is_zero()
            && self.timeout <= Duration::from_secs(60);
        if is_valid {
            Ok(())
        } else {
            Err("of Kinde: time_to_live must be from 1 s to 60 s, max_stale at most 1 day, and timeout more than zero and at most 1 minute".to_owned())
        }
    }
}

impl CallerCheck for KindeCallerCheck {
    async fn check(&self, caller: Caller) -> Result<CallerStatus, BoxError> {
        let prepared = self.prepared.get().ok_or(
            "the Kinde caller check belongs to no verifier: pass it to check_caller, and add other checks with `and`",
        )?;
        if caller.issuer() != prepared.issuer() {
            return Ok(CallerStatus::Active);
        }
        let Some(organization) = caller.organization().map(OrgCode::as_str) else {
            return Ok(CallerStatus::Active);
        };
        let lookup = prepared.statuses.lookup(organization, Instant::now());
        let status = lookup.status(prepared.wait_with_stale()).await?;
        Ok(match status {
            OrganizationStatus::Active => CallerStatus::Active,
            OrganizationStatus::Suspended => CallerStatus::Suspended,
        })
    }

    fn prepare(&self, setup: &CheckSetup<'_>) -> Result<(), String> {
        self.check_limits()?;
        let issuer = self.chosen_issuer(setup)?;
        let connection = (setup.connect)(&issuer, self.kinde_domain.as_deref(), self.timeout)?;
        let base = connection.base;
        let fetcher = match &self.send {
            Some(send) => send.clone(),
            None => connection.fetcher?,
        };
        let tokens = AccessTokens::new(
            format!("{base}/oauth2/token"),
            format!("{base}/api"),
            self.client.clone(),
            fetcher.clone(),
        );
        let api = OrganizationApi {
            issuer: issuer.clone().into(),
            base,
            tokens,
            fetcher,
            timeout: self.timeout,
        };
        let wait_with_stale = setup.check_timeout.mul_f64(0.8).as_millis();
        let wait_with_stale = u64::try_from(wait_with_stale).unwrap_or(u64::MAX);
        let prepared = Prepared {
            statuses: Arc::new(OrganizationStatuses::new(api, self.timing)),
            wait_with_stale: AtomicU64::new(wait_with_stale),
        };
        // Verifiers of one issuer can share the check.
        let shared = self.prepared.get_or_init(|| prepared);
        let waits = &shared.wait_with_stale;
        waits.fetch_min(wait_with_stale, Ordering::Relaxed);
        if shared.issuer() == issuer {
            Ok(())
        } else {
            Err("of Kinde is used by verifiers with different issuers".to_owned())
        }
    }
}

impl fmt::Debug for KindeCallerCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KindeCallerCheck")
            .field("issuer", &self.queried_issuer().or(self.issuer.as_deref()))
            .field("timing", &self.timing)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
