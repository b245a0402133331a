//! Reads `use` items.

/// One name of a `use` item.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Import {
    /// Begins with `::` if the path is absolute.
    pub(super) path: Vec<String>,
    /// The name in the importing module: `*` for all names of the path, `_` for none.
    pub(super) name: String,
    pub(super) is_public: bool,
}

/// Reads the tokens between `use` and the semicolon.
pub(super) fn imports(tokens: &[String], is_public: bool) -> Vec<Import> {
    let mut found = Vec::new();
    branch(tokens, &[], &mut |path, name| {
        found.push(Import {
            path,
            name,
            is_public,
        });
    });
    found
}

fn branch(tokens: &[String], prefix: &[String], add: &mut impl FnMut(Vec<String>, String)) {
    let mut path = prefix.to_vec();
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at].as_str() {
            "::" if path.is_empty() => path.push("::".to_owned()),
            "::" => {}
            "{" => {
                let inside = &tokens[at + 1..tokens.len() - 1];
                return members(inside).for_each(|member| branch(member, &path, add));
            }
            "*" => return add(path, "*".to_owned()),
            "as" => return add(path, tokens[at + 1].clone()),
            // `a::{self}` is `a`, and `self::a` stays.
            "self" if !path.is_empty() => {}
            name => path.push(name.to_owned()),
        }
        at += 1;
    }
    if let Some(name) = path.last().cloned() {
        add(path, name);
    }
}

/// Splits the inside of a group at its commas.
fn members(tokens: &[String]) -> impl Iterator<Item = &[String]> {
    let mut depth = 0;
    tokens
        .split(move |token| {
            match token.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            depth == 0 && token == ","
        })
        .filter(|member| !member.is_empty())
}

#[test]
fn use_items_are_read_in_every_form() {
    let text = "crate::{a, b::{self, C as D, e::{F,\n G}}, h::*, self as root, i::J as _,}";
    let found = imports(&super::tokens::tokens(text), false);
    let found: Vec<String> = found
        .iter()
        .map(|import| format!("{} = {}", import.name, import.path.join("::")))
        .collect();
    let expected = [
        "a = crate::a",
        "b = crate::b",
        "D = crate::b::C",
        "F = crate::b::e::F",
        "G = crate::b::e::G",
        "* = crate::h",
        "root = crate",
        "_ = crate::i::J",
    ];
    assert_eq!(found, expected);
}
