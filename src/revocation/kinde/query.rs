//! One query about an organization.

use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION};
use http::{Request, StatusCode};
use tokio::time::Instant;

use super::query_error::{QueryError, QueryFailure};
use crate::http_client::{AccessTokens, Fetcher, encode_form};
use crate::token::{JsonObject, JsonValue};

/// Kinde's Management API, as one business's organizations are queried with it.
pub(super) struct OrganizationApi {
    pub(super) issuer: Box<str>,
    pub(super) base: String,
    pub(super) tokens: AccessTokens,
    pub(super) fetcher: Fetcher,
    pub(super) timeout: Duration,
}

/// Whether an organization may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OrganizationStatus {
    Active,
    Suspended,
}

const MAX_BYTES: usize = 64 * 1024;
const MAX_VALUES: u32 = 8 * 1024;

impl OrganizationApi {
    /// Queries Kinde once.
    pub(super) async fn status(&self, code: &str) -> Result<OrganizationStatus, QueryFailure> {
        let deadline = Instant::now() + self.timeout;
        let authorization = self.tokens.authorization(deadline).await?;
        let query = encode_form(&[("code", code)]);
        let request = Request::get(format!("{}/api/v1/organization?{query}", self.base))
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, &authorization)
            .body(Vec::new())
            .map_err(|_| QueryError::InvalidResponse)?;
        let timeout = deadline.saturating_duration_since(Instant::now());
        let response = self.fetcher.send(request, timeout, MAX_BYTES).await?;
        match response.status() {
            StatusCode::OK => {
                Ok(parse_organization(response.body(), code).ok_or(QueryError::InvalidResponse)?)
            }
            status => {
                // Kinde writes 403 for an invalid access token too.
                if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
                    self.tokens.invalidate(&authorization);
                }
                Err(QueryFailure::from_status(status, response.headers()))
            }
        }
    }
}

/// Reads `is_suspended`. Returns `None` if it is absent or no boolean, or if the response is about
/// another organization.
fn parse_organization(body: &[u8], code: &str) -> Option<OrganizationStatus> {
    let json = JsonObject::parse_bounded(body, MAX_VALUES).ok()?;
    match json.get("code") {
        None => {}
        Some(JsonValue::String(named)) if named == code => {}
        Some(_) => return None,
    }
    match json.get("is_suspended")? {
        JsonValue::Bool(true) => Some(OrganizationStatus::Suspended),
        JsonValue::Bool(false) => Some(OrganizationStatus::Active),
        _ => None,
    }
}
