//! The prose in a file: comments or Markdown without code, and string literals.

use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

/// Lines of prose that follow each other, joined by spaces.
#[derive(Default)]
pub(crate) struct Paragraph {
    pub(crate) text: String,
    /// Where each line begins in `text`, and its number in the file.
    pub(crate) lines: Vec<(usize, usize)>,
}

/// Inline code, URLs, and two phrases of the field that the deny-list would find.
static CODE: LazyLock<Regex> = LazyLock::new(|| {
    let code = r"`[^`]*`|https?://[^ )]+|(?i-u:connection refused|on demand)";
    Regex::new(code).unwrap()
});

impl Paragraph {
    /// Returns the number of the line that contains this offset of the text.
    pub(crate) fn line_at(&self, offset: usize) -> usize {
        let at = self.lines.partition_point(|(start, _)| *start <= offset);
        self.lines[at.saturating_sub(1)].1
    }
}

pub(crate) fn has_extension(file: &str, expected: &str) -> bool {
    Path::new(file)
        .extension()
        .is_some_and(|found| found == expected)
}

/// Returns the comments of a source file, or the text of a Markdown file, without code.
pub(crate) fn paragraphs(file: &str, content: &str) -> Vec<Paragraph> {
    let is_source = has_extension(file, "rs");
    let (mut found, mut is_fenced) = (vec![Paragraph::default()], false);
    for (number, line) in (1..).zip(content.lines()) {
        let line = line.trim_start();
        let prose = if is_source { comment(line) } else { Some(line) };
        let is_fence = prose.is_some_and(|text| text.trim_start().starts_with("```"));
        is_fenced = (is_fenced && prose.is_some()) != is_fence;
        let text = prose.filter(|text| !is_fence && !is_fenced && !text.trim().is_empty());
        match (text, found.last_mut()) {
            (Some(text), Some(current)) => {
                current.lines.push((current.text.len(), number));
                current.text.push_str(text);
                current.text.push(' ');
            }
            _ => found.push(Paragraph::default()),
        }
    }
    // Code can begin in one line and end in the next. Spaces keep the offsets of the lines.
    for paragraph in &mut found {
        let blank = |hit: &regex::Captures<'_>| " ".repeat(hit[0].len());
        paragraph.text = CODE.replace_all(&paragraph.text, blank).into_owned();
    }
    found.retain(|paragraph| !paragraph.lines.is_empty());
    found
}

fn comment(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("//")?;
    let rest = rest.strip_prefix(['/', '!']).unwrap_or(rest);
    Some(rest.strip_prefix(' ').unwrap_or(rest))
}

/// Returns the string literals of Rust code, without inline code in them.
pub(crate) fn literals(code: &str) -> Vec<Paragraph> {
    static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
        let token = r##"(?s)//[^\n]*|'\\?.'|r#"(.*?)"#|r"([^"]*)"|"((?:[^"\\]|\\.)*)""##;
        Regex::new(token).unwrap()
    });
    static CONTINUED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\\\n *").unwrap());
    let mut found = Vec::new();
    for captures in TOKEN.captures_iter(code) {
        let Some(literal) = (1..4).find_map(|group| captures.get(group)) else {
            continue;
        };
        let number = code[..literal.start()].matches('\n').count() + 1;
        let text = CONTINUED.replace_all(literal.as_str(), "");
        found.push(Paragraph {
            text: CODE.replace_all(&text, "").into_owned(),
            lines: vec![(0, number)],
        });
    }
    found
}

#[test]
fn code_in_comments_is_not_prose() {
    let source = "/// Told `told\n/// told` twice.\n/// ```\n/// told\n/// ```\nfn told() {}\n// See http://told.example\n";
    let found = paragraphs("a.rs", source);
    let texts: Vec<_> = found.iter().map(|found| found.text.trim()).collect();
    assert_eq!(found.len(), 2);
    assert!(texts[0].starts_with("Told ") && texts[0].ends_with("twice."));
    assert_eq!((texts[1], found[1].line_at(0)), ("See", 7));
    assert_eq!(found[0].line_at(found[0].text.find("twice").unwrap()), 2);
    let markdown = "a\nb\n\n```text\nc\n```\nd\n";
    let texts: Vec<_> = paragraphs("a.md", markdown)
        .into_iter()
        .map(|found| found.text)
        .collect();
    assert_eq!(texts, ["a b ", "d "]);
}

#[test]
fn literals_are_found_in_code_only() {
    let code = "// \"no\"\nlet a = ['\"', 'b', '\\''];\nlet c = \"one \\\n    two \\\"three\\\"\";\nlet d = r#\"four \"five\"\"#;\nlet e = r\"six\";";
    let found = literals(code);
    let texts: Vec<_> = found
        .iter()
        .map(|found| (found.line_at(0), found.text.as_str()))
        .collect();
    assert_eq!(
        texts,
        [
            (3, "one two \\\"three\\\""),
            (5, "four \"five\""),
            (6, "six")
        ]
    );
}
