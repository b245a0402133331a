//! `POST /oauth2/token`: the client-credentials grant (RFC 6749 §4.4).

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use serde_json::json;

use super::apps::App;
use super::client_authentication::{authenticate, parse_form};
use super::credentials::ManagementToken;
use super::documents;
use super::form::UrlEncodedForm;
use super::oauth_error::OAuthError;
use super::profile::Profile;
use super::respond::{self, uncached};
use super::state::IssuerState;
use crate::clock::seconds;

/// Issues a token or returns an error response.
pub(super) fn answer(shared: &IssuerState, headers: &HeaderMap, body: &[u8]) -> Response<Bytes> {
    let answer = issue(shared, headers, body).unwrap_or_else(OAuthError::response);
    uncached(answer)
}

fn issue(
    shared: &IssuerState,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response<Bytes>, OAuthError> {
    let form = parse_form(
        headers,
        body,
        &["grant_type", "client_id", "client_secret", "scope"],
    )?;
    match form.value("grant_type") {
        Some("client_credentials") => {}
        Some(_) => return Err(OAuthError::UnsupportedGrantType),
        None => return Err(OAuthError::InvalidRequest("grant_type is missing")),
    }
    let app = authenticate(shared, headers, &form)?;
    let audiences = audiences(shared, &app, &form)?;
    let requested: Vec<&str> = form
        .value("scope")
        .into_iter()
        .flat_map(str::split_whitespace)
        .collect();
    let granted = scopes(&app, &requested)?;

    let is_for_management = audiences.contains(&documents::management_audience(shared));
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
    if is_for_management {
        let now = shared.clock.unix_seconds();
        let mut state = shared.state();
        let management = ManagementToken {
            expires_at: now.saturating_add(seconds(lifetime)),
            scopes: granted.iter().map(ToString::to_string).collect(),
        };
        state
            .credentials
            .add_management_token(token.clone(), management, now);
    }
    let answer = json!({
        "access_token": token,
        "expires_in": seconds(lifetime),
        "scope": granted.join(" "),
        "token_type": "bearer",
    });
    Ok(respond::json(StatusCode::OK, &answer))
}

/// Returns the audiences: from `audience` as at Kinde, or from `resource` (RFC 8707). If a request
/// names none, Kinde's tokens have an empty audience (`aud: []`), and RFC 9068 §3 requires a
/// default.
fn audiences(
    shared: &IssuerState,
    app: &App,
    form: &UrlEncodedForm,
) -> Result<Vec<String>, OAuthError> {
    let audience = form.values("audience").flat_map(str::split_whitespace);
    let requested: Vec<String> = audience
        .chain(form.values("resource"))
        .map(str::to_owned)
        .collect();
    if !requested
        .iter()
        .all(|audience| app.audiences().contains(audience))
    {
        return Err(OAuthError::UnauthorizedClient);
    }
    if requested.is_empty() && shared.profile == Profile::Rfc9068 {
        return Ok(app.audiences().to_vec());
    }
    Ok(requested)
}

/// Returns the requested scopes, or all enabled ones if the request names none.
fn scopes<'a>(app: &'a App, requested: &[&'a str]) -> Result<Vec<&'a str>, OAuthError> {
    let enabled: Vec<&str> = app.enabled_scopes().iter().map(String::as_str).collect();
    if requested.is_empty() {
        return Ok(enabled);
    }
    let all_enabled = requested.iter().all(|scope| enabled.contains(scope));
    all_enabled
        .then(|| requested.to_vec())
        .ok_or(OAuthError::InvalidScope)
}
