//! The introspection endpoint (RFC 7662 §2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Method, StatusCode};
use tokio::time::Instant;

use super::endpoint::IntrospectionEndpoint;
use super::error::{IntrospectionError, IntrospectionFailure};
use super::outage::PauseGate;
use super::outcome::{ActiveResponse, CredentialStatus, OpaqueCredential};
use super::request::{IssuerClient, IssuerRequest, status_failure};
use super::response::{IntrospectionResponse, parse_rfc7662};
use super::rfc7662::{ClientAuthentication, MissingTokenType};
use crate::http_client::{encode_form, form_urlencoded};

/// One issuer's introspection endpoint.
#[derive(Debug)]
pub(crate) struct TokenIntrospection {
    pub(super) client: IssuerClient,
    pub(super) endpoint: IntrospectionEndpoint,
    pub(super) authentication: Option<ClientAuthentication>,
    pub(super) max_values: u32,
    pub(super) missing_token_type: MissingTokenType,
}

impl TokenIntrospection {
    /// Queries the issuer about a token once.
    pub(super) async fn fetch(
        &self,
        token: &str,
        deadline: Instant,
        gate: PauseGate<'_>,
    ) -> Result<CredentialStatus, IntrospectionFailure> {
        let url = self.endpoint.url(&self.client, deadline).await?;
        gate.check()?;
        let mut fields = vec![("token", token), ("token_type_hint", "access_token")];
        let mut authorization = None;
        match &self.authentication {
            None => {}
            Some(ClientAuthentication::Basic(client)) => {
                authorization = basic(&client.client_id, &client.secret);
            }
            Some(ClientAuthentication::Body(client)) => {
                fields.push(("client_id", &client.client_id));
                fields.push(("client_secret", &client.secret));
            }
        }
        let form = encode_form(&fields).into_bytes();
        let request = IssuerRequest {
            method: Method::POST,
            url: &url,
            authorization: authorization.as_ref(),
            body: Some(("application/x-www-form-urlencoded", form)),
        };
        let response = self.client.send(request, deadline).await?;
        if response.status() != StatusCode::OK {
            return Err(status_failure(response.status(), response.headers()));
        }
        let body = response.into_body();
        match parse_rfc7662(&body, self.max_values) {
            Ok(IntrospectionResponse::Active(_)) => {}
            Ok(IntrospectionResponse::Inactive) => return Ok(CredentialStatus::Inactive),
            Err(_) => return Err(IntrospectionError::InvalidResponse.into()),
        }
        Ok(CredentialStatus::Active(ActiveResponse {
            body,
            credential: OpaqueCredential::AccessToken,
        }))
    }
}

/// Basic authentication of OAuth: both parts are form-urlencoded first (RFC 6749 §2.3.1).
fn basic(client_id: &str, secret: &str) -> Option<HeaderValue> {
    let pair = format!("{}:{}", form_urlencoded(client_id), form_urlencoded(secret));
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}
