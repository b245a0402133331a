//! `POST /oauth2/token`: the client-credentials grant (RFC 6749 §4.4).

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::json;

use super::apps::App;
use super::documents::BASIC_CHALLENGE;
use super::form::{UrlEncodedForm, basic};
use super::profile::Profile;
use super::respond;
use super::state::IssuerState;
use crate::clock::seconds;

/// Issues a token or returns an error response.
pub(super) fn answer(shared: &IssuerState, headers: &HeaderMap, body: &[u8]) -> Response<Bytes> {
    let answer = issue(shared, headers, body).unwrap_or_else(TokenEndpointError::response);
    uncached(answer)
}

fn issue(
    shared: &IssuerState,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response<Bytes>, TokenEndpointError> {
    let form = form(headers, body)?;
    match form.value("grant_type") {
        Some("client_credentials") => {}
        Some(_) => return Err(TokenEndpointError::UnsupportedGrantType),
        None => return Err(TokenEndpointError::InvalidRequest("grant_type is missing")),
    }
    let app = authenticate(shared, headers, &form)?;
    let audiences = audiences(shared, &app, &form)?;
    let requested: Vec<&str> = form
        .value("scope")
        .into_iter()
        .flat_map(str::split_whitespace)
        .collect();
    let granted = scopes(&app, &requested)?;

    let lifetime = app.lifetime().unwrap_or(shared.lifetime);
    let token = shared
        .machine_token(lifetime)
        .audiences(audiences)
        .scopes(granted.iter().copied());
    let token = match shared.profile {
        // Kinde's `scp` contains the requested scopes, `scope` the granted ones.
        Profile::Kinde => token.claim("scp", requested),
        Profile::Rfc9068 => token,
    };
    let token = app.stamp(token).token();
    let answer = json!({
        "access_token": token,
        "expires_in": seconds(lifetime),
        "scope": granted.join(" "),
        "token_type": "bearer",
    });
    Ok(respond::json(StatusCode::OK, &answer))
}

fn form(headers: &HeaderMap, body: &[u8]) -> Result<UrlEncodedForm, TokenEndpointError> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(TokenEndpointError::InvalidRequest(
            "the body must be application/x-www-form-urlencoded",
        ));
    }
    let form = UrlEncodedForm::parse(body)
        .ok_or(TokenEndpointError::InvalidRequest("the body is not a form"))?;
    let once = ["grant_type", "client_id", "client_secret", "scope"];
    if once.into_iter().any(|name| form.repeats(name)) {
        return Err(TokenEndpointError::InvalidRequest(
            "a parameter is repeated",
        ));
    }
    Ok(form)
}

fn authenticate(
    shared: &IssuerState,
    headers: &HeaderMap,
    form: &UrlEncodedForm,
) -> Result<App, TokenEndpointError> {
    let in_form = form.value("client_id").zip(form.value("client_secret"));
    let (authorization, refused) = match headers.get(header::AUTHORIZATION) {
        Some(value) => (
            Some(value.to_str().unwrap_or_default()),
            TokenEndpointError::InvalidClient(AuthMethod::Basic),
        ),
        None => (None, TokenEndpointError::InvalidClient(AuthMethod::Body)),
    };
    let (id, secret) = match (authorization, in_form) {
        (Some(_), Some(_)) => {
            return Err(TokenEndpointError::InvalidRequest(
                "more than one client authentication",
            ));
        }
        (Some(authorization), None) => basic(authorization).ok_or(refused)?,
        (None, Some((id, secret))) => (id.to_owned(), secret.to_owned()),
        (None, None) => return Err(refused),
    };
    let state = shared.state();
    let app = state.apps.get(&id).filter(|app| app.knows(&secret));
    app.cloned().ok_or(refused)
}

/// Returns the audiences: from `audience` as at Kinde, or from `resource` (RFC 8707). If a request
/// names none, Kinde's tokens have an empty audience (`aud: []`), and RFC 9068 §3 requires a
/// default.
fn audiences(
    shared: &IssuerState,
    app: &App,
    form: &UrlEncodedForm,
) -> Result<Vec<String>, TokenEndpointError> {
    let audience = form.values("audience").flat_map(str::split_whitespace);
    let requested: Vec<String> = audience
        .chain(form.values("resource"))
        .map(str::to_owned)
        .collect();
    if !requested
        .iter()
        .all(|audience| app.audiences().contains(audience))
    {
        return Err(TokenEndpointError::UnauthorizedClient);
    }
    if requested.is_empty() && shared.profile == Profile::Rfc9068 {
        return Ok(app.audiences().to_vec());
    }
    Ok(requested)
}

/// Returns the requested scopes, or all enabled ones if the request names none.
fn scopes<'a>(app: &'a App, requested: &[&'a str]) -> Result<Vec<&'a str>, TokenEndpointError> {
    let enabled: Vec<&str> = app.enabled_scopes().iter().map(String::as_str).collect();
    if requested.is_empty() {
        return Ok(enabled);
    }
    let all_enabled = requested.iter().all(|scope| enabled.contains(scope));
    all_enabled
        .then(|| requested.to_vec())
        .ok_or(TokenEndpointError::InvalidScope)
}

/// The error responses of RFC 6749 §5.2.
#[derive(Clone, Copy)]
enum TokenEndpointError {
    InvalidRequest(&'static str),
    InvalidClient(AuthMethod),
    UnauthorizedClient,
    InvalidScope,
    UnsupportedGrantType,
}

/// The method that the client used to authenticate.
#[derive(Clone, Copy, PartialEq)]
enum AuthMethod {
    Basic,
    Body,
}

impl TokenEndpointError {
    fn response(self) -> Response<Bytes> {
        let (status, error, description) = match self {
            Self::InvalidRequest(why) => (StatusCode::BAD_REQUEST, "invalid_request", why),
            Self::InvalidClient(_) => (
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                "client authentication failed",
            ),
            Self::UnauthorizedClient => (
                StatusCode::BAD_REQUEST,
                "unauthorized_client",
                "the app is not authorized for this audience",
            ),
            Self::InvalidScope => (
                StatusCode::BAD_REQUEST,
                "invalid_scope",
                "a requested scope is not enabled",
            ),
            Self::UnsupportedGrantType => (
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                "only client_credentials is supported",
            ),
        };
        let mut response = respond::json(
            status,
            &json!({ "error": error, "error_description": description }),
        );
        if let Self::InvalidClient(AuthMethod::Basic) = self {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, BASIC_CHALLENGE);
        }
        response
    }
}

/// Forbids caching (RFC 6749 §5.1).
fn uncached(mut response: Response<Bytes>) -> Response<Bytes> {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
