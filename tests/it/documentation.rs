//! The contents of the documentation.

/// Row A6: the front page shows each re-export of a public module, with its first sentence.
#[test]
fn front_page_shows_re_exported_types_with_a_sentence() {
    let root = include_str!("../../src/lib.rs");
    let lines: Vec<&str> = root.lines().collect();
    let modules: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    assert!(modules.contains(&"token"), "{modules:?}");
    let mut shown = 0;
    for (index, line) in lines.iter().enumerate() {
        let Some(path) = line.strip_prefix("pub use ") else {
            continue;
        };
        let module = path.split("::").next().unwrap_or_default();
        if modules.contains(&module) {
            assert_eq!(lines[index - 1], "#[doc(inline)]", "{line}");
            shown += 1;
        }
    }
    assert!(shown > 0);
    for (name, source) in [
        ("Algorithm", include_str!("../../src/token/algorithm.rs")),
        ("Claims", include_str!("../../src/token/claims.rs")),
        ("OrgCode", include_str!("../../src/token/org_code.rs")),
        ("Scope", include_str!("../../src/token/scope.rs")),
    ] {
        let definition = [format!("pub struct {name}"), format!("pub enum {name}")];
        let at = definition
            .iter()
            .find_map(|text| source.find(text))
            .unwrap();
        let documented = source[..at].rsplit("\n\n").next().unwrap();
        let sentence = documented.lines().next().unwrap();
        let sentence = sentence.strip_prefix("/// ").expect(name);
        assert!(sentence.ends_with('.'), "{name}: {sentence}");
    }
}
