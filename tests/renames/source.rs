//! The tokens of a source file, and the names that it defines.

use std::collections::BTreeSet;

use super::tokens::{tokens, without_generics};

/// A file of the repository.
pub(super) struct Source {
    /// Relative to the repository.
    pub(super) file: String,
    pub(super) text: String,
    /// Names, single punctuation characters, and strings with their quotes; no comments.
    tokens: Vec<String>,
    definitions: BTreeSet<String>,
    strings: BTreeSet<String>,
}

const DEFINES: [&str; 8] = [
    "struct", "enum", "trait", "type", "fn", "const", "static", "mod",
];

impl Source {
    pub(super) fn new(file: &str, text: &str) -> Self {
        let (mut tokens, mut text) = (tokens(text), text.to_owned());
        let kind = file.rsplit('.').next().unwrap_or_default();
        if kind != "rs" {
            tokens.clear();
        }
        if kind == "txt" {
            text = without_generics(&text);
        }
        let pairs = tokens
            .windows(2)
            .filter(|pair| DEFINES.contains(&pair[0].as_str()));
        let mut definitions: BTreeSet<String> = pairs.map(|pair| pair[1].clone()).collect();
        let macros = tokens
            .windows(3)
            .filter(|tokens| tokens[..2] == ["macro_rules", "!"]);
        definitions.extend(macros.map(|tokens| tokens[2].clone()));
        let strings = tokens
            .iter()
            .filter_map(|token| string(token))
            .map(str::to_owned)
            .collect();
        Self {
            file: file.to_owned(),
            text,
            tokens,
            definitions,
            strings,
        }
    }

    /// Returns `true` if the file has `struct NAME`, `fn NAME` and so on.
    pub(super) fn defines(&self, name: &str) -> bool {
        self.definitions.contains(name)
    }

    /// Returns `true` if the file has a variable, a parameter or a field of this name.
    pub(super) fn has_local(&self, name: &str) -> bool {
        let is_local = |at: usize| {
            let before = at.checked_sub(1).map_or("", |at| &self.tokens[at]);
            let after = self.tokens.get(at + 1).map_or("", |token| token);
            let is_path = |first: Option<&String>, second: Option<&String>| {
                first.is_some_and(|token| token == ":") && second.is_some_and(|token| token == ":")
            };
            let starts_path = is_path(self.tokens.get(at + 1), self.tokens.get(at + 2));
            let ends_path = at >= 2 && is_path(self.tokens.get(at - 1), self.tokens.get(at - 2));
            !matches!(before, "." | "fn" | "mod")
                && !matches!(after, "(" | "!")
                && !starts_path
                && !ends_path
        };
        let mut uses = self
            .tokens
            .iter()
            .enumerate()
            .filter(|(_, token)| *token == name);
        uses.any(|(at, _)| is_local(at))
    }

    pub(super) fn has_string(&self, text: &str) -> bool {
        self.strings.contains(text)
    }

    /// Returns the variants of an enum, or `None` if the file does not define it.
    pub(super) fn variants(&self, name: &str) -> Option<Vec<&str>> {
        if !self.defines(name) {
            return None;
        }
        let body = self.bodies("enum", |header| {
            header.get(1).is_some_and(|token| token == name)
        });
        let body = body.first().copied()?;
        let starts = parts(body).into_iter().filter_map(|part| {
            let is_attribute = |token: &str| token == "#" || token.starts_with('[');
            part.iter()
                .find(|token| is_name(token) && !is_attribute(token))
        });
        Some(starts.map(String::as_str).collect())
    }

    /// Returns the fields and functions of a type, or `None` if the file does not name it.
    pub(super) fn members(&self, name: &str) -> Option<Vec<&str>> {
        if !self.text.contains(name) {
            return None;
        }
        let fields = self.bodies("struct", |header| {
            header.get(1).is_some_and(|token| token == name)
        });
        let fields = fields
            .iter()
            .flat_map(|body| pairs(body))
            .filter(|pair| pair[1] == ":");
        let fields: Vec<&str> = fields.map(|pair| pair[0].as_str()).collect();
        let blocks = self.bodies("impl", |header| self_type(header) == Some(name));
        let traits = self.bodies("trait", |header| {
            header.get(1).is_some_and(|token| token == name)
        });
        let functions = blocks.iter().chain(&traits).flat_map(|body| pairs(body));
        let functions: Vec<&str> = functions
            .filter(|pair| pair[0] == "fn")
            .map(|pair| pair[1].as_str())
            .collect();
        let is_defined = self.defines(name) || !blocks.is_empty();
        is_defined.then(|| fields.into_iter().chain(functions).collect())
    }

    /// Returns the strings of all functions with a name.
    pub(super) fn strings_in(&self, function: &str) -> Vec<&str> {
        let bodies = self.bodies("fn", |header| {
            header.get(1).is_some_and(|name| name == function)
        });
        let strings = bodies
            .into_iter()
            .flatten()
            .filter_map(|token| string(token));
        strings.collect()
    }

    /// Returns types with another name that their `Debug` output has.
    pub(super) fn debug_names(&self) -> Vec<(&str, &str)> {
        let blocks = self.bodies_with_headers("impl", |_| true);
        let names = blocks.into_iter().flat_map(|(header, body)| {
            let found = body.windows(3).filter_map(|tokens| {
                let is_debug = matches!(tokens[0].as_str(), "debug_struct" | "debug_tuple");
                string(&tokens[2]).filter(|_| is_debug)
            });
            let own = self_type(header).unwrap_or_default();
            found
                .filter(move |name| *name != own)
                .map(move |name| (own, name))
        });
        names.collect()
    }

    /// Returns the fields of tracing events and spans.
    pub(super) fn event_fields(&self) -> Vec<&str> {
        let mut found = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            let rest = &self.tokens[at..];
            let open = rest.iter().take(7).position(|token| token == "(");
            let Some(open) = open.filter(|open| token == "tracing" && rest[open - 1] == "!") else {
                continue;
            };
            let arguments = &rest[open + 1..open + group_length(&rest[open..]) - 1];
            let names = parts(arguments).into_iter().filter_map(|part| {
                let mut names = part
                    .iter()
                    .filter(|token| !matches!(token.as_str(), "%" | "?"));
                let is_field = part.len() <= 2 || part[1] == "=";
                names.next().filter(|_| is_field).map(String::as_str)
            });
            found.extend(names);
        }
        found
    }

    /// Returns the insides of the braces of items that begin with a keyword.
    fn bodies(&self, keyword: &str, accepts: impl Fn(&[String]) -> bool) -> Vec<&[String]> {
        let bodies = self.bodies_with_headers(keyword, accepts).into_iter();
        bodies.map(|(_, body)| body).collect()
    }

    fn bodies_with_headers(
        &self,
        keyword: &str,
        accepts: impl Fn(&[String]) -> bool,
    ) -> Vec<(&[String], &[String])> {
        let mut found = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            let rest = &self.tokens[at..];
            if token == keyword
                && let Some(open) = rest.iter().position(|token| token == "{" || token == ";")
                && rest[open] == "{"
                && accepts(&rest[..open])
            {
                let body = &rest[open + 1..open + group_length(&rest[open..]) - 1];
                found.push((&rest[..open], body));
            }
        }
        found
    }
}

/// Returns the name of the type that `impl … {` is for.
fn self_type(header: &[String]) -> Option<&str> {
    let end = header
        .iter()
        .position(|token| token == "where")
        .unwrap_or(header.len());
    let header = &header[..end];
    let start = header.iter().rposition(|token| token == "for");
    let mut rest = &header[start.map_or(1, |start| start + 1)..];
    if start.is_none() && rest.first().is_some_and(|token| token == "<") {
        let mut depth = 0;
        let close = rest.iter().position(|token| {
            match token.as_str() {
                "<" => depth += 1,
                ">" => depth -= 1,
                _ => {}
            }
            depth == 0
        })?;
        rest = &rest[close + 1..];
    }
    let end = rest
        .iter()
        .position(|token| token == "<")
        .unwrap_or(rest.len());
    rest[..end]
        .iter()
        .rev()
        .find(|token| is_name(token))
        .map(String::as_str)
}

/// Splits at the commas outside groups, without attributes.
fn parts(tokens: &[String]) -> Vec<&[String]> {
    let (mut found, mut start, mut at) = (Vec::new(), 0, 0);
    while at < tokens.len() {
        match tokens[at].as_str() {
            "#" if at == start => {
                at += 1 + group_length(&tokens[at + 1..]);
                start = at;
            }
            "(" | "[" | "{" => at += group_length(&tokens[at..]),
            "," => {
                found.push(&tokens[start..at]);
                at += 1;
                start = at;
            }
            _ => at += 1,
        }
    }
    found.push(&tokens[start..]);
    found.retain(|part| !part.is_empty());
    found
}

/// Returns neighboring tokens outside groups.
fn pairs(tokens: &[String]) -> Vec<[&String; 2]> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at + 1 < tokens.len() {
        if matches!(tokens[at].as_str(), "(" | "[" | "{") {
            at += group_length(&tokens[at..]);
            continue;
        }
        let is_path = tokens.get(at + 2).is_some_and(|token| token == ":");
        if !is_path {
            found.push([&tokens[at], &tokens[at + 1]]);
        }
        at += 1;
    }
    found
}

fn group_length(tokens: &[String]) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth == 1 => return at + 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
    }
    tokens.len()
}

fn string(token: &str) -> Option<&str> {
    token.strip_prefix('"')?.strip_suffix('"')
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}
