//! Endpoints that change the issuer while it runs. They serve a local issuer that is its own
//! process.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api_keys::ApiKey;
use super::apps::{App, SecretRotation};
use super::encoding::{hex, random};
use super::faults::{Endpoint, Fault, PlannedFault};
use super::form::{UrlEncodedForm, decode};
use super::respond::{self, not_allowed};
use super::state::{IssuerState, rotate_key, rotate_secret};

/// Responds to a request to `/admin/{path}`.
pub(super) fn answer(
    shared: &Arc<IssuerState>,
    path: &str,
    request: &Parts,
    body: &[u8],
) -> Response<Bytes> {
    // A web page in the developer's browser can reach loopback too, but always sends its origin.
    if request.headers.contains_key(header::ORIGIN) {
        return problem(
            StatusCode::FORBIDDEN,
            "web pages may not use the admin endpoints",
        );
    }
    if request.method != Method::POST {
        return not_allowed("POST");
    }
    let segments: Vec<&str> = path.split('/').collect();
    let done = match segments.as_slice() {
        ["apps"] => add_app(shared, body),
        ["apps", client_id, "rotate-secret"] => new_secret(shared, client_id, request),
        ["api-keys"] => add_api_key(shared, body),
        ["revoke"] => revoke(shared, body),
        ["rotate-key"] => rotate_key(shared).map(|kid| json!({ "kid": kid })),
        ["fault"] => fault(shared, body),
        _ => return problem(StatusCode::NOT_FOUND, "no such admin endpoint"),
    };
    match done {
        Ok(value) => respond::json(StatusCode::OK, &value),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            problem(StatusCode::NOT_FOUND, &error.to_string())
        }
        Err(error) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewApp {
    client_id: Option<String>,
    client_secret: Option<String>,
    org_code: Option<String>,
    #[serde(default)]
    audiences: Vec<String>,
    #[serde(default)]
    scopes: Vec<String>,
}

fn add_app(shared: &IssuerState, body: &[u8]) -> io::Result<Value> {
    let new: NewApp = parse(body)?;
    let client_id = new
        .client_id
        .map_or_else(|| Ok(hex(&random::<16>()?, "")), Ok::<_, io::Error>)?;
    let secret = new
        .client_secret
        .map_or_else(|| Ok(hex(&random::<24>()?, "")), Ok::<_, io::Error>)?;
    let app = match &new.org_code {
        Some(org_code) => App::org(&client_id, &secret, org_code),
        None => App::global(&client_id, &secret),
    };
    let app = new
        .audiences
        .into_iter()
        .fold(app, App::audience)
        .scopes(new.scopes);
    shared.state().apps.insert(client_id.clone(), app);
    Ok(json!({ "client_id": client_id, "client_secret": secret, "org_code": new.org_code }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewApiKey {
    org_code: Option<String>,
    user_id: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    api_ids: Vec<String>,
}

fn add_api_key(shared: &Arc<IssuerState>, body: &[u8]) -> io::Result<Value> {
    let new: NewApiKey = parse(body)?;
    let kind = match (&new.org_code, &new.user_id) {
        (_, Some(_)) => "user",
        (Some(_), None) => "organization",
        (None, None) => "environment",
    };
    let key = ApiKey::issue(shared, kind)
        .scopes(new.scopes)
        .api_ids(new.api_ids);
    let key = match &new.org_code {
        Some(org_code) => key.org(org_code),
        None => key,
    };
    let key = match &new.user_id {
        Some(user) => key.user(user),
        None => key,
    };
    Ok(json!({
        "id": key.id(),
        "api_key": key.secret(),
        "org_code": new.org_code,
        "user_id": new.user_id,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revocation {
    credential: String,
}

fn revoke(shared: &IssuerState, body: &[u8]) -> io::Result<Value> {
    let Revocation { credential } = parse(body)?;
    shared.state().credentials.revoke(&credential);
    Ok(json!({}))
}

fn new_secret(shared: &IssuerState, client_id: &str, request: &Parts) -> io::Result<Value> {
    let query = UrlEncodedForm::parse(request.uri.query().unwrap_or_default().as_bytes());
    let old = match query.as_ref().and_then(|query| query.value("overlap")) {
        Some("true") => SecretRotation::KeepOld,
        Some("false") | None => SecretRotation::RevokeOld,
        Some(_) => return Err(invalid("overlap must be true or false")),
    };
    let client_id =
        decode(client_id).ok_or_else(|| invalid("the client ID is not percent-encoded"))?;
    let secret = rotate_secret(shared, &client_id, old)?;
    Ok(json!({ "client_id": client_id, "client_secret": secret }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewFault {
    endpoint: String,
    /// If this is absent or null, the endpoint behaves correctly again.
    fault: Option<String>,
    status: Option<u16>,
    millis: Option<u64>,
    bytes: Option<usize>,
    location: Option<String>,
    code: Option<String>,
    times: Option<u32>,
}

fn fault(shared: &IssuerState, body: &[u8]) -> io::Result<Value> {
    let new: NewFault = parse(body)?;
    let endpoint = Endpoint::from_name(&new.endpoint).ok_or_else(|| invalid("no such endpoint"))?;
    let planned = match new.fault.as_deref() {
        None => None,
        Some(name) => Some(PlannedFault {
            fault: named(name, &new)?,
            times: new.times,
        }),
    };
    shared.state().endpoint_mut(endpoint).planned = planned;
    Ok(json!({ "endpoint": new.endpoint, "fault": new.fault }))
}

fn named(name: &str, with: &NewFault) -> io::Result<Fault> {
    let pause = Duration::from_millis(with.millis.unwrap_or(1_000));
    let bytes = with.bytes.unwrap_or(1 << 20);
    Ok(match name {
        "status" => {
            let status = StatusCode::from_u16(with.status.unwrap_or(500));
            Fault::status(status.map_err(|_| invalid("not an HTTP status"))?)
        }
        "kinde_error" => {
            let status = StatusCode::from_u16(with.status.unwrap_or(401));
            let status = status.map_err(|_| invalid("not an HTTP status"))?;
            Fault::kinde_error(status, with.code.as_deref().unwrap_or("ACCESS_DENIED"))
        }
        "too_many_requests" => Fault::too_many_requests(pause.as_secs()),
        "slow" => Fault::Slow(pause),
        "drip" => Fault::Drip {
            bytes: with.bytes.unwrap_or(1),
            every: pause,
        },
        "hang" => Fault::Hang,
        "stall" => Fault::Stall,
        "reset" => Fault::Reset,
        "truncated" => Fault::Truncated,
        "garbage" => Fault::Garbage,
        "html" => Fault::Html,
        "oversized" => Fault::Oversized(bytes),
        "endless" => Fault::Endless,
        "gzip_bomb" => Fault::GzipBomb(bytes),
        "empty_set" => Fault::EmptySet,
        "redirect" => Fault::Redirect(with.location.clone().unwrap_or_else(|| "/".into())),
        "wrong_content_type" => Fault::WrongContentType,
        _ => return Err(invalid("no such fault")),
    })
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> io::Result<T> {
    serde_json::from_slice(body).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

fn problem(status: StatusCode, why: &str) -> Response<Bytes> {
    respond::json(status, &json!({ "error": why }))
}
