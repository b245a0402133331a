//! Requests without a token that look like CORS preflights. Browsers send preflights without
//! credentials, so servers let them pass, but no handler may take them for a request.

use bytes::Bytes;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, ORIGIN};
use http::{Method, Request};
use tower_m2m::testing::assertions::TestResponse;

use super::case::Case;
use super::plan::{Plan, request_to};
use super::report::{Group, Outcome};
use super::runner::Runner;

const ORIGIN_OF_ATTACKER: &str = "https://app.example";

pub(super) async fn run(plan: &Plan<'_>, runner: &mut Runner<'_>, control: &TestResponse) {
    let method = plan.options.method.as_str();
    let path = plan.own_path();
    let options = || {
        request_to(Method::OPTIONS, &path)
            .header(ORIGIN, ORIGIN_OF_ATTACKER)
            .header(ACCESS_CONTROL_REQUEST_METHOD, method)
    };
    let attacks = [
        (
            "forged_preflight",
            "A preflight without a token.",
            options().body(Bytes::new()),
        ),
        (
            "preflight_with_body",
            "A preflight with a JSON body.",
            options()
                .header(CONTENT_TYPE, "application/json")
                .body(Bytes::from_static(b"{}")),
        ),
        (
            "preflight_with_method_override",
            "A preflight that names another method in a header.",
            options()
                .header("x-http-method-override", method)
                .body(Bytes::new()),
        ),
        (
            "options_without_preflight_headers",
            "OPTIONS without the headers of a preflight.",
            request_to(Method::OPTIONS, &path).body(Bytes::new()),
        ),
    ];
    for (name, description, request) in attacks {
        let Ok(request): Result<Request<Bytes>, _> = request else {
            continue;
        };
        let case = Case::new(
            Group::Preflights,
            name,
            description,
            "no data of the resource",
            request,
            |response| {
                let body = response.body();
                if !body.is_empty() && body == control.body() {
                    let why = "the response is that to a valid token, so the handler was reached";
                    return (Outcome::Failed, Some(why.to_owned()));
                }
                (Outcome::Passed, None)
            },
        );
        runner.attack(&case).await;
    }
    let request = plan
        .request()
        .header(ORIGIN, ORIGIN_OF_ATTACKER)
        .header(ACCESS_CONTROL_REQUEST_METHOD, method)
        .body(Bytes::new());
    if let Ok(request) = request {
        let description = "A request with the headers of a preflight and without a token.";
        let name = "request_like_a_preflight";
        let case = Case::rejected(Group::Preflights, name, description, &[400, 401], request);
        runner.attack(&case).await;
    }
}
