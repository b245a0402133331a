//! Checks that the work is the same: how each contender responds to tokens with one fault.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Request, StatusCode};
use std::time::Duration;
use tower_m2m_benches::{Bench, request};

use crate::Contender;

/// The faults of the requests in [`Refusals`], in their order.
pub const REFUSED: [&str; 7] = [
    "no token",
    "forged",
    "expired",
    "not yet valid",
    "other issuer",
    "other audience",
    "no scope",
];

/// Requests with one fault each, and one valid request.
pub struct Refusals {
    good: String,
    wrong: Vec<Option<String>>,
}

impl Refusals {
    pub fn new(bench: &Bench) -> Self {
        let scopes = ["read:users", "write:flags", "read:invoices"];
        let good = bench.issuer.org("org_ba4a2311eb1").scopes(scopes);
        let token = good.token();
        let (message, _) = token.rsplit_once('.').unwrap_or_default();
        let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode([7; 256]));
        let future = u32::MAX;
        let wrong = vec![
            None,
            Some(forged),
            Some(good.clone().expired_by(Duration::from_hours(1)).token()),
            Some(good.clone().claim("nbf", future).token()),
            Some(good.clone().claim("iss", "https://other.kinde.com").token()),
            Some(good.clone().audience("https://other.acme.com").token()),
            Some(good.clone().scopes(["read:users"]).token()),
        ];
        Self { good: token, wrong }
    }

    /// Returns the responses of this contender to the valid request and to each of [`REFUSED`].
    pub fn answers(&self, contender: &mut Contender) -> (StatusCode, Vec<StatusCode>) {
        let wrong = self.wrong.iter().map(|token| {
            let request = token
                .as_deref()
                .map_or_else(|| Request::new(String::new()), request);
            contender.call(request)
        });
        let wrong: Vec<_> = wrong.collect();
        (contender.call(request(&self.good)), wrong)
    }
}
