//! Replaced names must not be defined again. `renames.tsv` has a row for each replaced name, and
//! `kept.tsv` has the definitions of the same name that stay.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

mod source;
mod tokens;

use source::Source;

const RENAMES: &str = include_str!("renames.tsv");

const KEPT: &str = include_str!("kept.tsv");

const FOLDERS: [&str; 5] = ["src", "tests", "fuzz", "benches", "examples"];

/// A row of `renames.tsv`.
struct Rename<'a> {
    /// A file or a folder; `.` for all folders.
    scope: &'a str,
    kind: &'a str,
    old: &'a str,
    new: &'a str,
}

/// A row of `kept.tsv`.
struct Kept<'a> {
    scope: &'a str,
    name: &'a str,
    reason: &'a str,
}

#[test]
fn no_replaced_name_is_defined() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    for entry in FOLDERS.into_iter().chain(["README.md", "SECURITY.md"]) {
        gather(root, entry, &mut sources);
    }
    let (renames, kept) = (renames(RENAMES), kept(KEPT));
    assert!(renames.len() > 500, "the table was not read");
    let introduced: BTreeSet<&str> = renames.iter().map(|rename| last(rename.new)).collect();
    let (mut problems, mut exceptions) = (BTreeSet::new(), BTreeSet::new());
    for rename in &renames {
        let Rename { kind, old, new, .. } = rename;
        for file in uses(rename, &sources) {
            let reason = kept
                .iter()
                .find(|kept| kept.name == *old && is_in(&file, kept.scope))
                .map(|kept| kept.reason);
            let reason = reason.or_else(|| {
                let is_introduced = *kind == "item" && introduced.contains(old);
                is_introduced.then_some("another row introduces this name")
            });
            match reason {
                Some(reason) => exceptions.insert(format!("{file}: `{old}`: {reason}")),
                None => problems.insert(format!("{file}: {kind} `{old}`, expected `{new}`")),
            };
        }
        if *kind == "path" && root.join(old).exists() {
            problems.insert(format!("{old} exists, expected {new}"));
        }
    }
    println!("{} rows, {} exceptions:", renames.len(), exceptions.len());
    for exception in &exceptions {
        println!("{exception}");
    }
    let problems: Vec<String> = problems.into_iter().collect();
    assert!(
        problems.is_empty(),
        "{} problems:\n{}",
        problems.len(),
        problems.join("\n")
    );
}

#[test]
fn debug_output_has_the_names_of_types() {
    let mut sources = Vec::new();
    gather(Path::new(env!("CARGO_MANIFEST_DIR")), "src", &mut sources);
    let names = sources.iter().flat_map(|source| {
        let names = source.debug_names().into_iter();
        names.map(|(own, name)| format!("{}: `{own}` prints `{name}`", source.file))
    });
    assert_eq!(names.collect::<Vec<_>>(), [""; 0]);
    let source = Source::new(
        "a.rs",
        "impl Debug for New { f.debug_struct(\"Old\") } impl Debug for Kept<'_> { f.debug_tuple(\"Kept\") }",
    );
    assert_eq!(source.debug_names(), [("New", "Old")]);
}

/// Returns the files that still use the old name of a row, or that do not have the type of the row.
fn uses(rename: &Rename<'_>, sources: &[Source]) -> Vec<String> {
    let Rename {
        scope,
        kind,
        old,
        new,
    } = *rename;
    let (owner, member) = old.rsplit_once("::").unwrap_or(("", old));
    let inside: Vec<&Source> = sources
        .iter()
        .filter(|source| is_in(&source.file, scope))
        .collect();
    let found = |uses: &dyn Fn(&Source) -> bool| -> Vec<String> {
        let files = inside.iter().filter(|source| uses(source));
        files.map(|source| source.file.clone()).collect()
    };
    if inside.is_empty() && kind != "path" {
        return vec![format!("{scope} does not exist")];
    }
    match kind {
        "item" => found(&|source| source.defines(old)),
        "local" => found(&|source| source.has_local(old)),
        "variant" | "member" => {
            let names = |source: &Source| -> Option<Vec<String>> {
                let names = if kind == "variant" {
                    source.variants(owner)
                } else {
                    source.members(owner)
                };
                names.map(|names| names.into_iter().map(str::to_owned).collect())
            };
            if inside.iter().all(|source| names(source).is_none()) {
                return vec![format!("{scope} does not define `{owner}`")];
            }
            found(&|source| {
                names(source).is_some_and(|names| names.iter().any(|name| name == member))
            })
        }
        "field" => found(&|source| source.event_fields().contains(&old) || source.has_string(old)),
        "string" => found(&|source| source.has_string(old)),
        "code" => found(&|source| source.strings_in("code").contains(&old)),
        "word" => found(&|source| has_word(&source.text, old)),
        "api" => {
            // The member may have kept its name although the type has a new one.
            let owner = new.rsplit_once("::").map_or(owner, |(owner, _)| owner);
            let renamed = format!("{owner}::{member}");
            found(&|source| {
                has_word(&source.text, old) || renamed != new && has_word(&source.text, &renamed)
            })
        }
        "path" => Vec::new(),
        _ => panic!("unknown kind {kind}"),
    }
}

fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}

fn is_in(file: &str, scope: &str) -> bool {
    let below = file
        .strip_prefix(scope)
        .is_some_and(|rest| rest.starts_with(['/', '.']));
    scope == "." || file == scope || below
}

/// Returns `true` if the text has the words, not as a part of longer ones.
fn has_word(text: &str, words: &str) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(words).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + words.len()..]);
        !before.ends_with(is_word) && !after.starts_with(is_word)
    })
}

fn renames(table: &str) -> Vec<Rename<'_>> {
    let rows = table.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let [scope, kind, old, new] = cells[..] else {
            panic!("not four cells: {line}")
        };
        Rename {
            scope,
            kind,
            old,
            new,
        }
    });
    rows.collect()
}

fn kept(table: &str) -> Vec<Kept<'_>> {
    let rows = table.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let [scope, name, reason] = cells[..] else {
            panic!("not three cells: {line}")
        };
        Kept {
            scope,
            name,
            reason,
        }
    });
    rows.collect()
}

fn gather(root: &Path, entry: &str, sources: &mut Vec<Source>) {
    let path = root.join(entry);
    let name = entry.rsplit('/').next().unwrap();
    if path.is_dir() {
        if matches!(name, "target" | "node_modules" | "corpus" | "seeds")
            || entry == "tests/renames"
        {
            return;
        }
        for child in fs::read_dir(path).unwrap() {
            let child = child.unwrap().file_name();
            gather(
                root,
                &format!("{entry}/{}", child.to_str().unwrap()),
                sources,
            );
        }
    } else if [".rs", ".md", ".txt", ".toml"]
        .iter()
        .any(|ending| name.ends_with(ending))
    {
        sources.push(Source::new(entry, &fs::read_to_string(path).unwrap()));
    }
}

#[test]
fn each_kind_of_row_can_fail() {
    let source = Source::new(
        "src/a.rs",
        "pub struct Old<T> { /// Text.\n #[serde(default)] old_field: T, other: a::B }
         impl<T: Into<u8>> fmt::Debug for Old<T> where T: X { fn old_method() { fn inner() {} } }
         enum Kind { #[x(y)] OldVariant { a: u8 }, Other(u8), Last }
         pub const fn code() -> &'static str { match '\"' { _ => \"old_code\" } }
         // struct Comment;\nconst TEXT: &str = \"struct String;\";
         fn f() { tracing::warn!(target: \"t\", old_event = 1, shorthand, %printed, \"old message\");
                  tracing::$level!(in_macro = f(1), \"text\"); }
         fn g(old_parameter: u8) { let (old_local, _) = f(|old_closure| old_call() + a::old_path);
                  A { old_set: 1 }.old_access }",
    );
    let api = Source::new(
        "api.txt",
        "pub fn a::Old<'a, Vec<u8>>::of(&'a T) -> core::Result<Self, Inner>\npub fn a::New::kept()",
    );
    let sources = [source, api];
    for (kind, old, new, expected) in [
        ("item", "Old", "New", true),
        ("item", "code", "new", true),
        ("item", "inner", "new", true),
        ("item", "TEXT", "NEW", true),
        ("item", "Comment", "New", false),
        ("item", "String", "New", false),
        ("item", "OldVariant", "New", false),
        ("local", "old_local", "new", true),
        ("local", "old_parameter", "new", true),
        ("local", "old_closure", "new", true),
        ("local", "old_set", "new", true),
        ("local", "old_call", "new", false),
        ("local", "old_path", "new", false),
        ("local", "old_access", "new", false),
        ("variant", "Kind::OldVariant", "Kind::New", true),
        ("variant", "Kind::Last", "Kind::New", true),
        ("variant", "Kind::a", "Kind::New", false),
        ("variant", "Missing::A", "Missing::B", true),
        ("member", "Old::old_field", "Old::new", true),
        ("member", "Old::other", "Old::new", true),
        ("member", "Old::old_method", "Old::new", true),
        ("member", "Old::inner", "Old::new", false),
        ("member", "Old::B", "Old::new", false),
        ("field", "old_event", "new", true),
        ("field", "shorthand", "new", true),
        ("field", "printed", "new", true),
        ("field", "in_macro", "new", true),
        ("field", "warn", "new", false),
        ("string", "old message", "new", true),
        ("string", "message", "new", false),
        ("code", "old_code", "new", true),
        ("code", "old message", "new", false),
        ("word", "old_event", "new", true),
        ("word", "old_even", "new", false),
        ("api", "Old::of", "New::from_x", true),
        ("api", "Before::kept", "New::other", true),
        ("api", "Inner", "New", false),
    ] {
        let rename = Rename {
            scope: ".",
            kind,
            old,
            new,
        };
        assert_eq!(
            !uses(&rename, &sources).is_empty(),
            expected,
            "{kind} {old}"
        );
    }
    assert!(
        is_in("src/a/b.rs", "src/a") && is_in("src/a.rs", "src/a") && !is_in("src/ab.rs", "src/a")
    );
}
