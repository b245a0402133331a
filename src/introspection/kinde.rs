//! Kinde's API keys: whether a key is valid, whose it is, and which API it belongs to.

use http::{HeaderValue, Method, Response, StatusCode};
use tokio::time::Instant;

use super::api_keys::UserKeys;
use super::canary::{Canary, ErrorResponse, UnknownKeyResponse};
use super::error::{IntrospectionError, IntrospectionFailure};
use super::outage::PauseGate;
use super::outcome::{ActiveResponse, CredentialStatus, KeyApi, KeyOwner, OpaqueCredential};
use super::request::{IssuerClient, IssuerRequest, status_failure};
use super::response::{
    IntrospectionResponse, KeyKind, VerifiedKey, parse_kinde_key, parse_kinde_verify,
};
use crate::http_client::{AccessTokenError, AccessTokens, MIN_TOKEN_AGE};
use crate::token::TokenError;

/// A key that Kinde never issued: it has the form of a key.
const CANARY_KEY: &str = "k_live_000000000000000000000000000000000000";

/// What the requests of one flight share.
#[derive(Clone, Copy)]
struct RequestContext<'f> {
    authorization: Option<&'f HeaderValue>,
    deadline: Instant,
    gate: PauseGate<'f>,
}

/// Kinde's API, as one business's keys are verified with it.
#[derive(Debug)]
pub(crate) struct KindeApi {
    pub(super) client: IssuerClient,
    /// Where the API is: `https://acme.kinde.com`.
    pub(super) base: String,
    pub(super) tokens: Option<AccessTokens>,
    pub(super) api_id: Option<String>,
    pub(super) user_keys: UserKeys,
    pub(super) canary: Canary,
    pub(super) max_values: u32,
}

impl KindeApi {
    /// Verifies a key once. With an `api_id`, it also reads the key.
    pub(super) async fn fetch(
        &self,
        key: &str,
        deadline: Instant,
        gate: PauseGate<'_>,
    ) -> Result<CredentialStatus, IntrospectionFailure> {
        let authorization = self.authorization(deadline).await?;
        let context = RequestContext {
            authorization: authorization.as_ref(),
            deadline,
            gate,
        };
        let sent_at = Instant::now();
        let response = self.verify(key, context).await?;
        if response.status() != StatusCode::OK {
            return self.error(&response, context).await;
        }
        let body = response.into_body();
        let parsed = parse_kinde_verify(&body, self.max_values)
            .map_err(|_| IntrospectionError::InvalidResponse)?;
        self.canary.record_verified(context.authorization, sent_at);
        let key = match parsed {
            IntrospectionResponse::Active(key) => key,
            IntrospectionResponse::Inactive => return Ok(CredentialStatus::Inactive),
        };
        let (kind, api) = match &self.api_id {
            None => (key.kind(), KeyApi::Unchecked),
            Some(api_id) => {
                // The ID is a claim, so a malformed one is the fault of the key (401).
                let Some(key_id) = key.key_id().filter(|id| is_path_segment(id)) else {
                    let malformed = TokenError::MalformedClaim("client id");
                    return Ok(CredentialStatus::Rejected(malformed));
                };
                let url = format!("{}/api/v1/api_keys/{key_id}", self.base);
                let kind = self.key_kind(&key, &url, api_id, context);
                match kind.await? {
                    IntrospectionResponse::Active(kind) => (kind, KeyApi::Checked),
                    IntrospectionResponse::Inactive => return Ok(CredentialStatus::Inactive),
                }
            }
        };
        let owner = match kind {
            KeyKind::Organization => KeyOwner::Organization,
            KeyKind::Environment => KeyOwner::Environment,
            KeyKind::User | KeyKind::OrganizationOrUser => KeyOwner::User,
        };
        if owner == KeyOwner::User && self.user_keys == UserKeys::Rejected {
            return Ok(CredentialStatus::Rejected(TokenError::WrongGrantType));
        }
        drop(key);
        Ok(CredentialStatus::Active(ActiveResponse {
            body,
            credential: OpaqueCredential::ApiKey { owner, api },
        }))
    }

    /// Finds out how an unknown key is reported.
    pub(super) async fn learn_unknown_key(
        &self,
        deadline: Instant,
    ) -> Result<UnknownKeyResponse, IntrospectionFailure> {
        let authorization = self.authorization(deadline).await?;
        let context = RequestContext {
            authorization: authorization.as_ref(),
            deadline,
            gate: PauseGate::OPEN,
        };
        let probe = self.probe(context);
        self.canary.response(context.authorization, probe).await
    }

    /// Reads the key, which says whose it is and which APIs it belongs to.
    async fn key_kind(
        &self,
        key: &VerifiedKey<'_>,
        url: &str,
        api_id: &str,
        context: RequestContext<'_>,
    ) -> Result<IntrospectionResponse<KeyKind>, IntrospectionFailure> {
        let request = IssuerRequest {
            method: Method::GET,
            url,
            authorization: context.authorization,
            body: None,
        };
        context.gate.check()?;
        let response = self.client.send(request, context.deadline).await?;
        if response.status() != StatusCode::OK {
            if ErrorResponse::new(&response).is_about_credentials() {
                self.replace_token(context);
            }
            return Err(status_failure(response.status(), response.headers()));
        }
        parse_kinde_key(response.body(), key, api_id, self.max_values)
            .map_err(|_| IntrospectionError::InvalidResponse.into())
    }

    async fn authorization(
        &self,
        deadline: Instant,
    ) -> Result<Option<HeaderValue>, IntrospectionFailure> {
        let Some(tokens) = &self.tokens else {
            return Ok(None);
        };
        match tokens.authorization(deadline).await {
            Ok(authorization) => Ok(Some(authorization)),
            Err(AccessTokenError::Http(error)) => Err(error.into()),
            Err(AccessTokenError::Rejected) => Err(IntrospectionError::CredentialsRejected.into()),
            Err(AccessTokenError::Status(status, headers)) => Err(status_failure(status, &headers)),
            Err(AccessTokenError::Malformed) => Err(IntrospectionError::InvalidResponse.into()),
        }
    }

    async fn verify(
        &self,
        key: &str,
        context: RequestContext<'_>,
    ) -> Result<Response<Vec<u8>>, IntrospectionFailure> {
        let body = serde_json::json!({ "api_key": key }).to_string();
        let request = IssuerRequest {
            method: Method::POST,
            url: &format!("{}/api/v1/api_keys/verify", self.base),
            authorization: context.authorization,
            body: Some(("application/json", body.into_bytes())),
        };
        context.gate.check()?;
        self.client.send(request, context.deadline).await
    }

    /// Returns what an error means: an unknown key if and only if the canary request got the same
    /// one. A 401 or 403 can also mean that the access token is invalid or lacks the scope, so the
    /// endpoint must have verified a key with it.
    async fn error(
        &self,
        response: &Response<Vec<u8>>,
        context: RequestContext<'_>,
    ) -> Result<CredentialStatus, IntrospectionFailure> {
        let (status, token) = (response.status(), context.authorization);
        let mut failure = status_failure(status, response.headers());
        if !is_error_about_request(status) {
            return Err(failure);
        }
        let error = ErrorResponse::new(response);
        let learned = self.canary.response(token, self.probe(context)).await;
        match learned {
            Ok(_) if self.canary.is_unknown_key(&error, token) => {
                return Ok(CredentialStatus::Inactive);
            }
            Ok(_) => {}
            Err(canary) => failure.retry_after = failure.retry_after.max(canary.retry_after),
        }
        if error.is_about_credentials() {
            self.replace_token(context);
        }
        Err(failure)
    }

    /// Lets the next request fetch an access token, because Kinde may have rejected this one. The
    /// token is kept while it is new, so keys that Kinde does not know cost few tokens.
    fn replace_token(&self, context: RequestContext<'_>) {
        if let (Some(tokens), Some(token)) = (&self.tokens, context.authorization) {
            tokens.invalidate_older(token, MIN_TOKEN_AGE);
        }
    }

    /// The canary request. If it gets 401 or 403, a second one with an invalid access token shows
    /// how rejected credentials are reported.
    async fn probe(
        &self,
        context: RequestContext<'_>,
    ) -> Result<UnknownKeyResponse, IntrospectionFailure> {
        let response = self.verify(CANARY_KEY, context).await?;
        let status = response.status();
        if status == StatusCode::OK {
            return Ok(UnknownKeyResponse::Ok);
        }
        if !is_error_about_request(status) {
            return Err(status_failure(status, response.headers()));
        }
        let unknown = ErrorResponse::new(&response);
        if !unknown.is_about_credentials() {
            return Ok(UnknownKeyResponse::Error(unknown));
        }
        if context.authorization.is_none() {
            return Ok(UnknownKeyResponse::Indistinguishable);
        }
        let invalid = HeaderValue::from_static("Bearer invalid");
        let with_invalid = RequestContext {
            authorization: Some(&invalid),
            ..context
        };
        let response = self.verify(CANARY_KEY, with_invalid).await?;
        let status = response.status();
        if !is_error_about_request(status) && status != StatusCode::OK {
            return Err(status_failure(status, response.headers()));
        }
        Ok(if ErrorResponse::new(&response) == unknown {
            UnknownKeyResponse::Indistinguishable
        } else {
            UnknownKeyResponse::Error(unknown)
        })
    }
}

/// Returns `true` for a status that says something about the request: 4xx without 429.
fn is_error_about_request(status: StatusCode) -> bool {
    status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS
}

/// Returns `true` if a key's ID can stand in a URL as it is.
fn is_path_segment(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=256).contains(&id.len()) && id.bytes().all(is_plain)
}
