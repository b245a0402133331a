use super::*;

fn at(id: &str, entries: u64) -> StreamPosition {
    StreamPosition {
        id: EntryId::parse(id).unwrap(),
        entries,
    }
}

fn info(last: &str, added: u64, length: u64) -> StreamInfo {
    StreamInfo {
        last_id: EntryId::parse(last).unwrap(),
        added,
        length,
    }
}

/// Rule 325.
#[test]
fn lost_changes_are_a_gap() {
    let (from, to) = (at("100-0", 10), at("120-0", 12));
    for (info, has_gap, case) in [
        (info("120-0", 12, 12), false, "all were read"),
        (info("130-0", 13, 13), false, "one more was added meanwhile"),
        (info("120-0", 12, 2), false, "read ones were trimmed"),
        (info("130-0", 13, 3), false, "the boundary of trimmed ones"),
        (
            info("130-0", 13, 2),
            true,
            "one that may not be read was trimmed",
        ),
        (info("0-0", 0, 0), true, "the stream is gone"),
        (
            info("90-0", 12, 12),
            true,
            "it began again with smaller IDs",
        ),
        (info("120-0", 11, 11), true, "fewer were added"),
        (info("120-0", 13, 13), true, "one was not received"),
        (info("140-0", 5, 5), true, "it began again with larger IDs"),
    ] {
        assert_eq!(info.has_gap(from, to), has_gap, "{case}");
    }
    let begin = StreamPosition::default();
    assert!(
        !StreamInfo::default().has_gap(begin, begin),
        "no stream yet"
    );
}

#[test]
fn ids_are_compared_as_numbers() {
    let id = |id| EntryId::parse(id).unwrap();
    assert!(id("9-1") < id("10-0") && id("10-9") < id("10-10"));
    for malformed in ["", "1", "1-", "a-1", "1-2-3"] {
        assert_eq!(EntryId::parse(malformed), None, "{malformed}");
    }
    let position = at("7-3", 9);
    assert_eq!(StreamPosition::parse(&position.cursor()), Some(position));
}

/// Rules 190, 325.
#[test]
fn only_a_reader_at_the_end_is_up_to_date() {
    let mut progress = Progress::new(EntryId::parse("300-0").unwrap());
    let mut from = at("100-0", 10);
    for (to, info, step, case) in [
        (
            at("200-0", 1010),
            info("300-0", 2010, 2010),
            ReadStep::Behind,
            "one page of two",
        ),
        (
            at("300-0", 2010),
            info("310-0", 2011, 2011),
            ReadStep::CaughtUp,
            "it has all that existed before the read",
        ),
        (
            at("310-0", 2011),
            info("310-0", 2011, 2011),
            ReadStep::CaughtUp,
            "the last one",
        ),
        (
            at("310-0", 2011),
            info("310-0", 2011, 2011),
            ReadStep::Heartbeat,
            "no change",
        ),
        (
            at("310-0", 2011),
            info("320-0", 2012, 2012),
            ReadStep::Behind,
            "added after the read",
        ),
        (
            at("320-0", 2012),
            info("320-0", 2012, 2012),
            ReadStep::CaughtUp,
            "and received",
        ),
        (
            at("320-0", 2012),
            info("330-0", 2013, 2013),
            ReadStep::Behind,
            "not received once",
        ),
        (
            at("320-0", 2012),
            info("330-0", 2013, 2013),
            ReadStep::Stuck,
            "not received twice",
        ),
        (
            at("320-0", 2012),
            info("10-0", 1, 1),
            ReadStep::Gap,
            "the stream began again",
        ),
    ] {
        assert_eq!(progress.after_read(info, from, to), step, "{case}");
        from = to;
    }
}
