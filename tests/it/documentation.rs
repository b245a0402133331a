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

/// An event of the source: its message and the names of its fields.
fn events_of(source: &str) -> Vec<(String, Vec<String>)> {
    let mut events = Vec::new();
    let levels = ["trace", "debug", "info", "warn", "error"];
    for (at, _) in source.match_indices("tracing::") {
        let rest = &source[at + "tracing::".len()..];
        let Some((name, rest)) = rest.split_once("!(") else {
            continue;
        };
        if !levels.contains(&name) && name != "$level" {
            continue;
        }
        let parts = arguments(rest);
        let message = parts.last().unwrap().trim_matches('"').to_owned();
        let fields = parts[..parts.len() - 1]
            .iter()
            .filter(|part| !part.starts_with("target:"))
            .map(|part| part.trim_start_matches(['?', '%']))
            .map(|part| part.split([' ', '=']).next().unwrap().to_owned())
            .collect();
        events.push((message, fields));
    }
    events
}

/// The arguments of a macro call, up to its closing parenthesis.
fn arguments(text: &str) -> Vec<String> {
    let (mut parts, mut part, mut depth, mut quoted) = (Vec::new(), String::new(), 0, false);
    for letter in text.chars() {
        match letter {
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' if !quoted && depth == 0 => break,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(std::mem::take(&mut part).trim().to_owned());
                continue;
            }
            _ => {}
        }
        part.push(letter);
    }
    parts.push(part.trim().to_owned());
    parts.retain(|part| !part.is_empty());
    parts
}

/// The names in code font in one cell of a table.
fn names(cell: &str) -> Vec<String> {
    let names = cell.split('`').skip(1).step_by(2);
    names
        .filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .map(str::to_owned)
        .collect()
}

/// Every event and every field of the code is in the guide, and nothing else is.
#[test]
fn guide_lists_every_event_with_its_fields() {
    let guide = include_str!("../../src/guide/observability.md");
    let source = concat!(
        include_str!("../../src/telemetry/events.rs"),
        include_str!("../../src/telemetry/event_delivery.rs"),
        include_str!("../../src/telemetry/decision.rs")
    );
    let rows: Vec<Vec<&str>> = guide
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split(" | ").collect())
        .collect();
    let events = events_of(source);
    assert!(events.len() > 10, "{events:?}");
    let decision = &events
        .iter()
        .find(|(message, _)| message == "$message")
        .unwrap()
        .1;
    let after = guide.split("| field of a decision | is |").nth(1).unwrap();
    let table = after.split("\n\n").next().unwrap();
    let mut documented: Vec<String> = table
        .lines()
        .filter(|line| line.starts_with("| `"))
        .flat_map(|line| names(line.split(" | ").next().unwrap()))
        .collect();
    let mut fields = decision.clone();
    fields.sort();
    documented.sort();
    assert_eq!(fields, documented);

    let mut messages: Vec<String> = source
        .split("emit_decision!(")
        .skip(1)
        .filter_map(|call| Some(call.split('"').nth(1)?.to_owned()))
        .collect();
    messages.sort();
    messages.dedup();
    assert_eq!(messages.len(), 4, "{messages:?}");
    for message in &messages {
        let row = row_of(&rows, message);
        assert!(row[3].contains("those of a decision"), "{message}");
    }
    for (message, fields) in events.iter().filter(|(message, _)| message != "$message") {
        let row = row_of(&rows, message);
        let mut documented = names(row[3]);
        // A field is named again where it is explained.
        let mut seen = std::collections::BTreeSet::new();
        documented.retain(|name| seen.insert(name.clone()));
        documented.truncate(fields.len());
        assert_eq!(&documented, fields, "{message}");
        messages.push(message.clone());
    }
    let table = guide.split("# Events").nth(1).unwrap();
    let table = table.split("Every decision is one event").next().unwrap();
    for line in table.lines().filter(|line| line.starts_with("| `")) {
        let message = line.split('`').nth(1).unwrap();
        assert!(messages.iter().any(|known| known == message), "{message}");
    }
}

fn row_of<'r>(rows: &'r [Vec<&'r str>], message: &str) -> &'r [&'r str] {
    let quoted = format!("`{message}`");
    rows.iter()
        .find(|row| row[0].trim() == quoted)
        .unwrap_or_else(|| panic!("{message} is not in the guide"))
}

/// The rows of the tables whose header has this cell.
fn rows_after<'g>(guide: &'g str, header: &str) -> Vec<Vec<&'g str>> {
    let table = guide.split(header).nth(1).unwrap();
    let table = table.split("\n\n").next().unwrap();
    let rows = table.lines().skip(2);
    rows.map(|row| row.trim_matches('|').split(" | ").collect())
        .collect()
}

/// Every alert uses metrics that exist, and the chapter about replicas explains each alert about
/// the denylist.
#[test]
fn alerts_use_known_metrics_and_are_explained() {
    let guide = include_str!("../../src/guide/observability.md");
    let replicas = include_str!("../../src/guide/replicas.md");
    let metrics = rows_after(guide, "| metric | kind | labels | meaning |");
    let metrics: Vec<&str> = metrics.iter().map(|row| row[0].trim()).collect();
    let alerts = rows_after(guide, "| problem | expression | what to do |");
    let explained = rows_after(replicas, "| alert | what it means | what to do |");
    assert!(alerts.len() > 20 && explained.len() > 8);
    let expressions = alerts.iter().map(|row| row[1]);
    for expression in expressions
        .clone()
        .chain(explained.iter().map(|row| row[0]))
    {
        for name in expression.split("tower_m2m_").skip(1) {
            let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let name = format!("`tower_m2m_{}`", &name[..end.unwrap()]);
            assert!(metrics.contains(&&*name), "{name}");
        }
    }
    for expression in expressions.filter(|expression| expression.contains("_denylist_")) {
        let found = explained.iter().any(|row| row[0].contains(expression));
        assert!(found, "{expression}");
    }
}
