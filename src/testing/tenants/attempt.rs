//! The requests for one probe.

use std::fmt;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, ORIGIN,
};
use http::{HeaderName, Method, Request, request};

use super::assessment::{ExpectedResult, IsolationResult};
use super::probe::{Probe, Tenant};
use crate::testing::assertions::TestResponse;

/// A request for one probe, and the responses to it that a correct server may send. [`attempts`]
/// returns them. `Debug` shows no token.
#[derive(Clone)]
pub struct Attempt {
    what: String,
    expected: ExpectedResult,
    names_other: bool,
    request: Option<Request<Bytes>>,
    victim: Tenant,
}

impl Attempt {
    /// Returns what the request does, in a few words.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Returns the responses that a correct server may send.
    #[must_use]
    pub fn expected(&self) -> ExpectedResult {
        self.expected
    }

    /// Returns `true` if the request names the other tenant and has the tenant's own token.
    #[must_use]
    pub fn names_other(&self) -> bool {
        self.names_other
    }

    /// Returns the request, with a path and without a host, or `None` if the probe is not valid
    /// HTTP.
    #[must_use]
    pub fn request(&self) -> Option<&Request<Bytes>> {
        self.request.as_ref()
    }

    /// Assesses a response to the request.
    #[must_use]
    pub fn assess(&self, response: &TestResponse) -> IsolationResult {
        IsolationResult::new(self.expected, &self.victim, response)
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("what", &self.what)
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}

const HEADERS: [&str; 7] = [
    "x-org",
    "x-org-id",
    "x-org-code",
    "x-organization",
    "x-organization-id",
    "x-tenant",
    "x-tenant-id",
];
const QUERY: [&str; 7] = [
    "org",
    "org_id",
    "org_code",
    "organization",
    "organization_id",
    "tenant",
    "tenant_id",
];

/// Returns all requests of a probe that one tenant makes. The first one is for the tenant itself.
///
/// [`check_isolation`](super::check_isolation) sends them. Use this function if the requests go
/// through a client of your own, for example over a network.
///
/// ```
/// use tower_m2m::testing::tenants::{self, Probe, Tenant};
///
/// let (own, other) = (Tenant::new("org_a", "Bearer token"), Tenant::new("org_b", "Bearer token"));
/// let attempts = tenants::attempts(&Probe::get("/orgs/{org_code}/invoices"), &own, &other);
/// assert!(attempts.iter().any(|attempt| attempt.what() == "the other's code in {org_code}"));
/// ```
#[must_use]
pub fn attempts(probe: &Probe, own: &Tenant, victim: &Tenant) -> Vec<Attempt> {
    let mut attempts = vec![Attempt {
        what: "itself".to_owned(),
        expected: ExpectedResult::Accepted,
        names_other: false,
        request: build(probe, &probe.path(own), &[], Some(own)),
        victim: victim.clone(),
    }];
    paths(&mut attempts, probe, own, victim);
    names(&mut attempts, probe, own, victim);
    preflights(&mut attempts, probe, victim);
    attempts
}

/// The other tenant's code in each parameter of the path.
fn paths(attempts: &mut Vec<Attempt>, probe: &Probe, own: &Tenant, victim: &Tenant) {
    use ExpectedResult::{NoForeignData, Rejected, RejectedAnyStatus};
    let (own_code, code) = (&own.code, &victim.code);
    let mut add = |what: String, expected, path: &str, headers: &[&str], token: Option<&Tenant>| {
        attempts.push(Attempt {
            what,
            expected,
            names_other: token.is_some(),
            request: build(probe, path, &named(headers, own_code), token),
            victim: victim.clone(),
        });
    };
    for parameter in probe.parameters() {
        let path = |value: &str| probe.path_with(own, parameter, value);
        if !probe.is_tenant(parameter) {
            let what = format!("the other's code in {{{parameter}}}");
            add(what, NoForeignData, &path(code), &[], Some(own));
            continue;
        }
        let other = path(code);
        let mut add = |what: &str, expected, path: &str, headers: &[&str], token| {
            add(
                format!("{what} in {{{parameter}}}"),
                expected,
                path,
                headers,
                token,
            );
        };
        add("the other's code", Rejected, &other, &[], Some(own));
        add(
            "the other's code, own headers",
            Rejected,
            &other,
            &HEADERS,
            Some(own),
        );
        add("the other's code, no token", Rejected, &other, &[], None);
        add(
            "the other's code, encoded",
            Rejected,
            &path(&encoded(code)),
            &[],
            Some(own),
        );
        for (what, value) in [
            ("up from the own code", format!("{own_code}/../{code}")),
            (
                "up from the own code, encoded,",
                format!("{own_code}%2F..%2F{code}"),
            ),
            ("a doubled slash", format!("/{code}")),
            ("both codes", format!("{own_code},{code}")),
        ] {
            add(what, RejectedAnyStatus, &path(&value), &[], Some(own));
        }
    }
}

/// The other tenant's code in each header and query parameter that APIs use, and in all of them.
fn names(attempts: &mut Vec<Attempt>, probe: &Probe, own: &Tenant, victim: &Tenant) {
    let path = probe.path(own);
    let mut add = |what: String, headers: &[&str], query: &[&str]| {
        let path = with_query(path.clone(), query, &victim.code);
        attempts.push(Attempt {
            what,
            expected: ExpectedResult::NoForeignData,
            names_other: true,
            request: build(probe, &path, &named(headers, &victim.code), Some(own)),
            victim: victim.clone(),
        });
    };
    for name in &HEADERS {
        add(format!("the header {name} names the other"), &[name], &[]);
    }
    for name in &QUERY {
        add(format!("the query {name} names the other"), &[], &[name]);
    }
    add(
        "headers and query name the other".to_owned(),
        &HEADERS,
        &QUERY,
    );
}

/// Requests without a token that look like CORS preflights. A required layer passes the first two,
/// because browsers send preflights without credentials. A handler must not take them for a client
/// that may see all organizations, and no service may execute the body of the others.
fn preflights(attempts: &mut Vec<Attempt>, probe: &Probe, victim: &Tenant) {
    let length = |value: &'static str| (CONTENT_LENGTH, value.to_owned());
    let body = || {
        if probe.body.is_empty() {
            Bytes::from_static(b"{}")
        } else {
            probe.body.clone()
        }
    };
    for (what, headers, body) in [
        ("forged preflight", vec![], Bytes::new()),
        (
            "forged preflight, length 0",
            vec![length("0")],
            Bytes::new(),
        ),
        ("forged preflight with a body", vec![], body()),
        (
            "forged preflight, length 0, with a body",
            vec![length("0")],
            body(),
        ),
    ] {
        let preflight = [
            (ORIGIN, "https://app.example".to_owned()),
            (ACCESS_CONTROL_REQUEST_METHOD, probe.method.to_string()),
        ];
        let request = headers
            .into_iter()
            .chain(preflight)
            .fold(Request::builder(), |request, (name, value)| {
                request.header(name, value)
            });
        attempts.push(Attempt {
            what: what.to_owned(),
            expected: ExpectedResult::NoForeignData,
            names_other: false,
            request: request
                .method(Method::OPTIONS)
                .uri(probe.path(victim))
                .body(body)
                .ok(),
            victim: victim.clone(),
        });
    }
}

fn named(names: &[&str], code: &str) -> Vec<(HeaderName, String)> {
    let names = names.iter().filter_map(|name| name.parse().ok());
    names.map(|name| (name, code.to_owned())).collect()
}

fn with_query(mut path: String, names: &[&str], code: &str) -> String {
    for name in names {
        path.push(if path.contains('?') { '&' } else { '?' });
        path.push_str(name);
        path.push('=');
        path.push_str(&encoded(code));
    }
    path
}

fn build(
    probe: &Probe,
    path: &str,
    headers: &[(HeaderName, String)],
    token: Option<&Tenant>,
) -> Option<Request<Bytes>> {
    let mut request = request::Builder::new().method(probe.method.clone());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    if let Some(kind) = probe.content_type {
        request = request.header(CONTENT_TYPE, kind);
    }
    if let Some(tenant) = token {
        request = request.header(AUTHORIZATION, tenant.authorization.as_str());
    }
    request.uri(path).body(probe.body.clone()).ok()
}

/// Percent-encodes the first byte and every byte that requires it.
fn encoded(code: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for (at, byte) in code.bytes().enumerate() {
        // The first byte is always encoded, so that the string differs.
        if at > 0 && (byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') {
            text.push(byte.into());
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}
