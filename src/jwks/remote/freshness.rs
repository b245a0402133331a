//! The lifetime of a response, and the pause after a failure (RFC 9111 §4.2, RFC 9110 §10.2.3).

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL, DATE, EXPIRES, RETRY_AFTER};

/// The limits of the lifetime in an issuer's `Cache-Control` or `Expires`.
const SHORTEST: Duration = Duration::from_secs(60);
pub(super) const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Returns the lifetime in the issuer's response, within the limits, or `None` if the response has
/// none.
pub(crate) fn lifetime(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let stated = max_age(headers).or_else(|| expires_in(headers, now))?;
    Some(stated.clamp(SHORTEST, LONGEST))
}

fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let mut stated = None;
    for directive in headers
        .get_all(CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
    {
        let (name, value) = directive
            .trim()
            .split_once('=')
            .unwrap_or((directive.trim(), ""));
        if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
            return Some(Duration::ZERO);
        }
        if name.eq_ignore_ascii_case("max-age") && stated.is_none() {
            // Seconds beyond the range of u64 mean an unlimited lifetime. A value that is not a
            // number is ignored.
            let digits = value.trim().trim_matches('"');
            let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            stated = number.then(|| digits.parse().unwrap_or(u64::MAX));
        }
    }
    let age = whole_seconds(headers, AGE.as_str()).unwrap_or(0);
    stated.map(|seconds| Duration::from_secs(seconds.saturating_sub(age)))
}

fn expires_in(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let moment = |name| httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok();
    let date = moment(DATE).unwrap_or(now);
    // An unreadable date counts as expired (RFC 9111 §5.3).
    headers.contains_key(EXPIRES).then(|| {
        moment(EXPIRES)
            .and_then(|at| at.duration_since(date).ok())
            .unwrap_or_default()
    })
}

/// Returns the pause that the issuer requires: `Retry-After`, or Kinde's `RateLimit-Reset` in
/// seconds.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let as_seconds = |name| whole_seconds(headers, name).map(Duration::from_secs);
    let as_date = || {
        let at = httpdate::parse_http_date(headers.get(RETRY_AFTER)?.to_str().ok()?).ok()?;
        at.duration_since(now).ok()
    };
    as_seconds(RETRY_AFTER.as_str())
        .or_else(as_date)
        .or_else(|| as_seconds("ratelimit-reset"))
}

fn whole_seconds(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Returns when to refresh: after 75 to 85 % of the lifetime.
pub(crate) fn refresh_after(life: Duration, jitter: f64) -> Duration {
    life.mul_f64(0.75 + 0.1 * jitter)
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
