//! The tables of the guide name tests that exist, and no rule of the first five sections is without one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const CONFORMANCE: &str = include_str!("../src/guide/conformance.md");
const THREATS: &str = include_str!("../src/guide/threats.md");

#[test]
fn every_rule_has_a_test_that_exists() {
    let tests = functions();
    let mut rules = BTreeMap::new();
    for row in CONFORMANCE.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [rule, _, held_by] = cells.as_slice() else { panic!("not three cells: {row}") };
        let rule: u32 = rule.parse().unwrap();
        let names = quoted(held_by);
        assert!(!names.is_empty(), "rule {rule} is held by nothing");
        for name in &names {
            assert!(tests.contains(*name), "rule {rule} is said to be held by {name}, which does not exist");
            if let Some(numbers) = numbers(name) {
                assert!(numbers.contains(&rule), "{name} does not carry the number of rule {rule}");
            }
        }
        assert!(rules.insert(rule, names).is_none(), "rule {rule} is there twice");
    }
    let missing: Vec<u32> = (1..=78).filter(|rule| !rules.contains_key(rule)).collect();
    assert!(missing.is_empty(), "rules without a test: {missing:?}");
}

#[test]
fn every_threat_names_tests_and_fuzz_targets_that_exist() {
    let tests = functions();
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let mut named = 0;
    for row in THREATS.lines().filter(|line| line.starts_with("| ")) {
        for name in quoted(row).into_iter().filter(|name| name.starts_with("rule_") || name.starts_with("class_")) {
            assert!(tests.contains(name), "{name} does not exist");
            named += 1;
        }
        if let Some((_, after)) = row.split_once("fuzz target") {
            let driven = quoted(after);
            assert!(!driven.is_empty());
            for target in driven {
                assert!(targets.join(format!("{target}.rs")).exists(), "there is no fuzz target {target}");
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
        match (word.parse(), words.peek().and_then(|next| next.parse::<u32>().ok())) {
            (Ok(number), _) => last = number,
            (Err(_), Some(end)) if word == "to" => all.extend(last..=end),
            _ => break,
        }
        all.insert(last);
    }
    Some(all)
}

fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The names of all functions in the sources and tests.
fn functions() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut folders, mut found) = (vec![root.join("src"), root.join("tests")], BTreeSet::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(path).unwrap();
                let names = text.lines().filter_map(|line| line.trim_start().trim_start_matches("async ").strip_prefix("fn "));
                found.extend(names.filter_map(|rest| rest.split(['(', '<']).next()).map(str::to_owned));
            }
        }
    }
    found
}
