use super::*;

fn rate(per_second: u32) -> (QuestionRate, Instant) {
    let start = Instant::now();
    (QuestionRate::new(per_second, 64, 1000, start), start)
}

#[test]
fn questions_are_bounded_per_second() {
    for per_second in [1, 2, 10, 200] {
        let (mut rate, start) = rate(per_second);
        let mut taken = 0;
        for millisecond in 0..10_000_u64 {
            let now = start + Duration::from_millis(millisecond);
            let name = format!("https://{millisecond}.example");
            taken += u32::from(rate.take(&name, 0, now));
        }
        // Ten seconds, and what was kept before.
        let bound = per_second.max(2) * 11 + 1;
        assert!(taken <= bound, "{per_second}: {taken}");
        assert!(taken >= per_second * 9, "{per_second}: {taken}");
    }
}

#[test]
fn flood_of_new_names_leaves_half_to_trusted_ones() {
    let (mut rate, start) = rate(200);
    let trusted: Vec<_> = (0..100).map(|n| format!("https://t{n}.example")).collect();
    for name in &trusted {
        rate.record_trusted(name);
    }
    for second in 0..5 {
        let now = start + Duration::from_secs(second);
        for name in 0..5000 {
            rate.take(&format!("https://{second}-{name}.example"), 0, now);
        }
        let taken = trusted
            .iter()
            .filter(|name| rate.take(name, 0, now))
            .count();
        assert!(taken >= 99, "{taken} in second {second}");
    }
}

#[test]
fn flood_of_trusted_names_leaves_half_to_new_ones() {
    let (mut rate, start) = rate(200);
    rate.record_trusted("https://t.example");
    for second in 0..5 {
        let now = start + Duration::from_secs(second);
        for _ in 0..5000 {
            rate.take("https://t.example", 0, now);
        }
        assert!(rate.take(&format!("https://{second}.example"), 0, now));
    }
}

/// A client that tries again goes before names that were never seen.
#[test]
fn name_that_was_turned_down_goes_first() {
    let (mut rate, start) = rate(200);
    let honest = "https://new-customer.example";
    let flood = |rate: &mut QuestionRate, now| {
        for number in 0..1500 {
            rate.take(&format!("https://{number}-{now:?}.example"), 0, now);
        }
    };
    flood(&mut rate, start);
    assert!(!rate.take(honest, 0, start));
    let later = start + Duration::from_secs(1);
    flood(&mut rate, later);
    assert!(rate.take(honest, 0, later));
}

/// Each share of the places is for its own names, and a quarter of the second one is for names that
/// come again, whatever they were turned down for.
#[test]
fn places_are_shared_like_the_rate() {
    let (mut rate, start) = rate(200);
    rate.record_trusted("https://t.example");
    for (in_flight, is_taken) in [(31, true), (32, false)] {
        assert_eq!(rate.take("https://t.example", in_flight, start), is_taken);
    }
    for (name, in_flight, is_taken) in [
        ("https://new.example", 23, true),
        ("https://again.example", 24, false),
        ("https://again.example", 31, true),
        ("https://again.example", 32, false),
    ] {
        assert_eq!(
            rate.take(name, in_flight, start),
            is_taken,
            "{name} {in_flight}"
        );
    }
}
