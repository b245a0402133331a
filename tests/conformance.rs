//! The tables of the guide name tests that exist, and no rule within what the crate offers is without one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const CONFORMANCE: &str = include_str!("../src/guide/conformance.md");
const THREATS: &str = include_str!("../src/guide/threats.md");

#[test]
fn every_rule_has_a_test_that_exists() {
    let tests = tests();
    let mut rules = BTreeMap::new();
    for row in CONFORMANCE
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1)
    {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [rule, _, held_by] = cells.as_slice() else {
            panic!("not three cells: {row}")
        };
        let rule: u32 = rule.parse().unwrap();
        let names = quoted(held_by);
        assert!(!names.is_empty(), "rule {rule} is held by nothing");
        for name in &names {
            assert!(
                tests.contains(*name),
                "rule {rule} is said to be held by {name}, which is no test"
            );
            if let Some(numbers) = numbers(name) {
                assert!(
                    numbers.contains(&rule),
                    "{name} does not carry the number of rule {rule}"
                );
            }
        }
        assert!(
            rules.insert(rule, names).is_none(),
            "rule {rule} is there twice"
        );
    }
    let offered = (1..=95).chain([109, 118, 130]).chain(139..=160);
    let missing: Vec<u32> = offered.filter(|rule| !rules.contains_key(rule)).collect();
    assert!(missing.is_empty(), "rules without a test: {missing:?}");
}

#[test]
fn every_threat_names_tests_and_fuzz_targets_that_exist() {
    let tests = tests();
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let mut named = 0;
    for row in THREATS.lines().filter(|line| line.starts_with("| ")) {
        for name in quoted(row)
            .into_iter()
            .filter(|name| name.starts_with("rule_") || name.starts_with("class_"))
        {
            assert!(tests.contains(name), "{name} is no test");
            named += 1;
        }
        if let Some((_, after)) = row.split_once("fuzz target") {
            let driven = quoted(after);
            assert!(!driven.is_empty());
            for target in driven {
                assert!(
                    targets.join(format!("{target}.rs")).exists(),
                    "there is no fuzz target {target}"
                );
            }
        }
    }
    assert!(named > 20, "the table was not read");
}

/// The numbers in a name such as `rule_28_34_to_36_any_bit`, nothing for other names.
fn numbers(name: &str) -> Option<BTreeSet<u32>> {
    let mut words = name.strip_prefix("rule_")?.split('_').peekable();
    let (mut all, mut last) = (BTreeSet::new(), 0);
    while let Some(word) = words.next() {
        match (
            word.parse(),
            words.peek().and_then(|next| next.parse::<u32>().ok()),
        ) {
            (Ok(number), _) => last = number,
            (Err(_), Some(end)) if word == "to" => all.extend(last..=end),
            (Err(_), Some(_)) if word == "and" => continue,
            _ => break,
        }
        all.insert(last);
    }
    Some(all)
}

fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The names of all tests in the sources, tests and examples.
fn tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut folders, mut found) = (
        ["src", "tests", "examples"]
            .map(|folder| root.join(folder))
            .to_vec(),
        BTreeSet::new(),
    );
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.extend(tests_in(&fs::read_to_string(path).unwrap()));
            }
        }
    }
    found
}

/// Functions that a test's attribute stands before, and none that makes it no test.
fn tests_in(text: &str) -> Vec<String> {
    let (mut attributes, mut found) = (Vec::new(), Vec::new());
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[") {
            attributes.push(line);
        } else if let Some(rest) = line.trim_start_matches("async ").strip_prefix("fn ") {
            let is_test = |attribute: &&str| {
                attribute.starts_with("#[test]") || attribute.starts_with("#[tokio::test")
            };
            let is_ignored = |attribute: &&str| attribute.starts_with("#[ignore");
            if attributes.iter().any(is_test) && !attributes.iter().any(is_ignored) {
                found.extend(rest.split(['(', '<']).next().map(str::to_owned));
            }
            attributes.clear();
        } else if !line.starts_with("//") {
            attributes.clear();
        }
    }
    found
}

#[test]
fn helpers_and_ignored_tests_hold_nothing() {
    let text = "#[test]\nfn a() {}\nfn b() {}\n#[tokio::test(start_paused = true)]\n/// About it.\nasync fn c() {}\n\
                #[test]\n#[ignore = \"slow\"]\nfn d() {}\n#[test]\n#[cfg(unix)]\nfn e() {}\n#[derive(Debug)]\nstruct S;\nfn f() {}";
    assert_eq!(tests_in(text), ["a", "c", "e"]);
}
