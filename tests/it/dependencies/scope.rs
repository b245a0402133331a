//! What one module of the source imports, uses and defines.

use std::collections::BTreeSet;

use super::imports::{Import, imports};
use super::tokens::{is_name, tokens};

/// A file or an inline module.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// `["jwks", "remote"]`; the crate root is empty.
    pub(super) module: Vec<String>,
    /// Relative to `src`.
    pub(super) file: String,
    pub(super) imports: Vec<Import>,
    /// Paths outside imports, with at least two segments.
    pub(super) paths: Vec<Vec<String>>,
    /// Names outside imports that can refer to an imported item.
    pub(super) words: BTreeSet<String>,
    pub(super) definitions: BTreeSet<String>,
    /// `false` if the scope only declares modules and imports or re-exports items.
    pub(super) is_node: bool,
    /// Names of modules with `#[cfg(test)]`.
    pub(super) test_modules: Vec<String>,
}

/// Returns the scope of a file and of the inline modules in it.
pub(super) fn scopes(file: &str, text: &str) -> Vec<Scope> {
    let path = file.trim_end_matches(".rs").split('/');
    let mut module: Vec<String> = path.map(str::to_owned).collect();
    module.pop_if(|last| matches!(last.as_str(), "mod" | "lib" | "main"));
    let mut found = Vec::new();
    read(file, module, &tokens(text), &mut found);
    found
}

fn read(file: &str, module: Vec<String>, tokens: &[String], found: &mut Vec<Scope>) {
    let mut scope = Scope {
        module,
        file: file.to_owned(),
        ..Scope::default()
    };
    let token = |at: usize| tokens.get(at).map_or("", String::as_str);
    let (mut at, mut is_public) = (0, false);
    while at < tokens.len() {
        let rest = &tokens[at..];
        let was_public = std::mem::take(&mut is_public);
        match (token(at), token(at + 1), token(at + 2)) {
            ("#", "[" | "!", _) if rest.starts_with(&CFG_TEST.map(str::to_owned)) => {
                let item = &rest[..item_length(rest)];
                if let Some(name) = item.windows(2).find(|pair| pair[0] == "mod") {
                    scope.test_modules.push(name[1].clone());
                }
                at += item.len();
            }
            ("#", "[", _) | ("#", "!", "[") => {
                let attribute = &rest[..attribute_length(rest)];
                add_paths(&mut scope, attribute);
                at += attribute.len();
            }
            ("use", next, _) if next != "<" => {
                let length = rest
                    .iter()
                    .position(|token| token == ";")
                    .unwrap_or(rest.len());
                scope.imports.extend(imports(&rest[1..length], was_public));
                at += length + 1;
            }
            ("mod", _, ";") => at += 3,
            ("mod", name, "{") => {
                let inner = scope
                    .module
                    .iter()
                    .cloned()
                    .chain([name.to_owned()])
                    .collect();
                let end = 2 + group_length(&rest[2..]);
                read(file, inner, &rest[3..end - 1], found);
                at += end;
            }
            ("pub", next, _) => {
                is_public = true;
                at += 1;
                if next == "(" {
                    at += group_length(&tokens[at..]);
                }
            }
            (keyword, name, after) => {
                let name = if keyword == "macro_rules" {
                    after
                } else {
                    name
                };
                if DEFINES.contains(&keyword) && is_name(name) {
                    scope.definitions.insert(name.to_owned());
                }
                scope.is_node = true;
                at += add_path(&mut scope, tokens, at);
            }
        }
    }
    found.push(scope);
}

const CFG_TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];

const DEFINES: [&str; 9] = [
    "struct",
    "enum",
    "trait",
    "type",
    "fn",
    "const",
    "static",
    "union",
    "macro_rules",
];

fn add_paths(scope: &mut Scope, tokens: &[String]) {
    let mut at = 0;
    while at < tokens.len() {
        at += add_path(scope, tokens, at);
    }
}

/// Adds the path that begins at a token. Returns the number of tokens that were read.
fn add_path(scope: &mut Scope, tokens: &[String], at: usize) -> usize {
    let before = at
        .checked_sub(1)
        .map_or("", |before| tokens[before].as_str());
    let is_absolute = tokens[at] == "::" && !is_name(before) && !matches!(before, ">" | "$");
    let mut names = &tokens[if is_absolute { at + 1 } else { at }..];
    let start = names.len();
    let mut path = Vec::new();
    while let [name, rest @ ..] = names
        && is_name(name)
    {
        path.push(name.clone());
        names = rest;
        match rest {
            [separator, next, ..] if separator == "::" && is_name(next) => names = &rest[1..],
            _ => break,
        }
    }
    let length = (start - names.len() + usize::from(is_absolute)).max(1);
    // `$crate::a` refers to the place that uses a macro; `.a` and `fn a` are no paths.
    if path.is_empty() || !is_absolute && matches!(before, "::" | "$" | "." | "fn") {
        return length;
    }
    if is_absolute {
        path.insert(0, "::".to_owned());
    } else {
        scope.words.insert(path[0].clone());
    }
    if path.len() > 1 {
        scope.paths.push(path);
    }
    length
}

fn attribute_length(tokens: &[String]) -> usize {
    let open = tokens
        .iter()
        .position(|token| token == "[")
        .unwrap_or_default();
    open + group_length(&tokens[open..])
}

/// Returns the length of an item with its attributes: up to its semicolon or its closing brace.
fn item_length(tokens: &[String]) -> usize {
    let mut at = 0;
    while tokens.get(at).is_some_and(|token| token == "#") {
        at += attribute_length(&tokens[at..]);
    }
    let mut keyword = at;
    if tokens.get(keyword).is_some_and(|token| token == "pub") {
        keyword += 1;
        if tokens.get(keyword).is_some_and(|token| token == "(") {
            keyword += group_length(&tokens[keyword..]);
        }
    }
    let is_import = tokens.get(keyword).is_some_and(|token| token == "use");
    while at < tokens.len() {
        match tokens[at].as_str() {
            "(" | "[" => at += group_length(&tokens[at..]),
            "{" if !is_import => return at + group_length(&tokens[at..]),
            ";" => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// Returns the length of a group, from its opening to its closing bracket.
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
