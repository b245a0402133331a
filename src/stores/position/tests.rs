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
    use ReadStep::{Behind, CaughtUp, Gap, Heartbeat, Stuck};

    let mut progress = Progress::new(EntryId::parse("300-0").unwrap());
    let mut from = at("100-0", 10);
    // Each with its ID and the number of entries up to it: the last entry that the read returned,
    // and the last one of the stream.
    for (read, last, step, case) in [
        ((200, 1010), (300, 2010), Behind, "one page of two"),
        ((300, 2010), (310, 2011), CaughtUp, "all before the read"),
        ((310, 2011), (310, 2011), CaughtUp, "the last one"),
        ((310, 2011), (310, 2011), Heartbeat, "no change"),
        ((310, 2011), (320, 2012), Behind, "added after the read"),
        ((320, 2012), (320, 2012), CaughtUp, "and received"),
        ((320, 2012), (330, 2013), Behind, "not received once"),
        ((320, 2012), (330, 2013), Stuck, "not received twice"),
        ((320, 2012), (10, 1), Gap, "the stream began again"),
    ] {
        let to = at(&format!("{}-0", read.0), read.1);
        let info = info(&format!("{}-0", last.0), last.1, last.1);
        assert_eq!(progress.after_read(info, from, to), step, "{case}");
        from = to;
    }
}
