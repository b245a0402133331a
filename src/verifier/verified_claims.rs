//! The step from validated claims to `Claims`, and the period in which the cache may use them.

use std::sync::Arc;

use super::claim::{audiences, kinde_extras};
use super::rules::Rules;
use super::validated::{Provenance, ValidatedClaims, ValidityPeriod};
use crate::token::{
    ClaimStrings, ClaimStrs, Claims, ClaimsInner, JsonObject, OrgCode, TokenError, UnlistedIn,
};

impl Rules {
    /// Returns the period in which a cache hit is allowed.
    pub(crate) fn validity_period(&self, checked: &ValidatedClaims<'_>) -> ValidityPeriod {
        let until = checked.expires_at.saturating_add(self.leeway);
        let oldest = match (self.max_age, checked.issued_at) {
            (Some(max_age), Some(issued_at)) => issued_at
                .saturating_add(max_age)
                .saturating_add(self.leeway),
            _ => i64::MAX,
        };
        let from = checked
            .not_before
            .max(checked.issued_at)
            .map_or(i64::MIN, |from| from.saturating_sub(self.leeway));
        ValidityPeriod {
            start: from,
            end: until.min(oldest),
        }
    }

    /// Creates the claims. It must be called only after signature verification succeeded.
    pub(crate) fn build_claims(
        &self,
        checked: &ValidatedClaims<'_>,
        seal: &Provenance<'_>,
        json: &JsonObject<'_>,
        payload: &[u8],
    ) -> Result<Claims, TokenError> {
        let scopes = checked.scopes.read(json)?;
        let custom = match &self.custom {
            None => None,
            Some(decoder) => {
                Some((decoder.decode)(payload).ok_or(TokenError::MalformedClaim("custom claims"))?)
            }
        };
        let org_code = match checked.org_code {
            None => None,
            Some(code) => Some(
                OrgCode::from_token(seal.issuer, code).ok_or(TokenError::InvalidOrganization)?,
            ),
        };
        let (audience, further_audiences) = audiences(checked.audience, json);
        let ValidatedClaims {
            client_id,
            subject,
            jti,
            ..
        } = *checked;
        Ok(Claims::new_verified(ClaimsInner {
            verified_by: seal.verifier,
            credential: seal.credential,
            proof: seal.proof,
            issuer: Arc::clone(seal.issuer),
            strings: ClaimStrings::new(ClaimStrs {
                client_id,
                subject,
                jti,
                audience,
            }),
            org_code,
            org_code_pattern: self.org_code_pattern.clone(),
            scopes,
            further_audiences,
            expires_at: checked.expires_at.min(seal.limit.fresh_until),
            valid_until: self
                .validity_period(checked)
                .end
                .min(seal.limit.stale_until),
            issued_at: checked.issued_at,
            kinde: kinde_extras(json, payload)?,
            custom,
            confirmation: checked.confirmation.clone(),
            allow_lists: self.allow_lists.clone(),
            unlisted_in: UnlistedIn::default(),
        }))
    }
}
