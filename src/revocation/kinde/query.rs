//! One query about an organization.

use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Request, StatusCode};
use tokio::time::Instant;

use super::query_error::{QueryError, QueryFailure};
use crate::http_client::{AccessTokens, Fetcher, MIN_TOKEN_AGE, encode_form};
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
    /// Returns the access token of a query.
    pub(super) async fn authorization(
        &self,
        deadline: Instant,
    ) -> Result<HeaderValue, QueryFailure> {
        Ok(self.tokens.authorization(deadline).await?)
    }

    /// Queries Kinde once.
    pub(super) async fn status(
        &self,
        code: &str,
        authorization: &HeaderValue,
        deadline: Instant,
    ) -> Result<OrganizationStatus, QueryFailure> {
        let query = encode_form(&[("code", code)]);
        let request = Request::get(format!("{}/api/v1/organization?{query}", self.base))
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, authorization)
            .body(Vec::new())
            .map_err(|_| QueryError::InvalidResponse)?;
        let timeout = deadline.saturating_duration_since(Instant::now());
        let response = self.fetcher.send(request, timeout, MAX_BYTES).await?;
        match response.status() {
            StatusCode::OK => {
                Ok(parse_organization(response.body(), code).ok_or(QueryError::InvalidResponse)?)
            }
            status => {
                match status {
                    StatusCode::UNAUTHORIZED => {
                        self.tokens.invalidate_older(authorization, Duration::ZERO);
                    }
                    // Kinde writes 403 for an invalid access token and for an unknown organization.
                    StatusCode::FORBIDDEN => {
                        self.tokens.invalidate_older(authorization, MIN_TOKEN_AGE);
                    }
                    _ => {}
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
