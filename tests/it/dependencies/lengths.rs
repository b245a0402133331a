//! No source file has more than 300 lines without its tests.

use std::fs;
use std::path::Path;

const MAX_LINES: usize = 300;

#[test]
fn source_files_have_at_most_300_lines_without_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut problems = Vec::new();
    let mut folders = vec![root.join("src")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // These are compiled for tests only, and so is a file `tests.rs`.
                if !path.ends_with("tests") {
                    folders.push(path);
                }
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "rs")
                || path.ends_with("tests.rs")
            {
                continue;
            }
            files += 1;
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            let lines = lines_without_tests(&fs::read_to_string(&path).unwrap());
            if lines > MAX_LINES {
                problems.push(format!("{name} has {lines} lines without tests: split it"));
            }
        }
    }
    assert!(files > 100, "the files were not found");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Counts the lines of a file without the modules that are compiled for tests only.
fn lines_without_tests(text: &str) -> usize {
    let mut lines = text.lines().peekable();
    let mut count = 0;
    while let Some(line) = lines.next() {
        let is_tests = line == "#[cfg(test)]"
            && lines
                .peek()
                .is_some_and(|next| next.starts_with("mod ") && next.ends_with('{'));
        if is_tests {
            lines.by_ref().find(|line| *line == "}");
        } else {
            count += 1;
        }
    }
    count
}

#[test]
fn lines_of_test_modules_are_not_counted() {
    let text = "a\n#[cfg(test)]\nmod tests {\n    b\n}\nc\n#[cfg(test)]\nfn d() {}\n";
    assert_eq!(lines_without_tests(text), 4);
}
