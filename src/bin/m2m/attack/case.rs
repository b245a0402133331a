//! One attack: a request, and how the response to it is assessed.

use bytes::Bytes;
use http::{HeaderMap, Request, header};
use tower_m2m::testing::assertions::TestResponse;

use super::report::{Group, Outcome};

/// What a response shows, and why if it is not what was expected.
pub(super) type Assessed = (Outcome, Option<String>);

pub(super) struct Case<'a> {
    pub(super) group: Group,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) expected: String,
    pub(super) request: Request<Bytes>,
    /// The credentials of the request. No response may repeat them.
    pub(super) credentials: Vec<String>,
    /// The request is so long that a server may close the connection before it reads all of it.
    pub(super) is_over_long: bool,
    pub(super) assess: Box<dyn Fn(&TestResponse) -> Assessed + 'a>,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        group: Group,
        name: impl Into<String>,
        description: &str,
        expected: impl Into<String>,
        request: Request<Bytes>,
        assess: impl Fn(&TestResponse) -> Assessed + 'a,
    ) -> Self {
        let credentials = credentials(request.headers());
        Self {
            group,
            name: name.into(),
            description: description.to_owned(),
            expected: expected.into(),
            request,
            credentials,
            is_over_long: false,
            assess: Box::new(assess),
        }
    }

    /// Creates an attack that must be rejected with one of these statuses. A 401 must have a
    /// challenge (RFC 9110 §11.6.1).
    pub(super) fn rejected(
        group: Group,
        name: impl Into<String>,
        description: &str,
        statuses: &'static [u16],
        request: Request<Bytes>,
    ) -> Self {
        let names: Vec<String> = statuses.iter().map(u16::to_string).collect();
        let expected = names.join(" or ");
        Self::new(group, name, description, expected, request, |response| {
            let status = response.status();
            if is_success(status) {
                return (Outcome::Failed, Some("the request was admitted".to_owned()));
            }
            if !statuses.contains(&status) {
                return deviation("another status");
            }
            if status == 401 && !response.headers().contains_key(header::WWW_AUTHENTICATE) {
                return deviation("a 401 without a challenge");
            }
            (Outcome::Passed, None)
        })
    }

    pub(super) fn over_long(mut self) -> Self {
        self.is_over_long = true;
        self
    }

    pub(super) fn credential(mut self, credential: String) -> Self {
        self.credentials.push(credential);
        self
    }

    /// Assesses a response, first by the rules for all attacks.
    pub(super) fn assess(&self, response: &TestResponse) -> Assessed {
        let status = response.status();
        if self
            .credentials
            .iter()
            .any(|credential| response.contains(credential))
        {
            return (
                Outcome::Failed,
                Some("the response contains the token".to_owned()),
            );
        }
        if status >= 500 && status != 503 {
            return (Outcome::Failed, Some("a server error".to_owned()));
        }
        if (300..400).contains(&status) {
            return deviation("a redirect, which was not followed");
        }
        (self.assess)(response)
    }
}

pub(super) fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

pub(super) fn deviation(why: &str) -> Assessed {
    (Outcome::Deviation, Some(why.to_owned()))
}

/// Describes a response: the status, and the `error` of its challenge.
pub(super) fn found(response: &TestResponse) -> String {
    let status = response.status();
    match response.challenge() {
        Ok(challenge) => match challenge.error() {
            Some(error) => {
                let error: String = error.escape_debug().take(40).collect();
                format!("{status} {error}")
            }
            None => format!("{status} with a challenge"),
        },
        Err(_) => status.to_string(),
    }
}

/// Describes a request without its token: only schemes and lengths of credentials.
pub(super) fn sent(request: &Request<Bytes>) -> String {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let path = match path.split_once("access_token=") {
        Some((path, token)) => format!("{path}access_token=({} characters)", token.len()),
        None => path.to_owned(),
    };
    let mut parts = vec![format!("{} {path}", request.method())];
    let headers = request.headers().iter();
    for (name, value) in headers.filter(|(name, _)| *name != header::ACCEPT) {
        let value = match value.to_str() {
            Ok(text) if text.len() <= 48 && !text.contains('.') => text.escape_debug().to_string(),
            Ok(text) => {
                let scheme = text.split([' ', '\t', '=']).next().unwrap_or_default();
                let scheme = if scheme.len() <= 12 { scheme } else { "" };
                format!("{scheme} ({} characters)", text.len() - scheme.len())
            }
            Err(_) => "(not ASCII)".to_owned(),
        };
        parts.push(format!("{name}: {}", value.trim_start()));
    }
    if !request.body().is_empty() {
        parts.push(format!("a body of {} bytes", request.body().len()));
    }
    parts.join(", ")
}

/// Returns every word of the `Authorization` headers that can be a token.
fn credentials(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::AUTHORIZATION).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split([' ', '\t', ',']))
        .filter(|part| part.len() >= 16)
        .map(str::to_owned)
        .collect()
}
