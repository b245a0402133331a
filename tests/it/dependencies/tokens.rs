//! Splits Rust source into tokens, without comments and literals.

/// Returns names, `::` and single punctuation characters. A literal becomes one `""`.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        let rest = &letters[at..];
        if rest.starts_with(&['/', '/']) {
            at += length_until(rest, "\n");
        } else if rest.starts_with(&['/', '*']) {
            at += block_comment(rest);
        } else if let Some(length) = literal(rest) {
            found.push("\"\"".to_owned());
            at += length;
        } else if is_word(rest[0]) {
            let raw = if rest.starts_with(&['r', '#']) { 2 } else { 0 };
            let word: String = rest[raw..].iter().take_while(|c| is_word(**c)).collect();
            at += raw + word.chars().count();
            found.push(word);
        } else if rest.starts_with(&[':', ':']) {
            found.push("::".to_owned());
            at += 2;
        } else {
            if !rest[0].is_whitespace() {
                found.push(rest[0].to_string());
            }
            at += 1;
        }
    }
    found
}

/// Returns `true` if the token is an identifier or a keyword.
pub(super) fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Returns the length up to and including `end`.
fn length_until(letters: &[char], end: &str) -> usize {
    let end: Vec<char> = end.chars().collect();
    let start = letters.windows(end.len()).position(|window| window == end);
    start.map_or(letters.len(), |start| start + end.len())
}

/// Returns the length of a block comment. Block comments nest.
fn block_comment(letters: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < letters.len() {
        match letters.get(at..at + 2) {
            Some(['/', '*']) => depth += 1,
            Some(['*', '/']) if depth == 1 => return at + 2,
            Some(['*', '/']) => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
    }
    at
}

/// Returns the length of a string, character or lifetime at the beginning of `letters`.
fn literal(letters: &[char]) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        let prefix: Vec<char> = prefix.chars().collect();
        letters.starts_with(&prefix) && matches!(letters.get(prefix.len()), Some('"' | '\'' | '#'))
    })?;
    let body = &letters[prefix.len()..];
    let hashes = body.iter().take_while(|letter| **letter == '#').count();
    if prefix.ends_with('r') && body.get(hashes) == Some(&'"') {
        let end = format!("\"{}", "#".repeat(hashes));
        let opening = prefix.len() + hashes + 1;
        return Some(opening + length_until(&letters[opening..], &end));
    }
    match body {
        ['"', ..] => Some(prefix.len() + quoted(body, '"')),
        ['\'', '\\', ..] => Some(prefix.len() + quoted(body, '\'')),
        ['\'', _, '\'', ..] => Some(prefix.len() + 3),
        // A lifetime: the name after it is a literal too, because it is no path.
        ['\'', ..] => Some(1 + body[1..].iter().take_while(|c| is_word(**c)).count()),
        _ => None,
    }
}

/// Returns the length of a literal with escapes.
fn quoted(letters: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < letters.len() && letters[at] != quote {
        at += if letters[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

#[test]
fn comments_and_literals_are_no_tokens() {
    let text =
        "a /* b /* c */ d */ // e\n\"f \\\" g\" r#\"h \" i\"# b'\\'' '\"' 'x: j::k r#type '\\\\' l";
    let literal = "\"\"";
    let expected = [
        "a", literal, literal, literal, literal, literal, ":", "j", "::", "k", "type", literal, "l",
    ];
    assert_eq!(tokens(text), expected);
}
