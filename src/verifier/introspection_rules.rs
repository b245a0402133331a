//! What the response about an opaque credential must satisfy (RFC 7662 §2.2), with the same readers
//! and rules as the claims of a JWT.

use std::sync::Arc;

use super::claim::{numeric_date, string_claim};
use super::organization::{OrganizationClaim, OrganizationForm};
use super::rejected_response::found_in_response;
use super::rules::Rules;
use super::validated::{Provenance, RawScopes, UseLimit, ValidatedClaims};
use crate::introspection::{
    Accept, AcceptedCredential, ActiveResponse, KeyApi, KeyOwner, MissingTokenType,
    OpaqueCredential, RejectedClaims, UseWindow,
};
use crate::token::{
    ApiBinding, BindingMethod, CredentialFacts, CredentialHolder, CredentialKind, CredentialProof,
    IntrospectedCredential, JsonObject, JsonValue, TokenError, is_identifier,
};

/// The rules of one issuer for active responses.
pub(super) struct ResponseRules {
    pub(super) rules: Arc<Rules>,
    pub(super) issuer: Arc<str>,
    pub(super) verifier: u64,
    pub(super) max_values: u32,
    pub(super) missing_token_type: MissingTokenType,
}

impl ResponseRules {
    pub(super) fn into_accept(self) -> Box<Accept> {
        Box::new(move |response, window| {
            let json = JsonObject::parse_bounded(&response.body, self.max_values)
                .map_err(TokenError::InvalidClaimsSet)?;
            self.accept(response, &json, window)
                .map_err(|error| RejectedClaims {
                    error,
                    found: found_in_response(&json, error),
                })
        })
    }

    fn accept(
        &self,
        response: &ActiveResponse,
        json: &JsonObject<'_>,
        window: UseWindow,
    ) -> Result<AcceptedCredential, TokenError> {
        let rules = &self.rules;
        let (checked, credential) = match response.credential {
            OpaqueCredential::AccessToken => (
                rules.check_introspection(
                    json,
                    &self.issuer,
                    self.missing_token_type,
                    window.now,
                )?,
                CredentialFacts {
                    kind: CredentialKind::OpaqueToken,
                    ..CredentialFacts::JWT
                },
            ),
            OpaqueCredential::ApiKey { owner, api } => (
                check_api_key(json, owner)?,
                CredentialFacts {
                    kind: CredentialKind::ApiKey,
                    holder: match owner {
                        KeyOwner::User => CredentialHolder::User,
                        KeyOwner::Organization | KeyOwner::Environment => CredentialHolder::Machine,
                    },
                    api: match api {
                        KeyApi::Checked => ApiBinding::Checked,
                        KeyApi::Unchecked => ApiBinding::Unchecked,
                    },
                },
            ),
        };
        // The response is not used again after the token's `exp` (RFC 7662 §4). Within the leeway,
        // a new response can still say that the token is active: it is used for its own request.
        let with_leeway = rules.validity_period(&checked).end;
        let end = with_leeway.min(checked.expires_at);
        let valid_until = if window.now < end { end } else { with_leeway };
        let provenance = Provenance {
            verifier: self.verifier,
            issuer: &self.issuer,
            credential,
            proof: CredentialProof::Introspection(IntrospectedCredential {
                digest: window.digest.0,
                expires_at: end,
            }),
            limit: UseLimit {
                fresh_until: window.fresh_until,
                stale_until: window.stale_until.min(valid_until),
            },
        };
        let claims = rules.build_claims(&checked, &provenance, json, &response.body)?;
        Ok(AcceptedCredential {
            claims,
            expires_at: (end < i64::MAX).then_some(end),
        })
    }
}

impl Rules {
    /// Checks the response of an introspection endpoint about an active token.
    fn check_introspection<'j>(
        &self,
        json: &'j JsonObject<'j>,
        issuer: &str,
        missing_token_type: MissingTokenType,
        now: i64,
    ) -> Result<ValidatedClaims<'j>, TokenError> {
        match json.get("iss") {
            None | Some(JsonValue::Null) => {}
            Some(JsonValue::String(iss)) if iss == issuer => {}
            Some(_) => return Err(TokenError::UntrustedIssuer),
        }
        Self::check_kind(json)?;
        check_token_type(json, missing_token_type, &self.bindings)?;
        let expires_at = numeric_date(json, "exp")?.unwrap_or(i64::MAX);
        let limits = self.check_limits(json, expires_at, now)?;
        let client_id = client_id(json, "client_id");
        // An opaque token has no header, so no rule about a header matches.
        let header = JsonObject::parse(b"{}").map_err(TokenError::InvalidClaimsSet)?;
        self.check_machine_claims(&header, json, client_id.ok())?;
        Ok(ValidatedClaims {
            client_id: client_id?,
            subject: string_claim(json, "sub")?,
            org_code: self.organization.read(json)?,
            scopes: match json.get("scope") {
                None | Some(JsonValue::Null) => RawScopes::Absent,
                Some(JsonValue::String(list)) => RawScopes::String(list),
                Some(_) => return Err(TokenError::MalformedClaim("scope")),
            },
            audience: limits.audience,
            confirmation: limits.confirmation,
            jti: string_claim(json, "jti")?,
            expires_at,
            issued_at: limits.issued_at,
            not_before: limits.not_before,
        })
    }
}

/// Checks that an active token is an access token: refresh tokens are active too. `token_use` and
/// `token_type` are both checked, because some issuers report `token_type: "Bearer"` for refresh
/// tokens.
fn check_token_type(
    json: &JsonObject<'_>,
    missing_token_type: MissingTokenType,
    bindings: &[BindingMethod],
) -> Result<(), TokenError> {
    let token_use = match json.get("token_use") {
        None | Some(JsonValue::Null) => None,
        Some(JsonValue::String("access_token")) => Some(()),
        Some(_) => return Err(TokenError::InvalidType),
    };
    let token_type = match json.get("token_type") {
        None | Some(JsonValue::Null) => None,
        Some(JsonValue::String(kind)) if kind.eq_ignore_ascii_case("Bearer") => Some(()),
        // A token that is bound to a key cannot be used as a bearer token (RFC 9449 §7.2).
        Some(JsonValue::String(kind)) if kind.eq_ignore_ascii_case("DPoP") => {
            let is_bound = matches!(json.pointer("/cnf/jkt"), Some(JsonValue::String(_)));
            if !is_bound || !bindings.contains(&BindingMethod::Key) {
                return Err(TokenError::SenderConstrained);
            }
            Some(())
        }
        Some(_) => return Err(TokenError::InvalidType),
    };
    match token_use.or(token_type) {
        None if missing_token_type == MissingTokenType::Rejected => Err(TokenError::InvalidType),
        _ => Ok(()),
    }
}

/// Reads the response about an API key of Kinde.
fn check_api_key<'j>(
    json: &'j JsonObject<'j>,
    owner: KeyOwner,
) -> Result<ValidatedClaims<'j>, TokenError> {
    // No method is defined that proves the possession of anything with an API key.
    if !matches!(json.get("cnf"), None | Some(JsonValue::Null)) {
        return Err(TokenError::SenderConstrained);
    }
    let organization = OrganizationClaim {
        pointer: "/org_code".into(),
        form: OrganizationForm::Value,
        may_be_absent_in: Vec::new(),
    };
    let org_code = match json.get("org_code") {
        Some(JsonValue::Null) => None,
        _ => Some(
            organization
                .read(json)?
                .ok_or(TokenError::InvalidOrganization)?,
        ),
    };
    let is_consistent = match owner {
        KeyOwner::Organization => org_code.is_some(),
        KeyOwner::User => true,
        KeyOwner::Environment => org_code.is_none(),
    };
    if !is_consistent {
        return Err(TokenError::InvalidOrganization);
    }
    Ok(ValidatedClaims {
        client_id: client_id(json, "key_id")?,
        subject: match json.get("user_id") {
            None | Some(JsonValue::Null) => None,
            Some(JsonValue::String(user)) if is_identifier(user) => Some(user),
            Some(_) => return Err(TokenError::MalformedClaim("sub")),
        },
        org_code,
        scopes: match json.get("scopes") {
            None | Some(JsonValue::Null) => RawScopes::Absent,
            Some(JsonValue::Array(list)) => RawScopes::Array(list),
            Some(_) => return Err(TokenError::MalformedClaim("scope")),
        },
        audience: None,
        confirmation: None,
        jti: None,
        expires_at: i64::MAX,
        issued_at: None,
        not_before: None,
    })
}

fn client_id<'j>(json: &'j JsonObject<'_>, name: &str) -> Result<&'j str, TokenError> {
    match json.get(name) {
        Some(JsonValue::String(client_id)) if is_identifier(client_id) => Ok(client_id),
        None | Some(JsonValue::Null) => Err(TokenError::MissingClaim("client id")),
        Some(_) => Err(TokenError::MalformedClaim("client id")),
    }
}
