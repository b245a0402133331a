//! `m2m token`: a token of the local issuer, or of a real one.

use std::env;
use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use serde_json::{Value, json};
use tower_m2m::testing::assertions::TestResponse;

use crate::arguments::TokenOptions;
use crate::client::{TargetUrl, send};
use crate::exit::{Exit, Failure};
use crate::input;
use crate::output;

const LIMIT: Duration = Duration::from_secs(10);

pub(crate) async fn run(options: &TokenOptions) -> Result<Exit, Failure> {
    let issuer = options.issuer.trim_end_matches('/');
    let target = TargetUrl::parse(issuer)
        .map_err(|error| Failure::usage(format!("--issuer {issuer}: {error}")))?;
    let names_app = options.global || options.org.is_some();
    let client_id = match &options.client_id {
        Some(client_id) => Some(client_id.clone()),
        None if names_app => None,
        None => env::var("M2M_CLIENT_ID").ok().filter(|id| !id.is_empty()),
    };
    let (client_id, secret) = match client_id {
        Some(client_id) => (client_id, input::client_secret()?),
        None if target.is_loopback() => new_app(issuer, options).await?,
        None => {
            return Err(Failure::usage(
                "a real issuer requires --client-id or M2M_CLIENT_ID: --org and --global create applications at a local issuer only",
            ));
        }
    };
    if !target.is_secure() && !target.is_loopback() {
        return Err(Failure::usage(
            "the secret is sent only over https: http is allowed for loopback",
        ));
    }
    let endpoint = token_endpoint(issuer).await?;
    let same_security = TargetUrl::parse(&endpoint)
        .is_ok_and(|endpoint| endpoint.is_secure() || endpoint.is_loopback());
    if !same_security {
        return Err(Failure::undecided(
            "the metadata names a token endpoint without https",
        ));
    }
    let form = encoded_form(&[
        ("grant_type", "client_credentials"),
        ("client_id", &client_id),
        ("client_secret", &secret),
        ("audience", &options.audience),
        ("scope", &options.scope.join(" ")),
    ]);
    let response = post(&endpoint, "application/x-www-form-urlencoded", form).await?;
    let body = response.json().unwrap_or_default();
    match (
        response.status(),
        body.get("access_token").and_then(Value::as_str),
    ) {
        (200, Some(token)) => {
            output::print(&format!("{token}\n"));
            Ok(Exit::Accepted)
        }
        (status @ 400..=499, _) => {
            let code = body
                .get("error")
                .and_then(Value::as_str)
                .unwrap_or("no error code");
            let code: String = code.escape_debug().take(64).collect();
            Err(Failure::rejected(format!(
                "the issuer rejected the request with {status}: {code}"
            )))
        }
        (status, _) => Err(Failure::undecided(format!(
            "the token endpoint responded with {status} and without a token"
        ))),
    }
}

/// Registers an application at a local issuer.
async fn new_app(issuer: &str, options: &TokenOptions) -> Result<(String, String), Failure> {
    let org = if options.global {
        None
    } else {
        Some(options.org.as_deref().unwrap_or("org_a"))
    };
    let app = json!({ "org_code": org, "audiences": [options.audience], "scopes": options.scope });
    let url = format!("{issuer}/admin/apps");
    let response = post(&url, "application/json", app.to_string()).await?;
    let body = response.json().unwrap_or_default();
    let member = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    match (member("client_id"), member("client_secret")) {
        (Some(id), Some(secret)) if response.status() == 200 => Ok((id, secret)),
        _ => Err(Failure::undecided(format!(
            "{issuer} is not a local issuer (`m2m issuer`): it responded to /admin/apps with {}",
            response.status()
        ))),
    }
}

/// Returns the token endpoint that the issuer's metadata names.
async fn token_endpoint(issuer: &str) -> Result<String, Failure> {
    let url = format!("{issuer}/.well-known/openid-configuration");
    let response = call(&url, Request::get("/"), Bytes::new()).await?;
    let metadata = response.json().unwrap_or_default();
    let endpoint = metadata.get("token_endpoint").and_then(Value::as_str);
    endpoint.map(str::to_owned).ok_or_else(|| {
        Failure::undecided(format!(
            "{url} responded with {} and names no token endpoint",
            response.status()
        ))
    })
}

async fn post(url: &str, kind: &str, body: String) -> Result<TestResponse, Failure> {
    let request = Request::post("/").header(header::CONTENT_TYPE, kind);
    call(url, request, body.into()).await
}

async fn call(
    url: &str,
    request: http::request::Builder,
    body: Bytes,
) -> Result<TestResponse, Failure> {
    let failed = |why: String| Failure::undecided(format!("{url}: {why}"));
    let target = TargetUrl::parse(url).map_err(failed)?;
    let request = request
        .uri(target.path())
        .header(header::ACCEPT, "application/json")
        .body(body);
    let request = request.map_err(|error| failed(error.to_string()))?;
    send(&target, request, LIMIT)
        .await
        .map_err(|error| failed(error.to_string()))
}

/// Encodes parameters as `application/x-www-form-urlencoded`, without empty ones.
fn encoded_form(parameters: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                text.push(byte.into());
            } else {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}
