use super::*;
use crate::util::{Jitter, backoff};

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
