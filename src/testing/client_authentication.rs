//! How an app authenticates at the token endpoint and at the introspection endpoint.

use http::{HeaderMap, header};

use super::apps::App;
use super::form::{UrlEncodedForm, basic};
use super::oauth_error::{AuthMethod, OAuthError};
use super::state::IssuerState;

/// Parses a form body. The parameters in `once` must not be repeated (RFC 6749 §3.2).
pub(super) fn parse_form(
    headers: &HeaderMap,
    body: &[u8],
    once: &[&str],
) -> Result<UrlEncodedForm, OAuthError> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(OAuthError::InvalidRequest(
            "the body must be application/x-www-form-urlencoded",
        ));
    }
    let form =
        UrlEncodedForm::parse(body).ok_or(OAuthError::InvalidRequest("the body is not a form"))?;
    if once.iter().any(|name| form.repeats(name)) {
        return Err(OAuthError::InvalidRequest("a parameter is repeated"));
    }
    Ok(form)
}

/// Returns the app that sent a request, by HTTP Basic or in the body, never both (RFC 6749 §2.3).
pub(super) fn authenticate(
    shared: &IssuerState,
    headers: &HeaderMap,
    form: &UrlEncodedForm,
) -> Result<App, OAuthError> {
    let in_form = form.value("client_id").zip(form.value("client_secret"));
    let (authorization, refused) = match headers.get(header::AUTHORIZATION) {
        Some(value) => (
            Some(value.to_str().unwrap_or_default()),
            OAuthError::InvalidClient(AuthMethod::Basic),
        ),
        None => (None, OAuthError::InvalidClient(AuthMethod::Body)),
    };
    let (id, secret) = match (authorization, in_form) {
        (Some(_), Some(_)) => {
            return Err(OAuthError::InvalidRequest(
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
