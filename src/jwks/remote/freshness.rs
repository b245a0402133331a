//! How long an answer is fresh, and how long to wait after a failure (RFC 9111 §4.2, RFC 9110 §10.2.3).

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL, DATE, EXPIRES, RETRY_AFTER};

/// The bounds within which an issuer's `Cache-Control` or `Expires` counts.
const SHORTEST: Duration = Duration::from_secs(60);
pub(super) const LONGEST: Duration = Duration::from_secs(60 * 60);

/// How long the issuer says that its answer is fresh, within bounds; nothing when it does not say.
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
            // Seconds beyond the range of u64 are "for ever"; what is not a number was not said.
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
    // A date that cannot be read has passed already (RFC 9111 §5.3).
    headers.contains_key(EXPIRES).then(|| {
        moment(EXPIRES)
            .and_then(|at| at.duration_since(date).ok())
            .unwrap_or_default()
    })
}

/// How long the issuer asks to be left alone: `Retry-After`, or Kinde's `RateLimit-Reset` in seconds.
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

/// Numbers in `0.0..1.0` that need not be secret, only different between processes and calls (`SplitMix64`).
#[derive(Debug)]
pub(crate) struct Jitter(AtomicU64);

impl Jitter {
    /// Repeatable from a seed.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        // A fresh hasher of the standard library is randomly keyed, which spares a dependency for one number.
        Self(AtomicU64::new(
            seed.unwrap_or_else(|| RandomState::new().hash_one(0_u8)),
        ))
    }

    pub(crate) fn next(&self) -> f64 {
        const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut bits = self
            .0
            .fetch_add(GAMMA, Ordering::Relaxed)
            .wrapping_add(GAMMA);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits = (bits ^ (bits >> 31)) >> 11;
        #[allow(clippy::cast_precision_loss)]
        let fraction = bits as f64 / (1_u64 << 53) as f64;
        fraction
    }
}

/// When to refresh within a life: at 75 to 85 % of it.
pub(crate) fn refresh_after(life: Duration, jitter: f64) -> Duration {
    life.mul_f64(0.75 + 0.1 * jitter)
}

/// Exponential backoff with full jitter, never below a tenth of `first` so that a run of luck is no storm.
pub(crate) fn backoff(failures: u32, first: Duration, longest: Duration, jitter: f64) -> Duration {
    let ceiling = first
        .saturating_mul(
            1_u32
                .checked_shl(failures.saturating_sub(1))
                .unwrap_or(u32::MAX),
        )
        .min(longest);
    ceiling.mul_f64(jitter).max(first.min(longest) / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    name.parse::<http::HeaderName>().unwrap(),
                    value.parse().unwrap(),
                )
            })
            .collect()
    }

    /// Rule 151.
    ///
    /// `max-age` of nothing, too much, nonsense: clamped or ignored.
    #[test]
    fn max_age_is_clamped_or_ignored() {
        for (value, seconds) in [
            ("max-age=300", Some(300)),
            ("public, max-age=300, must-revalidate", Some(300)),
            ("MAX-AGE=\"300\"", Some(300)),
            ("max-age=0", Some(60)),
            ("no-store", Some(60)),
            ("no-cache, max-age=900", Some(60)),
            ("max-age=31536000", Some(3600)),
            ("max-age=99999999999999999999999999", Some(3600)),
            ("max-age=300, max-age=900", Some(300)),
            ("s-maxage=900", None),
            ("max-age=-1", None),
            ("max-age=ten", None),
            ("max-age", None),
            ("public", None),
            ("", None),
        ] {
            assert_eq!(
                lifetime(&headers(&[("cache-control", value)]), SystemTime::now()),
                seconds.map(Duration::from_secs),
                "{value}"
            );
        }
        assert_eq!(
            lifetime(
                &headers(&[("cache-control", "max-age=300"), ("age", "100")]),
                SystemTime::now()
            ),
            Some(Duration::from_secs(200))
        );
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(
            lifetime(
                &headers(&[date, ("expires", "Sun, 06 Nov 1994 08:59:37 GMT")]),
                SystemTime::now()
            ),
            Some(Duration::from_secs(600))
        );
        assert_eq!(
            lifetime(&headers(&[date, ("expires", "0")]), SystemTime::now()),
            Some(SHORTEST)
        );
        assert_eq!(lifetime(&headers(&[]), SystemTime::now()), None);
    }

    #[test]
    fn retry_after_is_parsed() {
        assert_eq!(
            retry_after(&headers(&[("retry-after", "7")]), SystemTime::now()),
            Some(Duration::from_secs(7))
        );
        assert_eq!(
            retry_after(&headers(&[("ratelimit-reset", "9")]), SystemTime::now()),
            Some(Duration::from_secs(9))
        );
        assert_eq!(
            retry_after(&headers(&[("retry-after", "soon")]), SystemTime::now()),
            None
        );
        assert_eq!(
            retry_after(
                &headers(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")]),
                SystemTime::now()
            ),
            None
        );
    }

    #[test]
    fn backoff_grows_to_its_limit_and_is_never_zero() {
        let (first, longest) = (Duration::from_secs(1), Duration::from_secs(60));
        assert_eq!(backoff(1, first, longest, 1.0), first);
        assert_eq!(backoff(3, first, longest, 1.0), Duration::from_secs(4));
        assert_eq!(backoff(40, first, longest, 1.0), longest);
        assert_eq!(backoff(40, first, longest, 0.0), Duration::from_millis(100));
        let (jitter, seeded) = (
            Jitter::new(None),
            [Jitter::new(Some(7)), Jitter::new(Some(7))],
        );
        let numbers: Vec<f64> = (0..1000).map(|_| jitter.next()).collect();
        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        assert!((0.45..0.55).contains(&(numbers.iter().sum::<f64>() / 1000.0)));
        assert_eq!(seeded[0].next().to_bits(), seeded[1].next().to_bits());
    }

    #[test]
    fn refresh_is_due_at_75_to_85_percent_of_lifetime() {
        for (jitter, millis) in [(0.0, 75_000), (0.5, 80_000), (0.99, 84_900)] {
            let after = refresh_after(Duration::from_secs(100), jitter);
            assert!(
                after.abs_diff(Duration::from_millis(millis)) < Duration::from_millis(1),
                "{jitter}: {after:?}"
            );
        }
    }
}
