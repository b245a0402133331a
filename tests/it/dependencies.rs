//! The dependency rule: which modules and external crates a module may use, and no import cycles.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

mod cycles;
mod graph;
mod imports;
mod lengths;
mod scope;
mod tests;
mod tokens;

use graph::{ModuleGraph, top_level};

/// What one module of `src` may use, besides `std`.
struct Rule {
    module: &'static str,
    level: u8,
    /// Modules of lower levels, separated by commas.
    modules: &'static str,
    /// External crates, separated by commas.
    crates: &'static str,
}

/// The same rows as the table in `src/guide/architecture.md`. Change both in one commit.
#[rustfmt::skip]
const RULES: &[Rule] = &[
    Rule { level: 0, module: "clock", modules: "", crates: "" },
    Rule { level: 0, module: "util", modules: "", crates: "tokio" },
    Rule { level: 1, module: "token", modules: "", crates: "base64, memchr, serde, serde_json" },
    Rule { level: 1, module: "bearer", modules: "", crates: "http" },
    Rule { level: 2, module: "scopes", modules: "token", crates: "" },
    Rule { level: 2, module: "rejection", modules: "token, bearer", crates: "" },
    Rule {
        level: 3, module: "telemetry", modules: "token, rejection",
        crates: "axum, http, metrics, tracing",
    },
    Rule { level: 3, module: "http_client", modules: "util", crates: "http, reqwest, rustls, serde, serde_json, tokio" },
    Rule {
        level: 4, module: "jwks", modules: "token, clock, util, telemetry, http_client",
        crates: "aws-lc-rs, base64, http, httpdate, jsonwebtoken, rustls-pki-types, serde, serde_json, tokio",
    },
    Rule {
        level: 5, module: "revocation",
        modules: "token, clock, util, rejection, telemetry, http_client, jwks",
        crates: "http, serde, serde_json, tokio",
    },
    Rule {
        level: 5, module: "introspection", modules: "clock, util, token, bearer, telemetry, http_client, jwks",
        crates: "aws-lc-rs, base64, http, moka, serde_json, tokio",
    },
    Rule {
        level: 5, module: "proof_of_possession", modules: "clock, util, token, rejection, telemetry, jwks",
        crates: "aws-lc-rs, base64, http, moka, tokio",
    },
    Rule {
        level: 6, module: "extensions", modules: "token, bearer, clock, rejection, revocation",
        crates: "http",
    },
    Rule {
        level: 6, module: "stores", modules: "clock, util, revocation, proof_of_possession",
        crates: "aws-lc-rs, base64, redis, rustls, tokio",
    },
    Rule {
        level: 7, module: "verifier",
        modules: "clock, util, token, bearer, scopes, rejection, extensions, telemetry, http_client, jwks, \
                  revocation, introspection, proof_of_possession",
        crates: "http, moka, serde, serde_json, tokio",
    },
    Rule { level: 7, module: "response", modules: "token, bearer, rejection", crates: "bytes, http" },
    Rule {
        level: 8, module: "middleware",
        modules: "clock, util, token, bearer, scopes, rejection, extensions, telemetry, jwks, revocation, \
                  proof_of_possession, verifier, response",
        crates: "axum, bytes, http, http-body, pin-project-lite, tower-layer, tower-service",
    },
    Rule { level: 9, module: "config", modules: "introspection, proof_of_possession, token, verifier", crates: "humantime, serde, serde_json" },
    Rule {
        level: 9, module: "extract",
        modules: "token, bearer, scopes, telemetry, rejection, verifier, response, extensions, middleware",
        crates: "axum, http",
    },
    Rule { level: 9, module: "routes", modules: "token, rejection, verifier, middleware", crates: "axum, http" },
    Rule {
        level: 9, module: "metadata", modules: "token, scopes, jwks, verifier, middleware",
        crates: "http, serde, serde_json, tower-service",
    },
    Rule {
        level: 9, module: "security_events",
        modules: "token, clock, util, jwks, revocation, verifier, telemetry, http_client",
        crates: "aws-lc-rs, bytes, http, http-body, humantime, serde_json, tokio, tower-service",
    },
];

/// Modules without a row. Their files must not form cycles either.
const UNRESTRICTED: [&str; 3] = ["guide", "lib", "testing"];

const CHAPTER: &str = include_str!("../../src/guide/architecture.md");

#[test]
fn modules_depend_only_on_lower_code_layers() {
    let graph = ModuleGraph::read(Path::new(env!("CARGO_MANIFEST_DIR")));
    let mut problems = Vec::new();
    let modules = graph.modules();
    for module in &modules {
        match RULES.iter().find(|rule| rule.module == module) {
            Some(rule) => problems.extend(violations(&graph, rule)),
            None if UNRESTRICTED.contains(&module.as_str()) => {}
            None => problems.push(format!("`{module}` has no row in RULES: add one")),
        }
    }
    for rule in RULES {
        if !modules.contains(rule.module) {
            problems.push(format!(
                "`{}` is not in src: remove its row from RULES",
                rule.module
            ));
        }
        for lower in list(rule.modules) {
            let row = RULES.iter().find(|row| row.module == lower);
            if row.is_none_or(|row| row.level >= rule.level) {
                problems.push(format!("`{lower}` is not below `{}` in RULES", rule.module));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn files_and_modules_have_no_import_cycles() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for graph in [ModuleGraph::read(root), ModuleGraph::read_program(root)] {
        assert!(graph.uses().len() > 10, "the files were not found");
        let problems = import_cycles(&graph);
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}

#[test]
fn guide_and_test_have_the_same_rules() {
    let cell = |text: &str| text.replace(['`', '–'], "");
    let rows = CHAPTER.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, level, module, modules, crates, _] = cells.as_slice() else {
            return None;
        };
        let level: u8 = level.parse().ok()?;
        let module = module.split('`').nth(1)?.to_owned();
        Some((level, module, cell(modules), cell(crates)))
    });
    let rules = RULES.iter().map(|rule| {
        (
            rule.level,
            rule.module.to_owned(),
            rule.modules.to_owned(),
            rule.crates.to_owned(),
        )
    });
    assert_eq!(rows.collect::<Vec<_>>(), rules.collect::<Vec<_>>());
}

/// Returns what the files of a module use against its rule.
fn violations(graph: &ModuleGraph, rule: &Rule) -> Vec<String> {
    let crates: Vec<String> = list(rule.crates)
        .map(|name| name.replace('-', "_"))
        .collect();
    let allowed: Vec<&str> = list(rule.modules).collect();
    let mut found = Vec::new();
    for (file, uses) in graph
        .uses()
        .iter()
        .filter(|(file, _)| top_level(file) == rule.module)
    {
        let modules = uses
            .modules
            .iter()
            .filter(|module| !allowed.contains(&module.as_str()));
        let modules: Vec<String> = modules.map(|name| format!("`crate::{name}`")).collect();
        let external = uses.crates.iter().filter(|name| !crates.contains(name));
        let external: Vec<String> = external.map(|name| format!("`{name}`")).collect();
        if !modules.is_empty() {
            found.push(format!("{file} uses {}", modules.join(", ")));
        }
        if !external.is_empty() {
            found.push(format!(
                "{file} uses the external crate {}",
                external.join(", ")
            ));
        }
    }
    found
}

/// Returns the cycles between files and between modules, with the names that cause them.
fn import_cycles(graph: &ModuleGraph) -> Vec<String> {
    let (mut files, mut modules) = (Edges::new(), Edges::new());
    for (file, uses) in graph.uses() {
        for (used, names) in &uses.files {
            let names = names.iter().map(|name| format!("`{name}`"));
            let (from, to) = (top_level(file), top_level(used));
            if from != to {
                let names = names.clone().map(|name| format!("{name} in {file}"));
                modules.entry((from, to)).or_default().extend(names);
            }
            files
                .entry((file.clone(), used.clone()))
                .or_default()
                .extend(names);
        }
    }
    let mut found = describe_cycles("files", &files);
    found.extend(describe_cycles("modules", &modules));
    found
}

/// The names that one node uses of another.
type Edges = BTreeMap<(String, String), BTreeSet<String>>;

fn describe_cycles(kind: &str, edges: &Edges) -> Vec<String> {
    let mut graph: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in edges.keys() {
        graph.entry(from).or_default().push(to);
    }
    let describe = |component: &Vec<&str>| {
        let is_inside = |node: &String| component.contains(&node.as_str());
        let inside = edges
            .iter()
            .filter(|((from, to), _)| is_inside(from) && is_inside(to));
        let links = inside.map(|((from, to), names)| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            format!("{from} -> {to} through {}", names.join(", "))
        });
        format!("cycle of {kind}: {}", links.collect::<Vec<_>>().join("; "))
    };
    cycles::cycles(&graph).iter().map(describe).collect()
}

fn list(names: &str) -> impl Iterator<Item = &str> {
    names.split(", ").filter(|name| !name.is_empty())
}
