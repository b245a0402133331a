//! Compares the public API of `tower-m2m` with the recorded one in `api.txt`. So a change of the
//! API is visible in a review, and no type of another crate gets into it by accident.
//!
//! ```text
//! cargo test --manifest-path tests/public-api/Cargo.toml               compares
//! UPDATE=1 cargo test --manifest-path tests/public-api/Cargo.toml      records it
//! ```
//!
//! It needs the nightly toolchain in `.ci/nightly` (`rustup toolchain install`), because only
//! nightly's rustdoc writes JSON. That format has a version. If the toolchain's version is not the
//! one that `public-api` reads, the test reports it. Then use a `public-api` with a `rustdoc-types`
//! of that version, or set `NIGHTLY_TOOLCHAIN` to an older nightly.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use public_api::tokens::Token;
use public_api::{Builder, PublicItem};

/// The crates with types that the API may contain.
const ALLOWED: [&str; 13] = [
    "tower_m2m",
    "core",
    "alloc",
    "std",
    "axum_core",
    "bytes",
    "http",
    "http_body",
    "serde",
    // A re-export of `serde`.
    "serde_core",
    "serde_json",
    "tower_layer",
    "tower_service",
];

/// The crates that a few items may name too: `Routes` makes axum's router of axum's handlers, and
/// the test utilities take such a router.
const EXCEPTIONS: [(&str, &str); 2] = [
    ("tower_m2m::Routes", "axum"),
    ("tower_m2m::testing::tenants::router", "axum"),
];

/// Every feature that adds items to the API. The client and its TLS add only dependencies.
const FEATURES: &str =
    "axum,dpop,introspection,metrics,mtls,redis,security-events,test-util,tracing";

#[test]
fn public_api_matches_api_txt() {
    let written = Path::new(env!("CARGO_MANIFEST_DIR")).join("api.txt");
    let items = items();
    let now = items
        .iter()
        .fold(String::new(), |text, item| text + &item.to_string() + "\n");
    if env::var_os("UPDATE").is_some() {
        fs::write(&written, &now).unwrap();
    }
    let before = fs::read_to_string(&written).unwrap_or_default();
    let difference = difference(&before, &now);
    assert!(
        difference.is_empty(),
        "the public interface changed:\n{difference}\nIf that is meant, say so in CHANGELOG.md, and write it down with\n    \
         UPDATE=1 cargo test --manifest-path tests/public-api/Cargo.toml"
    );
    let foreign: Vec<_> = items.iter().filter_map(complaint).collect();
    assert!(
        foreign.is_empty(),
        "types of other crates are in the public interface:\n{}",
        foreign.join("\n")
    );
    // The list is not empty.
    assert!(items.len() > 500, "{} items", items.len());
}

fn items() -> Vec<PublicItem> {
    let api = Builder::from_rustdoc_json(rustdoc_json())
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .build();
    let api = api.unwrap_or_else(|error| {
        panic!("public-api cannot read what this nightly's rustdoc wrote, see the top of tests/public-api/src/lib.rs: {error}")
    });
    // The `pin_project_lite` macro generates these items, and users cannot name them.
    api.into_items()
        .filter(|item| {
            !item
                .tokens()
                .any(|token| token.text() == "pin_project_lite")
        })
        .collect()
}

/// Documents the crate with nightly and returns the path of the JSON file.
fn rustdoc_json() -> std::path::PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let toolchain = env::var("NIGHTLY_TOOLCHAIN").unwrap_or_else(|_| {
        let file = fs::read_to_string(root.join(".ci/nightly")).unwrap();
        file.trim().to_owned()
    });
    // A relative path is one from the root of the repository, where the recipe runs.
    let target = root.join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()));
    let json = target.join("doc/tower_m2m.json");
    // Removes an old file, so that the test cannot read it by mistake.
    let _ = fs::remove_file(&json);
    let mut cargo = Command::new("rustup");
    cargo.args([
        "run", &toolchain, "cargo", "rustdoc", "--quiet", "--locked", "--lib",
    ]);
    cargo.arg("--target-dir").arg(&target);
    cargo.args([
        "--no-default-features",
        "--features",
        FEATURES,
        "--",
        "-Zunstable-options",
        "--output-format",
        "json",
    ]);
    let ended = cargo
        .current_dir(&root)
        .env_remove("CARGO")
        .env_remove("RUSTC")
        .env_remove("RUSTDOC")
        .status();
    let ended = ended
        .unwrap_or_else(|error| panic!("rustup is needed to find a nightly toolchain: {error}"));
    assert!(
        ended.success(),
        "rustdoc of `{toolchain}` failed: is it there? `rustup toolchain install {toolchain}`"
    );
    json
}

/// Returns the removed and the added lines.
fn difference(before: &str, now: &str) -> String {
    let mut count = BTreeMap::<&str, i32>::new();
    before
        .lines()
        .for_each(|line| *count.entry(line).or_default() -= 1);
    now.lines()
        .for_each(|line| *count.entry(line).or_default() += 1);
    let changed = count.into_iter().filter(|(_, count)| *count != 0);
    changed.fold(String::new(), |mut text, (line, count)| {
        let _ = writeln!(text, "{} {line}", if count < 0 { '-' } else { '+' });
        text
    })
}

/// Returns the crates that an item names and must not name.
fn complaint(item: &PublicItem) -> Option<String> {
    let tokens: Vec<&str> = item.tokens().map(Token::text).collect();
    let text = item.to_string();
    let excepted: Vec<&str> = EXCEPTIONS
        .iter()
        .filter(|(of, _)| mentions(&text, of))
        .map(|(_, allowed)| *allowed)
        .collect();
    let foreign: BTreeSet<&str> = crates(&tokens)
        .filter(|name| !ALLOWED.contains(name) && !excepted.contains(name))
        .collect();
    (!foreign.is_empty()).then(|| format!("{foreign:?} in {text}"))
}

/// Returns the first name of every path.
fn crates<'t>(tokens: &'t [&'t str]) -> impl Iterator<Item = &'t str> {
    let is_name = |token: &str| {
        token.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '_')
    };
    let before = [""].into_iter().chain(tokens.iter().copied());
    let pairs = before.zip(tokens).zip(tokens.iter().skip(1));
    pairs
        .filter(move |((before, name), after)| *before != "::" && **after == "::" && is_name(name))
        .map(|((_, name), _)| *name)
}

/// Returns `true` if the string contains the path, not only as the beginning of a longer name.
fn mentions(text: &str, path: &str) -> bool {
    let ends = |at: usize| {
        !text[at + path.len()..].starts_with(|next: char| next.is_alphanumeric() || next == '_')
    };
    text.match_indices(path).any(|(at, _)| ends(at))
}

/// The checks can fail.
#[test]
fn api_check_finds_changes_and_foreign_types() {
    assert_eq!(difference("a\nb\nb\n", "b\nc\nb\n"), "- a\n+ c\n");
    assert_eq!(difference("a\n", "a\n"), "");
    let tokens = [
        "pub",
        " ",
        "fn",
        " ",
        "tower_m2m",
        "::",
        "f",
        "(",
        "moka",
        "::",
        "sync",
        "::",
        "Cache",
        "<",
        "K",
        "::",
        "V",
        ">",
        ")",
    ];
    assert_eq!(crates(&tokens).collect::<Vec<_>>(), ["tower_m2m", "moka"]);
    assert!(
        mentions("impl tower_m2m::Routes<S>", "tower_m2m::Routes")
            && !mentions("tower_m2m::RoutesX", "tower_m2m::Routes")
    );
}
