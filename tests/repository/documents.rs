//! Checks that the indexes of examples, tests and features are complete.

use std::collections::BTreeSet;
use std::fs;

use crate::files::{root, tracked};

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

/// The programs and packages in `examples/`: `hyper.rs`, `tonic`.
fn examples() -> BTreeSet<String> {
    let files = tracked();
    let inside = files
        .iter()
        .filter_map(|file| file.strip_prefix("examples/"));
    inside
        .map(|file| file.split('/').next().unwrap_or(file).to_owned())
        .filter(|name| name != "README.md")
        .collect()
}

#[test]
fn examples_readme_lists_every_example() {
    let readme = read("examples/README.md");
    let missing: Vec<_> = examples()
        .into_iter()
        .filter(|name| !readme.contains(&format!("| `{name}` |")))
        .collect();
    assert!(missing.is_empty(), "examples/README.md lacks {missing:?}");
    assert!(examples().contains("quickstart.rs") && examples().contains("tonic"));
}

#[test]
fn tests_readme_lists_every_program() {
    let readme = read("tests/README.md");
    let files = tracked();
    let programs: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| file.strip_prefix("tests/"))
        .map(|file| file.split_inclusive('/').next().unwrap_or(file))
        .filter(|name| {
            name.ends_with('/') || name.rsplit_once('.').is_some_and(|(_, kind)| kind == "rs")
        })
        .filter(|name| !["repository/", "support/"].contains(name))
        .collect();
    let missing: Vec<_> = programs
        .iter()
        .filter(|name| !readme.contains(&format!("`{name}`")))
        .collect();
    assert!(missing.is_empty(), "tests/README.md lacks {missing:?}");
    assert!(programs.contains("tenancy/"));
}

#[test]
fn architecture_page_names_every_folder_of_the_source() {
    let page = read("ARCHITECTURE.md");
    let files = tracked();
    let inside = files.iter().filter_map(|file| file.strip_prefix("src/"));
    let folders: BTreeSet<&str> = inside
        .filter_map(|file| Some(file.split_once('/')?.0))
        .collect();
    // A module in one file may have a folder for its unit tests.
    let missing: Vec<_> = folders
        .iter()
        .filter(|name| !page.contains(&format!("src/{name}")))
        .filter(|name| !root().join("src").join(format!("{name}.rs")).exists())
        .collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md lacks {missing:?}");
    assert!(folders.contains("security_events"));
}

/// The rows of the table that begins with `| feature |`, without doc comment markers.
fn feature_rows(file: &str) -> Vec<String> {
    let content = read(file);
    let lines = content
        .lines()
        .map(|line| line.trim_start_matches("//!").trim());
    let rows = lines.skip_while(|line| !line.starts_with("| feature |"));
    rows.take_while(|line| line.starts_with('|'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn feature_tables_name_every_feature() {
    let manifest = read("Cargo.toml");
    let section = manifest.split("[features]").nth(1).unwrap();
    let section = section.split("\n[").next().unwrap();
    let features = section
        .lines()
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name))
        .filter(|name| *name != "default");
    let rows = feature_rows("src/lib.rs");
    for feature in features {
        assert!(
            rows.iter()
                .any(|row| row.starts_with(&format!("| `{feature}` |"))),
            "the table of features in src/lib.rs lacks {feature}"
        );
    }
}

#[test]
fn readme_and_crate_have_the_same_feature_table() {
    let rows = feature_rows("src/lib.rs");
    assert!(rows.len() >= 10);
    assert_eq!(rows, feature_rows("README.md"));
}

#[test]
fn readme_lists_every_example() {
    let readme = read("README.md");
    let missing: Vec<_> = examples()
        .into_iter()
        .filter(|name| match name.strip_suffix(".rs") {
            Some(program) => !readme.contains(&format!("--example {program}`")),
            None => !readme.contains(&format!("`examples/{name}`")),
        })
        .collect();
    assert!(missing.is_empty(), "README.md lacks {missing:?}");
}

/// The guide cannot compile this code, because tonic is no dependency of the crate.
#[test]
fn tonic_code_of_the_guide_is_tested() {
    let chapter = read("src/guide/layer_order.md");
    let (_, block) = chapter.split_once("```rust,ignore\n").unwrap();
    let (block, rest) = block.split_once("```").unwrap();
    assert!(!rest.contains(",ignore"), "one block is not compiled");
    let without_indent = |code: &str| code.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let test = without_indent(&read("examples/tonic/tests/stacks.rs"));
    assert!(block.lines().count() > 5);
    assert!(test.contains(without_indent(block).trim()), "{block}");
}
