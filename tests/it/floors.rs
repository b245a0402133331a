//! Who may name whom: lower floors know nothing of higher ones, and each external crate has its floors.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A module of `src`, the modules it may name, and the external crates.
type Floor = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// The table, ground floor first. `std` is for everybody; the test kit and the guide are no floors of the house.
const FLOORS: &[Floor] = &[
    ("token", &[], &["base64", "memchr", "serde_json"]),
    ("clock", &[], &[]),
    ("util", &[], &[]),
    ("bearer", &[], &["http"]),
    ("scopes", &["token"], &[]),
    ("rejection", &["token", "bearer"], &[]),
    (
        "telemetry",
        &["token", "rejection"],
        &["axum", "http", "metrics", "tracing"],
    ),
    (
        "jwks",
        &["token", "clock", "util", "telemetry"],
        &[
            "aws_lc_rs",
            "base64",
            "http",
            "httpdate",
            "jsonwebtoken",
            "reqwest",
            "rustls",
            "rustls_pki_types",
            "serde",
            "serde_json",
            "tokio",
        ],
    ),
    (
        "revocation",
        &["token", "clock", "util", "rejection", "telemetry"],
        &["tokio"],
    ),
    (
        "verifier",
        &[
            "token",
            "clock",
            "util",
            "bearer",
            "jwks",
            "rejection",
            "revocation",
            "telemetry",
        ],
        &["http", "moka", "serde", "serde_json", "tokio"],
    ),
    ("response", &["rejection"], &["bytes", "http"]),
    ("extensions", &["token"], &["http"]),
    (
        "middleware",
        &[
            "token",
            "bearer",
            "rejection",
            "revocation",
            "verifier",
            "response",
            "extensions",
            "telemetry",
        ],
        &[
            "axum",
            "bytes",
            "http",
            "http_body",
            "pin_project_lite",
            "tower_layer",
            "tower_service",
        ],
    ),
    (
        "extract",
        &[
            "token",
            "scopes",
            "telemetry",
            "rejection",
            "verifier",
            "response",
            "extensions",
            "middleware",
        ],
        &["axum", "http"],
    ),
    ("config", &["token", "verifier"], &["humantime", "serde"]),
    (
        "metadata",
        &["scopes", "jwks", "verifier", "middleware"],
        &["http", "serde", "serde_json", "tower_service"],
    ),
    ("routes", &["token", "middleware"], &["axum", "http"]),
];

const NO_FLOORS: [&str; 3] = ["lib", "testing", "guide"];

#[test]
fn lower_floors_know_nothing_of_higher_ones() {
    let house = House::read(Path::new(env!("CARGO_MANIFEST_DIR")));
    let mut complaints = Vec::new();
    for (module, text) in &house.modules {
        match FLOORS.iter().find(|(name, ..)| name == module) {
            Some(floor) => complaints.extend(house.complaints(floor, text)),
            None if NO_FLOORS.contains(&module.as_str()) => {}
            None => complaints.push(format!(
                "`{module}` has no floor yet: say in FLOORS what it may name"
            )),
        }
    }
    for (name, ..) in FLOORS {
        if !house.modules.contains_key(*name) {
            complaints.push(format!(
                "`{name}` is not in src any more: take it out of FLOORS"
            ));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// The check can fail.
#[test]
fn a_violation_is_seen_however_it_is_written() {
    let house = House::read(Path::new(env!("CARGO_MANIFEST_DIR")));
    let floor: Floor = ("token", &["clock"], &["serde"]);
    for (code, complaint) in [
        (
            "use crate::jwks::Keys;",
            Some("`token` names `crate::jwks`"),
        ),
        (
            "use crate::{clock::Clock, jwks::{Keys, Cause}, verifier};",
            Some("`token` names `crate::jwks`, `crate::verifier`"),
        ),
        (
            "fn f() -> crate::Verifier {}",
            Some("`token` names `crate::verifier`"),
        ),
        (
            "use super::super::extract;",
            Some("`token` names `crate::extract`"),
        ),
        (
            "use http::{Request, Response};",
            Some("`token` names the external crate `http`"),
        ),
        (
            "fn f(_: &reqwest::Client) {}",
            Some("`token` names the external crate `reqwest`"),
        ),
        (
            "use crate::clock::Clock; use serde::Deserialize; use std::fmt; use super::json;",
            None,
        ),
        (
            "/// [`crate::jwks`]\n// use http::Request;\nlet url = \"https://x\"; $crate::jwks",
            None,
        ),
        ("#[cfg(test)]\nmod tests { use crate::jwks::Keys; }", None),
    ] {
        assert_eq!(
            house.complaints(&floor, code).first().map(String::as_str),
            complaint,
            "{code}"
        );
    }
}

/// The source, by module, and which names mean what.
struct House {
    modules: BTreeMap<String, String>,
    /// What the root gives away under its own name, and where it comes from.
    at_the_root: BTreeMap<String, String>,
    external: BTreeSet<String>,
}

impl House {
    fn read(root: &Path) -> Self {
        let mut modules = BTreeMap::new();
        for entry in fs::read_dir(root.join("src")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let mut text = String::new();
            gather(&path, &mut text);
            modules.insert(name, text);
        }
        let mut at_the_root = BTreeMap::new();
        for line in modules["lib"]
            .split(';')
            .filter_map(|item| item.split_once("pub use "))
            .map(|(_, path)| path)
        {
            let (module, names) = line.split_once("::").unwrap();
            for name in names
                .split(|c: char| !c.is_alphanumeric())
                .filter(|name| !name.is_empty())
            {
                at_the_root.insert(name.to_owned(), module.to_owned());
            }
        }
        let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
        let dependencies = manifest
            .split("[dependencies]")
            .nth(1)
            .unwrap()
            .split("\n[")
            .next()
            .unwrap();
        let names = dependencies
            .lines()
            .filter_map(|line| line.split_once(" = "))
            .map(|(name, _)| name.replace('-', "_"));
        Self {
            modules,
            at_the_root,
            external: names.collect(),
        }
    }

    fn complaints(&self, (module, modules, crates): &Floor, text: &str) -> Vec<String> {
        let (mut named_modules, mut named_crates) = (BTreeSet::new(), BTreeSet::new());
        for path in paths(&code_of(text)) {
            let first = path.first().map(String::as_str).unwrap_or_default();
            let inside = path
                .iter()
                .find(|step| !matches!(step.as_str(), "crate" | "super"));
            match (first, inside) {
                ("crate" | "super", Some(name)) => {
                    let name = self
                        .at_the_root
                        .get(name)
                        .filter(|_| first == "crate")
                        .unwrap_or(name);
                    // `super::json` is a neighbour inside the module.
                    if self.modules.contains_key(name)
                        && name != module
                        && !modules.contains(&name.as_str())
                    {
                        named_modules.insert(format!("`crate::{name}`"));
                    }
                }
                _ if self.external.contains(first) && !crates.contains(&first) => {
                    named_crates.insert(format!("`{first}`"));
                }
                _ => {}
            }
        }
        let list = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(", ");
        let mut complaints = Vec::new();
        if !named_modules.is_empty() {
            complaints.push(format!("`{module}` names {}", list(named_modules)));
        }
        if !named_crates.is_empty() {
            complaints.push(format!(
                "`{module}` names the external crate {}",
                list(named_crates)
            ));
        }
        complaints
    }
}

fn gather(path: &Path, text: &mut String) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            gather(&entry.unwrap().path(), text);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        text.push_str(&code_of(&fs::read_to_string(path).unwrap()));
        text.push('\n');
    }
}

/// Without comments, and without the unit tests at the end of a file.
fn code_of(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines = code.lines().map(|line| {
        if line.trim_start().starts_with("//") {
            ""
        } else {
            line
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Every path `a::b::c`, a group `a::{b, c}` as a path for each of its members.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut tokens = Vec::new();
    let mut letters = code.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_alphanumeric() || letter == '_' {
            let mut word = letter.to_string();
            while let Some(next) = letters.next_if(|next| next.is_alphanumeric() || *next == '_') {
                word.push(next);
            }
            tokens.push(word);
        } else if letter == ':' && letters.next_if_eq(&':').is_some() {
            tokens.push("::".to_owned());
        } else if !letter.is_whitespace() {
            tokens.push(letter.to_string());
        }
    }
    let is_name = |token: &str| token.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let before = at.checked_sub(1).map(|before| tokens[before].as_str());
        if !is_name(&tokens[at])
            || matches!(before, Some("::" | "$"))
            || tokens.get(at + 1).is_none_or(|next| next != "::")
        {
            continue;
        }
        let mut path = vec![tokens[at].clone()];
        let mut next = at + 1;
        while tokens.get(next).is_some_and(|token| token == "::") {
            match tokens.get(next + 1) {
                Some(name) if is_name(name) => path.push(name.clone()),
                Some(open) if open == "{" => {
                    for member in members(&tokens[next + 2..]) {
                        found.push(path.iter().cloned().chain([member]).collect());
                    }
                    break;
                }
                _ => break,
            }
            next += 2;
        }
        found.push(path);
    }
    found
}

/// The first name of each member of a group, up to its end.
fn members(tokens: &[String]) -> Vec<String> {
    let (mut depth, mut names, mut expected) = (0, Vec::new(), true);
    for token in tokens {
        match token.as_str() {
            "{" => depth += 1,
            "}" if depth == 0 => break,
            "}" => depth -= 1,
            "," if depth == 0 => expected = true,
            name if expected => {
                names.push(name.to_owned());
                expected = false;
            }
            _ => {}
        }
    }
    names
}
