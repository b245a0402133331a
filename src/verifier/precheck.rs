//! The rules that are the same for every issuer. The resolver is not called for a token that fails
//! them.

use super::claim::numeric_date;
use super::issuer::LEEWAY_MAX;
use super::rules::{NON_ACCESS_TOKEN_CLAIMS, check_times};
use crate::clock::seconds;
use crate::token::{JsonObject, TokenError, TokenType};

/// Checks the claims that do not depend on an issuer's settings, with the largest leeway that an
/// issuer can have.
pub(super) fn check_for_any_issuer(
    token_type: TokenType,
    json: &JsonObject<'_>,
    now: i64,
) -> Result<(), TokenError> {
    if !token_type.can_be_access_token() {
        return Err(TokenError::InvalidType);
    }
    let is_present = |name: &&str| json.get(name).is_some();
    if NON_ACCESS_TOKEN_CLAIMS.iter().any(is_present) {
        return Err(TokenError::NotAnAccessToken);
    }
    let expires_at = numeric_date(json, "exp")?.ok_or(TokenError::MissingClaim("exp"))?;
    let not_before = numeric_date(json, "nbf")?;
    let issued_at = numeric_date(json, "iat")?;
    check_times(expires_at, not_before, issued_at, now, seconds(LEEWAY_MAX))
}
