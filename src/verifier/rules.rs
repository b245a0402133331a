//! The rules for each claim (RFC 7519 §4.1, RFC 8725 §3, RFC 9068 §4).

use std::sync::Arc;

use super::claim::{is_missing, is_present, numeric_date, string_claim};
use super::custom_claims::CustomDecoder;
use super::organization::OrganizationClaim;
use super::profile::{KidRequirement, Profile};
use super::validated::{RawScopes, TokenIdentity, TokenLimits, ValidatedClaims};
#[cfg(any(feature = "dpop", feature = "mtls"))]
use crate::proof_of_possession::PossessionRules;
use crate::token::{
    Algorithm, AllowLists, BindingMethod, Confirmation, JsonObject, JsonValue, OrgCodePattern,
    TokenError, TokenType, is_identifier,
};

/// The rules for an issuer's tokens.
#[derive(Debug)]
pub(crate) struct Rules {
    /// `None` if the application explicitly accepts any audience.
    pub(crate) audiences: Option<Vec<String>>,
    pub(crate) profile: Profile,
    pub(crate) organization: OrganizationClaim,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) org_code_pattern: Option<OrgCodePattern>,
    pub(crate) leeway: i64,
    pub(crate) max_age: Option<i64>,
    pub(crate) strictness: Strictness,
    /// The maximum number of keys that are tried for a token without `kid`.
    pub(crate) max_keys_without_kid: usize,
    pub(crate) custom: Option<CustomDecoder>,
    pub(crate) allow_lists: Option<Arc<AllowLists>>,
    /// The ways to bind a token that are configured. Without one, bound tokens are rejected.
    pub(crate) bindings: Vec<BindingMethod>,
    #[cfg(any(feature = "dpop", feature = "mtls"))]
    pub(crate) possession: PossessionRules,
}

/// The strictness of the rules of RFC 9068.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strictness {
    Lenient,
    Rfc9068,
}

impl Rules {
    /// Returns the largest age of a token that is accepted in seconds, or `None` if there is no
    /// limit.
    pub(crate) fn max_token_age(&self) -> Option<i64> {
        let age = self.max_age?;
        Some(age.saturating_add(self.leeway))
    }

    /// Checks the header.
    pub(crate) fn check_header(
        &self,
        algorithm: Algorithm,
        token_type: TokenType,
        kid: Option<&str>,
    ) -> Result<(), TokenError> {
        let is_explicit = token_type == TokenType::AccessToken;
        if !token_type.can_be_access_token()
            || (self.strictness == Strictness::Rfc9068 && !is_explicit)
        {
            return Err(TokenError::InvalidType);
        }
        if !self.algorithms.contains(&algorithm) {
            return Err(TokenError::AlgorithmNotAllowed);
        }
        if kid.is_none() && self.profile.kid == KidRequirement::Required {
            return Err(TokenError::MissingKid);
        }
        Ok(())
    }

    /// Checks all claims except `iss`, which selected these rules.
    pub(crate) fn check<'j>(
        &self,
        header: &JsonObject<'_>,
        json: &'j JsonObject<'j>,
        now: i64,
    ) -> Result<ValidatedClaims<'j>, TokenError> {
        Self::check_kind(json)?;
        let expires_at = numeric_date(json, "exp")?.ok_or(TokenError::MissingClaim("exp"))?;
        let limits = self.check_limits(json, expires_at, now)?;
        let client_id = self.client_id(json);
        self.check_machine_claims(header, json, client_id.ok())?;
        let subject = string_claim(json, "sub")?;
        let jti = string_claim(json, "jti")?;
        if self.strictness == Strictness::Rfc9068 {
            for name in ["sub", "client_id", "iat", "jti"] {
                if is_missing(json.get(name)) {
                    return Err(TokenError::MissingClaim(name));
                }
            }
        }
        Ok(ValidatedClaims {
            client_id: client_id?,
            subject,
            org_code: self.organization.read(json)?,
            scopes: self.scopes(json)?,
            audience: limits.audience,
            confirmation: limits.confirmation,
            jti,
            expires_at,
            issued_at: limits.issued_at,
            not_before: limits.not_before,
        })
    }

    /// Checks that these are the claims of an access token, and not of another token that the same
    /// key may sign.
    #[inline]
    pub(super) fn check_kind(json: &JsonObject<'_>) -> Result<(), TokenError> {
        if NON_ACCESS_TOKEN_CLAIMS
            .iter()
            .any(|name| json.get(name).is_some())
        {
            return Err(TokenError::NotAnAccessToken);
        }
        Ok(())
    }

    /// Checks when, by which API and how the token may be used.
    #[inline]
    pub(super) fn check_limits<'j>(
        &self,
        json: &'j JsonObject<'j>,
        expires_at: i64,
        now: i64,
    ) -> Result<TokenLimits<'j>, TokenError> {
        let not_before = numeric_date(json, "nbf")?;
        let issued_at = numeric_date(json, "iat")?;
        self.check_time(expires_at, not_before, issued_at, now)?;
        let audience = json.get("aud");
        self.check_audience(json, audience)?;
        let confirmation = Confirmation::read(json, &self.bindings)?;
        if is_present(json.get("act")) {
            return Err(TokenError::Delegated);
        }
        Ok(TokenLimits {
            audience,
            confirmation,
            issued_at,
            not_before,
        })
    }

    /// Returns a second of the wall clock. If a fetch begins after it and the key of a token was
    /// published when the token was issued, the fetch contains the key. It allows a minute for the
    /// issuer, and the leeway for its clock.
    pub(crate) fn published_by(&self, issued_at: i64) -> i64 {
        issued_at.saturating_add(self.leeway.saturating_add(60))
    }

    /// Checks the claims that distinguish machine tokens from user tokens.
    pub(super) fn check_machine_claims(
        &self,
        header: &JsonObject<'_>,
        json: &JsonObject<'_>,
        client_id: Option<&str>,
    ) -> Result<(), TokenError> {
        let mut rules = self.profile.machine_claims.iter();
        if rules.all(|rule| rule.matches(header, json, client_id)) {
            Ok(())
        } else {
            Err(TokenError::WrongGrantType)
        }
    }

    pub(super) fn check_time(
        &self,
        exp: i64,
        nbf: Option<i64>,
        iat: Option<i64>,
        now: i64,
    ) -> Result<(), TokenError> {
        check_times(exp, nbf, iat, now, self.leeway)?;
        if let Some(max_age) = self.max_age {
            let iat = iat.ok_or(TokenError::MissingClaim("iat"))?;
            if now >= iat.saturating_add(max_age).saturating_add(self.leeway) {
                return Err(TokenError::TooOld);
            }
        }
        Ok(())
    }

    pub(super) fn check_audience(
        &self,
        json: &JsonObject<'_>,
        aud: Option<JsonValue<'_>>,
    ) -> Result<(), TokenError> {
        let accepts = |audience: &str| {
            self.audiences
                .as_ref()
                .is_none_or(|accepted| accepted.iter().any(|ours| ours == audience))
        };
        let mut accepted = self.audiences.is_none();
        match aud {
            None if accepted => {}
            None => return Err(TokenError::MissingClaim("aud")),
            Some(JsonValue::String(audience)) => accepted |= accepts(audience),
            Some(JsonValue::Array(list)) => {
                for audience in json.items(list) {
                    let JsonValue::String(audience) = audience else {
                        return Err(TokenError::MalformedClaim("aud"));
                    };
                    accepted |= accepts(audience);
                }
            }
            Some(_) => return Err(TokenError::MalformedClaim("aud")),
        }
        if accepted {
            Ok(())
        } else {
            Err(TokenError::InvalidAudience)
        }
    }

    /// Returns the first of the profile's claims that is present. This claim must be an identifier,
    /// because no other claim may replace a malformed one. `null` is absent.
    fn client_id<'j>(&self, json: &'j JsonObject<'j>) -> Result<&'j str, TokenError> {
        let claims = &self.profile.client_id;
        let found = claims.iter().find_map(|claim| {
            let value = if claim.starts_with('/') {
                json.pointer(claim)
            } else {
                json.get(claim)
            };
            value.filter(|value| !matches!(value, JsonValue::Null))
        });
        match found {
            Some(JsonValue::String(client_id)) if is_identifier(client_id) => Ok(client_id),
            Some(_) => Err(TokenError::MalformedClaim("client id")),
            None => Err(TokenError::MissingClaim("client id")),
        }
    }

    /// Returns the first of the profile's scope claims that is present. If it is `null`, the token
    /// has no scopes, and no other claim is read. Only `scp` counts as absent if it is `null`.
    fn scopes<'j>(&self, json: &'j JsonObject<'j>) -> Result<RawScopes<'j>, TokenError> {
        let found = self.profile.scopes.iter().find_map(|pointer| {
            let value = json.pointer(pointer)?;
            let is_absent = matches!(value, JsonValue::Null) && pointer == "/scp";
            (!is_absent).then_some(value)
        });
        match found {
            None | Some(JsonValue::Null) => Ok(RawScopes::Absent),
            Some(JsonValue::String(list)) => Ok(RawScopes::String(list)),
            Some(JsonValue::Array(list)) => Ok(RawScopes::Array(list)),
            Some(_) => Err(TokenError::MalformedClaim("scope")),
        }
    }

    /// Reads the client, the organization and the token ID for an event, if they are well-formed.
    pub(crate) fn identify<'j>(&self, json: &'j JsonObject<'j>) -> TokenIdentity<'j> {
        TokenIdentity {
            client_id: self.client_id(json).ok(),
            organization: self.organization.read(json).ok().flatten(),
            jti: string_claim(json, "jti").ok().flatten(),
        }
    }
}

/// Checks the dates of a token, except its age.
pub(super) fn check_times(
    exp: i64,
    nbf: Option<i64>,
    iat: Option<i64>,
    now: i64,
    leeway: i64,
) -> Result<(), TokenError> {
    if now >= exp.saturating_add(leeway) {
        return Err(TokenError::Expired);
    }
    if nbf.is_some_and(|nbf| nbf > now.saturating_add(leeway)) {
        return Err(TokenError::NotYetValid);
    }
    if iat.is_some_and(|iat| iat > now.saturating_add(leeway)) {
        return Err(TokenError::IssuedInFuture);
    }
    Ok(())
}

/// Claims that only ID tokens, logout tokens, security events and proofs have (RFC 8725 §3.12).
pub(in crate::verifier) const NON_ACCESS_TOKEN_CLAIMS: [&str; 7] = [
    "nonce", "at_hash", "c_hash", "s_hash", "events", "htu", "htm",
];
