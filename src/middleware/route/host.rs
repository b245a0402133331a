//! The organization in a subdomain.

use http::header::HOST;
use http::{HeaderMap, Uri};

use super::OrgLookup;

pub(super) fn in_host(base: &str, uri: &Uri, headers: &HeaderMap) -> OrgLookup<'static> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (
        uri.host(),
        hosts.next().map(|host| host.to_str()),
        hosts.next(),
    ) {
        (Some(target), None, None) => target,
        (None, Some(Ok(host)), None) => without_port(host),
        (Some(target), Some(Ok(host)), None) if target.eq_ignore_ascii_case(without_port(host)) => {
            target
        }
        // No host, several hosts, two different hosts, or a host that is not valid text.
        _ => return OrgLookup::Ambiguous,
    };
    let host = host.to_ascii_lowercase();
    if host == base {
        return OrgLookup::Absent;
    }
    match host
        .strip_suffix(base)
        .and_then(|label| label.strip_suffix('.'))
    {
        Some(label) if !label.contains('.') => OrgLookup::code(label.to_owned()),
        _ => OrgLookup::Ambiguous,
    }
}

/// Returns `true` if the name can be the host of a request, without scheme and port.
pub(super) fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    name.split('.').all(is_label)
}

fn without_port(host: &str) -> &str {
    host.rsplit_once(':').map_or(host, |(host, _)| host)
}
