//! A valid token in the wrong place, or beside another one (RFC 6750 §2, §3.1).

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, PROXY_AUTHORIZATION};
use http::{Method, Request};
use tower_m2m::testing::forged;

use super::case::{Case, deviation, is_success};
use super::plan::{Plan, request_to};
use super::report::{Group, Outcome};
use super::runner::Runner;

/// A request that is malformed, or that has no credentials.
const REJECTED: &[u16] = &[400, 401];
const TOO_LONG: &[u16] = &[400, 401, 413, 431];
/// The form is sent with a method that the route may not have.
const ANY_CLIENT_ERROR: &[u16] = &[400, 401, 403, 404, 405, 411, 415, 422];

/// A request that must be rejected with one of these statuses.
struct Misplaced {
    name: &'static str,
    description: &'static str,
    statuses: &'static [u16],
    request: http::Result<Request<Bytes>>,
}

impl Misplaced {
    fn new(
        name: &'static str,
        description: &'static str,
        request: http::Result<Request<Bytes>>,
    ) -> Self {
        Self {
            name,
            description,
            statuses: REJECTED,
            request,
        }
    }

    fn statuses(self, statuses: &'static [u16]) -> Self {
        Self { statuses, ..self }
    }
}

pub(super) async fn run(plan: &Plan<'_>, runner: &mut Runner<'_>) {
    no_credentials(plan, runner).await;
    let token = plan.good().token();
    let attacks = [
        several(plan),
        schemes(plan, &token),
        elsewhere(plan, &token),
    ];
    for attack in attacks.into_iter().flatten() {
        let Ok(request) = attack.request else {
            let why = "the request is not valid in HTTP";
            runner.skip(Group::Headers, attack.name, why);
            continue;
        };
        let case = Case::rejected(
            Group::Headers,
            attack.name,
            attack.description,
            attack.statuses,
            request,
        );
        let case = case.credential(token.clone());
        let case = if attack.statuses == TOO_LONG {
            case.over_long()
        } else {
            case
        };
        runner.attack(&case).await;
    }
}

/// Returns a request with these `Authorization` headers.
fn with(plan: &Plan<'_>, values: &[&str]) -> http::Result<Request<Bytes>> {
    let headers = values.iter();
    headers
        .fold(plan.request(), |request, value| {
            request.header(AUTHORIZATION, *value)
        })
        .body(Bytes::new())
}

/// More than one credential (RFC 6750 §3.1: 400).
fn several(plan: &Plan<'_>) -> Vec<Misplaced> {
    let good = plan.good();
    let bearer = good.bearer();
    let forgery = forged::bad_signature(&good);
    let bad = forgery.authorization();
    vec![
        Misplaced::new(
            "two_authorization_headers",
            "The valid token is in two headers.",
            with(plan, &[&bearer, &bearer]),
        ),
        Misplaced::new(
            "second_header_valid",
            "The first header has a bad signature, the second one is valid.",
            with(plan, &[bad, &bearer]),
        ),
        Misplaced::new(
            "second_header_invalid",
            "The first header is valid, the second one has a bad signature.",
            with(plan, &[&bearer, bad]),
        ),
        Misplaced::new(
            "list_in_one_header",
            "One header has a list of two schemes.",
            with(plan, &[&format!("Basic YTpi, {bearer}")]),
        ),
        Misplaced::new(
            "over_long_token",
            "32 KiB follow the valid token.",
            with(plan, &[&(bearer.clone() + &"A".repeat(32 * 1024))]),
        )
        .statuses(TOO_LONG),
    ]
}

/// The token after another scheme, or after another separator.
fn schemes(plan: &Plan<'_>, token: &str) -> Vec<Misplaced> {
    let attacks = [
        (
            "tab_after_scheme",
            "A tab follows the scheme instead of a space.",
            "Bearer\t",
        ),
        (
            "colon_after_scheme",
            "A colon follows the scheme.",
            "Bearer: ",
        ),
        ("no_scheme", "There is no scheme.", ""),
        ("scheme_basic", "The scheme is Basic.", "Basic "),
        ("scheme_token", "The scheme is Token.", "Token "),
        ("scheme_jwt", "The scheme is JWT.", "JWT "),
        (
            "scheme_dpop",
            "The scheme is DPoP, but there is no proof.",
            "DPoP ",
        ),
    ];
    let attacks = attacks.into_iter();
    attacks
        .map(|(name, description, prefix)| {
            Misplaced::new(
                name,
                description,
                with(plan, &[&format!("{prefix}{token}")]),
            )
        })
        .collect()
}

/// The token in another part of the request.
fn elsewhere(plan: &Plan<'_>, token: &str) -> Vec<Misplaced> {
    let path = plan.own_path();
    let separator = if path.contains('?') { '&' } else { '?' };
    let in_query = format!("{path}{separator}access_token={token}");
    let method = plan.options.method.clone();
    let form_method = match method.clone() {
        Method::GET | Method::HEAD => Method::POST,
        other => other,
    };
    let form = request_to(form_method, &path)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(format!("access_token={token}").into());
    let in_header = |name: &str, value: &str| plan.request().header(name, value).body(Bytes::new());
    vec![
        Misplaced::new(
            "token_in_query",
            "The valid token is in the query.",
            request_to(method, &in_query).body(Bytes::new()),
        ),
        Misplaced::new("token_in_form", "The valid token is in a form.", form)
            .statuses(ANY_CLIENT_ERROR),
        Misplaced::new(
            "token_in_cookie",
            "The valid token is in a cookie.",
            in_header(COOKIE.as_str(), &format!("access_token={token}")),
        ),
        Misplaced::new(
            "token_for_proxy",
            "The valid token is in the header for proxies.",
            in_header(PROXY_AUTHORIZATION.as_str(), &format!("Bearer {token}")),
        ),
        Misplaced::new(
            "token_in_forwarded_header",
            "The valid token is in X-Forwarded-Access-Token.",
            in_header("x-forwarded-access-token", token),
        ),
    ]
}

/// A request without credentials gets a challenge without an error (RFC 6750 §3.1).
async fn no_credentials(plan: &Plan<'_>, runner: &mut Runner<'_>) {
    let Ok(request) = plan.request().body(Bytes::new()) else {
        return;
    };
    let case = Case::new(
        Group::Headers,
        "no_credentials",
        "There are no credentials.",
        "401 with a challenge",
        request,
        |response| match response.status() {
            status if is_success(status) => {
                (Outcome::Failed, Some("the request was admitted".to_owned()))
            }
            401 => match response.challenge() {
                Ok(challenge) if challenge.error().is_none() => (Outcome::Passed, None),
                Ok(_) => deviation("an error, although there were no credentials"),
                Err(error) => deviation(&error.to_string()),
            },
            _ => deviation("another status"),
        },
    );
    runner.attack(&case).await;
}
