//! The report in `JUnit`'s form: one test suite per group, one test case per attack.

use std::fmt::Write as _;

use super::report::{AttackReport, AttackRow, Counts, Group, Outcome};

pub(super) fn report(report: &AttackReport) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        text,
        "<testsuites name=\"m2m attack\" {} time=\"{:.3}\">",
        attributes(report.counts, report.is_strict),
        report.seconds
    );
    for group in Group::ALL {
        let rows: Vec<&AttackRow> = report.group(group).collect();
        if rows.is_empty() {
            continue;
        }
        let counts = attributes(Counts::new(rows.iter().copied()), report.is_strict);
        let _ = writeln!(text, "  <testsuite name=\"{}\" {counts}>", group.name());
        for row in rows {
            case(&mut text, row, report.is_strict);
        }
        text.push_str("  </testsuite>\n");
    }
    text + "</testsuites>\n"
}

fn attributes(counts: Counts, is_strict: bool) -> String {
    let tests = counts.passed + counts.failed + counts.deviations + counts.skipped;
    let failures = counts.failed + if is_strict { counts.deviations } else { 0 };
    format!(
        "tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{}\"",
        counts.skipped
    )
}

fn case(text: &mut String, row: &AttackRow, is_strict: bool) {
    let _ = write!(
        text,
        "    <testcase classname=\"m2m.{}\" name=\"{}\"",
        row.group.name(),
        escaped(&row.name)
    );
    let detail = format!(
        "{}\nsent: {}\nexpected: {}\nfound: {}",
        row.description, row.sent, row.expected, row.found
    );
    let (found, detail) = (escaped(&row.found), escaped(&detail));
    let _ = match row.outcome {
        Outcome::Passed => writeln!(text, "/>"),
        Outcome::Failed => failure(text, "failed", &found, &detail),
        Outcome::Deviation if is_strict => failure(text, "deviation", &found, &detail),
        Outcome::Deviation => writeln!(
            text,
            "><system-out>deviation\n{detail}</system-out></testcase>"
        ),
        Outcome::Skipped => writeln!(text, "><skipped message=\"{found}\"/></testcase>"),
    };
}

fn failure(text: &mut String, kind: &str, found: &str, detail: &str) -> std::fmt::Result {
    writeln!(
        text,
        "><failure type=\"{kind}\" message=\"{found}\">{detail}</failure></testcase>"
    )
}

/// Escapes markup, and replaces characters that XML does not allow.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(letter),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {
                escaped.push('\u{fffd}');
            }
            letter => escaped.push(letter),
        }
    }
    escaped
}
