//! The tables of rules and threats name existing tests, and every rule that the crate offers has a
//! test.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const CONFORMANCE: &str = include_str!("conformance.md");
const THREATS: &str = include_str!("../src/guide/threats.md");

/// The tests by name, each with the rules that its doc comment names.
type Tests = BTreeMap<String, BTreeSet<u32>>;

#[test]
fn every_rule_names_an_existing_test() {
    let tests = tests();
    let rows = CONFORMANCE.lines().filter(|line| line.starts_with("| "));
    let mut rules = BTreeSet::new();
    for row in rows.skip(1) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [rule, _, names] = cells.as_slice() else {
            panic!("not three cells: {row}")
        };
        let rule: u32 = rule.parse().unwrap();
        let names = quoted(names);
        assert!(!names.is_empty(), "rule {rule} has no test");
        for name in names {
            let covered = tests
                .get(name)
                .unwrap_or_else(|| panic!("rule {rule}: {name} is not a test"));
            assert!(
                covered.contains(&rule),
                "the comment of {name} does not name rule {rule}"
            );
        }
        assert!(rules.insert(rule), "duplicate rule {rule}");
    }
    let offered: BTreeSet<u32> = (1..=115)
        .chain(117..=123)
        .chain([130])
        .chain(139..=191)
        .chain(193..=197)
        .chain(199..=229)
        .chain(239..=257)
        .chain(308..=331)
        .chain([334])
        .chain(342..=344)
        .collect();
    let unlisted: Vec<&u32> = rules.difference(&offered).collect();
    assert!(unlisted.is_empty(), "add these rules above: {unlisted:?}");
    let missing: Vec<&u32> = offered.difference(&rules).collect();
    assert!(missing.is_empty(), "rules without a test: {missing:?}");
}

#[test]
fn every_threat_names_existing_tests_and_fuzz_targets() {
    let tests = tests();
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let mut count = 0;
    for row in THREATS.lines().filter(|line| line.starts_with("| ")) {
        let shown_by = row.trim_matches('|').rsplit(" | ").next().unwrap();
        let (test_names, target_names) =
            shown_by.split_once("fuzz target").unwrap_or((shown_by, ""));
        let is_test_name = |name: &&str| {
            name.contains('_')
                && name
                    .chars()
                    .all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_'))
        };
        for name in quoted(test_names).into_iter().filter(is_test_name) {
            assert!(tests.contains_key(name), "{name} is not a test");
            count += 1;
        }
        for target in quoted(target_names) {
            let file = targets.join(format!("{target}.rs"));
            assert!(file.exists(), "{target} is not a fuzz target");
        }
        assert!(
            !row.contains("fuzz target") || !quoted(target_names).is_empty(),
            "{row}"
        );
    }
    assert!(count > 20, "the table was not read");
}

/// Returns the numbers of a line such as `Rules 28, 34–36.`, or `None` if it is another line.
fn numbers(line: &str) -> Option<BTreeSet<u32>> {
    let list = line
        .strip_prefix("Rule ")
        .or_else(|| line.strip_prefix("Rules "))?;
    let mut all = BTreeSet::new();
    for part in list.strip_suffix('.')?.split(", ") {
        let (start, end) = part.split_once('–').unwrap_or((part, part));
        all.extend(start.parse::<u32>().ok()?..=end.parse().ok()?);
    }
    Some(all)
}

fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Returns the tests in the sources, tests and examples.
fn tests() -> Tests {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = ["src", "tests", "examples"]
        .map(|folder| root.join(folder))
        .to_vec();
    let mut found = Tests::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                for (name, rules) in tests_in(&fs::read_to_string(path).unwrap()) {
                    found.entry(name).or_default().extend(rules);
                }
            }
        }
    }
    found
}

/// Returns the functions with the attribute of a test, except ignored ones.
fn tests_in(text: &str) -> Tests {
    let (mut attributes, mut rules) = (Vec::new(), BTreeSet::new());
    let mut found = Tests::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[") {
            attributes.push(line);
        } else if let Some(comment) = line.strip_prefix("/// ") {
            // A comment below an attribute is not above the test.
            if attributes.is_empty() {
                rules.extend(numbers(comment).unwrap_or_default());
            }
        } else if let Some(rest) = line.trim_start_matches("async ").strip_prefix("fn ") {
            let is_test = |attribute: &&str| {
                attribute.starts_with("#[test]") || attribute.starts_with("#[tokio::test")
            };
            let is_ignored = |attribute: &&str| attribute.starts_with("#[ignore");
            if attributes.iter().any(is_test) && !attributes.iter().any(is_ignored) {
                let name = rest.split(['(', '<']).next().unwrap_or_default();
                found.insert(name.to_owned(), std::mem::take(&mut rules));
            }
            attributes.clear();
            rules.clear();
        } else if !line.starts_with("//") {
            attributes.clear();
            rules.clear();
        }
    }
    found
}

#[test]
fn only_tests_that_run_are_found_with_their_rules() {
    let text = "/// Rule 1.\n#[test]\nfn a() {}\n/// Rule 2.\nfn b() {}\n\
                /// About it.\n/// Rules 3, 5–7.\n\
                #[tokio::test(start_paused = true)]\nasync fn c() {}\n\
                #[test]\n#[ignore = \"slow\"]\nfn d() {}\n#[test]\n/// Rule 8.\n#[cfg(unix)]\nfn e() {}\n\
                /// Rule 9: more.\n/// Rules 10, x.\n#[test]\nfn f() {}\n\
                /// Rule 11.\nstruct S;\n#[test]\nfn g() {}";
    let found: Vec<String> = tests_in(text)
        .iter()
        .map(|(name, rules)| format!("{name}: {rules:?}"))
        .collect();
    assert_eq!(
        found,
        ["a: {1}", "c: {3, 5, 6, 7}", "e: {}", "f: {}", "g: {}"]
    );
}
