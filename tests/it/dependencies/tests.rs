//! The checks can fail, however the violation is written.

use super::graph::ModuleGraph;
use super::{Rule, import_cycles, violations};

const ROOT: &str = "
mod clock; mod jwks; mod token; mod verifier;
pub use clock::Clock;
#[cfg(feature = \"x\")]
pub use verifier::{
    Issuer, Rejection as Rejected,
    Verifier,
};
";

const JWKS: &str = "mod key; pub use self::key::Key; pub(crate) use key::other::*;";

fn graph(sources: &[(&'static str, &'static str)]) -> ModuleGraph {
    let common = [
        ("lib.rs", ROOT),
        ("clock.rs", "pub struct Clock;"),
        (
            "verifier.rs",
            "pub struct Verifier; pub struct Issuer; pub enum Rejection {}",
        ),
        ("jwks/mod.rs", JWKS),
        (
            "jwks/key.rs",
            "pub struct Key; pub(crate) mod other { pub struct Other; }",
        ),
    ];
    let external = ["http", "reqwest", "serde"].map(str::to_owned);
    ModuleGraph::new(common.into_iter().chain(sources.iter().copied()), external)
}

#[test]
fn violation_is_found_in_every_written_form() {
    let rule = Rule {
        level: 1,
        module: "token",
        modules: "clock",
        crates: "serde",
    };
    let jwks = "token/a.rs uses `crate::jwks`";
    let verifier = "token/a.rs uses `crate::verifier`";
    let http = "token/a.rs uses the external crate `http`";
    for (code, expected) in [
        ("use crate::jwks::Key;", Some(jwks)),
        (
            "use crate::{clock::Clock, jwks::{Key, other}, verifier};",
            Some("token/a.rs uses `crate::jwks`, `crate::verifier`"),
        ),
        ("use crate::{\n    Clock,\n    Issuer,\n};", Some(verifier)),
        ("use crate::Verifier as V;", Some(verifier)),
        ("use crate::Rejected;", Some(verifier)),
        (
            "use crate as root; fn f() -> root::Issuer {}",
            Some(verifier),
        ),
        ("fn f() -> crate::Verifier {}", Some(verifier)),
        ("mod inner { use super::super::super::jwks; }", Some(jwks)),
        ("use super::super::verifier;", Some(verifier)),
        ("fn f() { use crate::jwks::*; }", Some(jwks)),
        (
            "const A: &str = \"//\"; type B = crate::jwks::Key;",
            Some(jwks),
        ),
        (
            "#[cfg(test)]\nuse crate::clock;\nuse crate::jwks;",
            Some(jwks),
        ),
        ("use http::{Request, Response};", Some(http)),
        ("use http as h;", Some(http)),
        ("fn f(_: &::http::Request) {}", Some(http)),
        ("#[derive(http::Derive)] struct S;", Some(http)),
        ("fn f() { http::status!() }", Some(http)),
        (
            "use crate::clock::Clock; use serde::Deserialize; use std::fmt; use super::b;",
            None,
        ),
        ("use super::http; fn f() -> http::Kind {}", None),
        (
            "/// [`crate::jwks`]\n// use http::Request;\nlet url = \"http::x\"; $crate::jwks",
            None,
        ),
        (
            "/* use crate::jwks; */ const A: &str = r#\"use crate::jwks;\"#;",
            None,
        ),
        (
            "#[cfg(test)]\nmod tests { use super::*; use crate::jwks::Key; use http as h; }",
            None,
        ),
        (
            "#[cfg(test)]\n#[allow(unused)]\npub(crate) fn f() -> [u8; 1] { http::f() }",
            None,
        ),
    ] {
        let sources = [
            ("token/mod.rs", "mod a; mod b; mod http;"),
            ("token/a.rs", code),
            ("token/b.rs", ""),
            ("token/http.rs", "pub struct Kind;"),
        ];
        let found = violations(&graph(&sources), &rule);
        assert_eq!(found.first().map(String::as_str), expected, "{code}");
    }
}

#[test]
fn cycle_is_found_in_every_written_form() {
    let cycle = "cycle of files: token/a.rs -> token/b.rs through `B`; token/b.rs -> token/a.rs through `A`";
    let declarations = "mod a; mod b; pub use self::a::A; pub(crate) use b::{B, C as D};";
    for code in [
        "use super::a::A;",
        "use super::A;",
        "use super::{a::{self, A}, B};",
        "use crate::token::{\n    a::{\n        A as Other,\n    },\n};",
        "use crate::token::A as _;",
        "fn f(_: super::A) {}",
        "fn f(_: crate::token::a::A) {}",
        "use super::a; fn f() { a::A::new() }",
        "use super::a as other; fn f() { other::A::new() }",
        "use super::super::token::A;",
        "use super::a::*; struct E(A);",
        "use super::*; struct E(A);",
        "mod inner { fn f(_: super::super::A) {} }",
        "mod inner { pub use super::super::A; } type F = inner::A;",
        "pub use super::A; type F = A;",
        "#[path::attribute(super::A)] struct S;",
    ] {
        let code = format!("{code} pub struct B; pub struct C;");
        let sources = [
            ("token/mod.rs", declarations),
            ("token/a.rs", "use super::b::B; pub struct A;"),
            ("token/b.rs", Box::leak(code.into_boxed_str())),
        ];
        let found = import_cycles(&graph(&sources));
        assert_eq!(found, [cycle], "{}", sources[2].1);
    }
}

#[test]
fn parent_file_is_part_of_a_cycle_only_if_it_uses_its_child() {
    let child = "use super::Parent; pub struct Child;";
    for (parent, expected) in [
        ("mod a; pub struct Parent; pub use a::Child;", None),
        (
            "mod a; pub struct Parent(Child); pub use a::Child;",
            Some("Child"),
        ),
        ("mod a; pub struct Parent; use a::Child;", Some("Child")),
        ("mod a; pub struct Parent(a::Child);", Some("Child")),
        ("mod a; pub struct Parent; fn f() { a::g() }", Some("g")),
    ] {
        let found = import_cycles(&graph(&[("token/mod.rs", parent), ("token/a.rs", child)]));
        let text = expected.map(|name| {
            format!("cycle of files: token/a.rs -> token/mod.rs through `Parent`; token/mod.rs -> token/a.rs through `{name}`")
        });
        assert_eq!(found.first(), text.as_ref(), "{parent}");
    }
}

#[test]
fn cycle_between_modules_names_the_files() {
    let found = import_cycles(&graph(&[
        ("token/mod.rs", "mod a; mod b; pub use b::B;"),
        ("token/a.rs", "use crate::jwks::{Other, Key};"),
        ("token/b.rs", "pub struct B;"),
        ("jwks/set.rs", "fn f() -> crate::token::B {}"),
    ]));
    let expected = "cycle of modules: jwks -> token through `B` in jwks/set.rs; \
                    token -> jwks through `Key` in token/a.rs, `Other` in token/a.rs";
    assert_eq!(found, [expected]);
}

#[test]
fn imports_in_one_direction_are_no_cycle() {
    let found = import_cycles(&graph(&[
        (
            "token/mod.rs",
            "mod a; mod b; pub use a::A; #[cfg(test)] mod tests;",
        ),
        (
            "token/a.rs",
            "use super::b::B; pub struct A; #[cfg(test)] mod tests { use super::*; }",
        ),
        (
            "token/b.rs",
            "// use super::A;\npub struct B; #[cfg(test)] mod tests { use super::super::A; }",
        ),
        (
            "token/tests.rs",
            "use super::{A, b}; pub use crate::jwks::Key;",
        ),
        ("jwks/set.rs", "use crate::token::A;"),
    ]));
    assert_eq!(found, Vec::<String>::new());
}
