//! Splits Rust source into tokens.

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Returns names, single punctuation characters, and strings with their quotes; no comments.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let mut length = letter.len_utf8();
        if rest.starts_with("//") {
            length = rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("/*") {
            length = rest.find("*/").map_or(rest.len(), |end| end + 2);
        } else if let Some(raw) = rest
            .strip_prefix("r")
            .filter(|raw| raw.starts_with(['"', '#']))
        {
            let hashes = raw.len() - raw.trim_start_matches('#').len();
            let inside = &raw[hashes..];
            let end = format!("\"{}", "#".repeat(hashes));
            if let Some(close) = inside
                .strip_prefix('"')
                .and_then(|inside| inside.find(&end))
            {
                found.push(format!("\"{}\"", &inside[1..=close]));
                length = 1 + hashes + 1 + close + end.len();
            }
        } else if letter == '"' {
            let mut escaped = false;
            let close = rest[1..].find(|c| {
                let is_end = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                is_end
            });
            length = close.map_or(rest.len(), |close| close + 2);
            found.push(rest[..length].to_owned());
        } else if letter == '\'' {
            length = character(rest);
        } else if is_word(letter) {
            length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            found.push(rest[..length].to_owned());
        } else if !letter.is_whitespace() {
            found.push(letter.to_string());
        }
        rest = &rest[length..];
    }
    found
}

/// Returns the length of a character literal, or of the quote of a lifetime.
fn character(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    match (letters.next(), letters.next()) {
        (Some((_, '\\')), Some((at, escape))) => {
            let start = at + escape.len_utf8();
            text[start..].find('\'').map_or(1, |end| start + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

/// Removes what is between angle brackets.
pub(super) fn without_generics(text: &str) -> String {
    let mut depth = 0;
    let mut before = ' ';
    let kept = text.chars().filter(|&letter| {
        let is_arrow = letter == '>' && std::mem::replace(&mut before, letter) == '-';
        match letter {
            '<' => depth += 1,
            '\n' => depth = 0,
            _ => {}
        }
        let is_kept = depth == 0;
        if letter == '>' && !is_arrow && depth > 0 {
            depth -= 1;
        }
        before = letter;
        is_kept
    });
    kept.collect()
}
