//! The language of the project: comments, Markdown and messages.

use std::fs;

use regex::{Regex, RegexBuilder, RegexSetBuilder};

use crate::text::{Paragraph, has_extension, literals, paragraphs};
use crate::{files, files::root};

/// Phrases that readers had to read twice, each with what to write instead. The list may get
/// longer, never shorter.
const DENY_LIST: &str = include_str!("deny_list.txt");

/// The number of patterns that the list had at first.
const MIN_PATTERNS: usize = 51;

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

/// The project's prose is English, so ASCII is enough, and much faster.
fn regex(pattern: &str) -> Regex {
    RegexBuilder::new(pattern).unicode(false).build().unwrap()
}

/// Returns the files with prose: source code without tests, and Markdown.
fn prose_files() -> Vec<String> {
    let folders = ["src/", "examples/", "fuzz/", "benches/"];
    let is_prose = |file: &String| {
        let in_folder = folders.iter().any(|folder| file.starts_with(folder));
        let is_markdown = has_extension(file, "md")
            && (in_folder || !file.contains('/') || file == "tests/README.md");
        is_markdown || (in_folder && has_extension(file, "rs"))
    };
    let files: Vec<_> = files::tracked().into_iter().filter(is_prose).collect();
    assert!(files.len() > 150, "only {} files", files.len());
    files
}

/// There is no exception for a line. Rewrite the sentence.
#[test]
fn prose_has_no_phrase_of_the_deny_list() {
    let (patterns, suggestions): (Vec<&str>, Vec<&str>) = DENY_LIST
        .lines()
        .map(|line| line.rsplit_once(" => ").unwrap())
        .unzip();
    assert!(patterns.len() >= MIN_PATTERNS, "the list must not shrink");
    // The set finds the few patterns that match, in one pass.
    let set = RegexSetBuilder::new(&patterns).unicode(false).build();
    let set = set.unwrap();
    let mut found = Vec::new();
    for file in prose_files() {
        let content = read(&file);
        let mut texts = paragraphs(&file, &content);
        let is_test = file.contains("/tests/") || file.ends_with("/tests.rs");
        if file.starts_with("src/") && has_extension(&file, "rs") && !is_test {
            texts.extend(messages(&content));
        }
        for text in texts {
            for at in set.matches(&text.text) {
                for hit in regex(patterns[at]).find_iter(&text.text) {
                    let (line, phrase) = (text.line_at(hit.start()), hit.as_str());
                    found.push(format!("{file}:{line}: `{phrase}`: {}", suggestions[at]));
                }
            }
        }
    }
    assert!(
        found.is_empty(),
        "{}\n{} phrases: rewrite the sentences",
        found.join("\n"),
        found.len()
    );
}

/// Returns the string literals with a space: events, errors, titles and descriptions among them.
fn messages(content: &str) -> Vec<Paragraph> {
    let code = content
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let found = literals(code).into_iter();
    found.filter(|literal| literal.text.contains(' ')).collect()
}

/// Conditions are *if* clauses, and each sentence names its subject.
#[test]
fn prose_uses_words_within_limits() {
    let mut text = String::new();
    for file in prose_files() {
        for paragraph in paragraphs(&file, &read(&file)) {
            text.push_str(&paragraph.text);
            text.push('\n');
        }
    }
    let words = text.split_whitespace().count();
    // Per 10,000 words of comments and Markdown: at least, at most.
    for (pattern, least, most) in [
        ("if", 60, usize::MAX),
        ("nothing", 0, 5),
        ("told|tells?|asked|asks?", 0, 3),
        ("whose", 0, 6),
        ("nobody|whoever|everybody", 0, 3),
        ("refused?|refusals?", 0, 4),
    ] {
        let expression = regex(&format!(r"(?i)\b({pattern})\b"));
        let count = expression.find_iter(&text).count();
        println!("{pattern}: {count} in {words} words");
        let (scaled, most) = (count * 10_000, most.saturating_mul(words));
        assert!(
            (least * words..=most).contains(&scaled),
            "{pattern}: {count} in {words} words"
        );
    }
}

/// Tables, URLs and code are exempt.
#[test]
fn prose_wraps_at_100_columns() {
    let is_checked = |file: &String| {
        let is_vector = file.split('/').any(|part| part == "vectors");
        (has_extension(file, "rs") || has_extension(file, "md")) && !is_vector
    };
    let mut found = Vec::new();
    for file in files::tracked().into_iter().filter(is_checked) {
        let content = read(&file);
        let lines: Vec<&str> = content.lines().collect();
        for paragraph in paragraphs(&file, &content) {
            let numbers = paragraph.lines.iter().map(|(_, number)| *number);
            let too_long = numbers.filter(|number| {
                let line = lines[number - 1];
                let text = line.trim_start_matches(['/', ' ']);
                // A line that is one piece of code.
                let is_code = text.split('`').nth(1).is_some_and(|code| code.len() > 80);
                let is_exempt = (text.starts_with('`') && is_code)
                    || line.contains("://")
                    || text.trim_start_matches(['!', ' ']).starts_with('|')
                    || text.starts_with("![");
                line.chars().count() > 100 && !is_exempt
            });
            found.extend(too_long.map(|number| format!("{file}:{number}")));
        }
    }
    assert!(
        found.is_empty(),
        "longer than 100 columns:\n{}",
        found.join("\n")
    );
}

/// Each pattern finds the phrase that it is for, also in a message and across two lines.
#[test]
fn deny_list_finds_phrases() {
    for (file, content) in [
        ("a.rs", "/// The token is\n/// refused.\n"),
        ("a.rs", "// Whoever sends it is let\n// in.\n"),
        ("a.md", "The issuer gives no\nanswer.\n"),
        (
            "a.rs",
            "fn f() { warn!(\"the signature does \\\n    not count, in any case\") }\n",
        ),
    ] {
        let mut texts = paragraphs(file, content);
        texts.extend(messages(content));
        let hits = DENY_LIST.lines().filter(|line| {
            let (pattern, _) = line.rsplit_once(" => ").unwrap();
            texts.iter().any(|text| regex(pattern).is_match(&text.text))
        });
        assert_ne!(hits.count(), 0, "{content}");
    }
}
