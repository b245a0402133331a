//! The report as a table.

use std::fmt::Write as _;

use super::report::{AttackReport, AttackRow, Conclusion, Counts, Group, Outcome};

/// Returns every attack, findings first.
pub(super) fn report(report: &AttackReport, is_colored: bool) -> String {
    let mut text = String::new();
    for row in report
        .attacks
        .iter()
        .filter(|row| row.outcome == Outcome::Passed)
    {
        let _ = writeln!(
            text,
            "{}  {}: {}  (sent {}; expected {}; found {})",
            label(row.outcome, is_colored),
            row.group.name(),
            row.name,
            row.sent,
            row.expected,
            row.found
        );
    }
    text + &findings(report, is_colored)
}

/// Returns the findings and the numbers of each group.
pub(super) fn findings(report: &AttackReport, is_colored: bool) -> String {
    let mut text = String::new();
    for outcome in [Outcome::Skipped, Outcome::Deviation, Outcome::Failed] {
        for row in report.attacks.iter().filter(|row| row.outcome == outcome) {
            finding(&mut text, row, is_colored);
        }
    }
    text.push('\n');
    for group in Group::ALL {
        let counts = Counts::new(report.group(group));
        if counts.passed + counts.failed + counts.deviations + counts.skipped > 0 {
            let _ = writeln!(text, "{:<14} {}", group.name(), numbers(counts));
        }
    }
    let _ = writeln!(
        text,
        "{:<14} {}, in {:.0} s",
        "total",
        numbers(report.counts),
        report.seconds
    );
    let _ = writeln!(text, "{}", conclusion(report));
    text
}

fn finding(text: &mut String, row: &AttackRow, is_colored: bool) {
    let _ = writeln!(
        text,
        "{}  {}: {}",
        label(row.outcome, is_colored),
        row.group.name(),
        row.name
    );
    let lines = [
        ("", row.description.as_str()),
        ("sent      ", row.sent.as_str()),
        ("expected  ", row.expected.as_str()),
        ("found     ", row.found.as_str()),
    ];
    for (name, value) in lines {
        if !value.is_empty() && (row.outcome != Outcome::Skipped || name.starts_with("found")) {
            let _ = writeln!(text, "           {name}{value}");
        }
    }
}

fn numbers(counts: Counts) -> String {
    format!(
        "{} passed, {} failed, {} deviations, {} skipped",
        counts.passed, counts.failed, counts.deviations, counts.skipped
    )
}

fn conclusion(report: &AttackReport) -> &'static str {
    match report.conclusion() {
        Conclusion::Passed if report.counts.deviations > 0 => {
            "NO FINDINGS, but deviations from RFC 6750 (--strict makes them fail)"
        }
        Conclusion::Passed => "NO FINDINGS",
        Conclusion::Failed => {
            "FAILED: the chapter `command_line` of the guide says what each finding means"
        }
        Conclusion::Undecided => {
            "UNDECIDED: the server does not accept a valid token, or some attacks were not sent"
        }
    }
}

fn label(outcome: Outcome, is_colored: bool) -> String {
    let (name, color) = match outcome {
        Outcome::Passed => ("passed   ", "32"),
        Outcome::Failed => ("FAILED   ", "1;31"),
        Outcome::Deviation => ("deviation", "33"),
        Outcome::Skipped => ("skipped  ", "2"),
    };
    if is_colored {
        format!("\u{1b}[{color}m{name}\u{1b}[0m")
    } else {
        name.to_owned()
    }
}
