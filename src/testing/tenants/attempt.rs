//! The requests that are made of one probe.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Request, request};

use super::probe::{Probe, Tenant};

/// One request, and what has to become of it. There is none when the probe makes no request.
pub(super) struct Attempt {
    pub(super) what: &'static str,
    pub(super) expected: ExpectedResult,
    pub(super) request: Option<Request<Bytes>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExpectedResult {
    /// The tenant itself.
    Accepted,
    /// 401, 403 or 404.
    Rejected,
    /// The same, or any other answer that blames the request: the path is odd.
    RejectedAnyStatus,
    /// Whatever the answer is, it has nothing of the other tenant in it.
    NoForeignData,
}

const PARAMETER: &str = "{org_code}";
const HEADERS: [&str; 4] = ["x-org-code", "x-organization", "x-tenant", "x-tenant-id"];
const QUERY: [&str; 4] = ["org_code", "organization", "tenant", "tenant_id"];

pub(super) fn attempts(probe: &Probe, own: &Tenant, victim: &Tenant) -> Vec<Attempt> {
    let make = |what, expected, code: &str, named: Option<&Tenant>, token: Option<&Tenant>| {
        let path = probe.template.replace(PARAMETER, code);
        Attempt {
            what,
            expected,
            request: build(probe, path, named, token),
        }
    };
    let mut attempts = vec![make(
        "itself",
        ExpectedResult::Accepted,
        &own.code,
        None,
        Some(own),
    )];
    if probe.template.contains(PARAMETER) {
        let (own_code, victims) = (&own.code, &victim.code);
        let odd = ExpectedResult::RejectedAnyStatus;
        attempts.extend([
            make(
                "the other's path",
                ExpectedResult::Rejected,
                victims,
                None,
                Some(own),
            ),
            make(
                "the other's path, own headers",
                ExpectedResult::Rejected,
                victims,
                Some(own),
                Some(own),
            ),
            make(
                "the other's path, no token",
                ExpectedResult::Rejected,
                victims,
                None,
                None,
            ),
            make(
                "the other's path, encoded",
                ExpectedResult::Rejected,
                &encoded(victims),
                None,
                Some(own),
            ),
            make(
                "up from its own path",
                odd,
                &format!("{own_code}/../{victims}"),
                None,
                Some(own),
            ),
            make(
                "up from its own path, encoded",
                odd,
                &format!("{own_code}%2F..%2F{victims}"),
                None,
                Some(own),
            ),
            make(
                "a doubled slash",
                odd,
                &format!("/{victims}"),
                None,
                Some(own),
            ),
            make(
                "both codes",
                odd,
                &format!("{own_code},{victims}"),
                None,
                Some(own),
            ),
        ]);
    }
    attempts.push(make(
        "headers and query name the other",
        ExpectedResult::NoForeignData,
        &own.code,
        Some(victim),
        Some(own),
    ));
    attempts
}

fn build(
    probe: &Probe,
    mut path: String,
    named: Option<&Tenant>,
    token: Option<&Tenant>,
) -> Option<Request<Bytes>> {
    let mut headers = request::Builder::new().method(probe.method.clone());
    if let Some(Tenant { code, .. }) = named {
        headers = HEADERS.iter().fold(headers, |headers, name| {
            headers.header(*name, code.as_str())
        });
        let code = encoded(code);
        for name in QUERY {
            let separator = if path.contains('?') { '&' } else { '?' };
            path.push(separator);
            path.push_str(name);
            path.push('=');
            path.push_str(&code);
        }
    }
    if let Some(kind) = probe.content_type {
        headers = headers.header(CONTENT_TYPE, kind);
    }
    if let Some(tenant) = token {
        headers = headers.header(AUTHORIZATION, tenant.authorization.as_str());
    }
    headers.uri(path).body(probe.body.clone()).ok()
}

/// Percent-encoded where it has to be.
fn encoded(code: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for (at, byte) in code.bytes().enumerate() {
        // The first byte in any case, so that it is another text.
        if at > 0 && (byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') {
            text.push(byte.into());
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}
