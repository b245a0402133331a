//! The configuration files of the guide, in each format.

use tower_m2m::Config;

const CHAPTER: &str = include_str!("../../src/guide/configuration.md");

/// Returns the code blocks of one language.
fn blocks(language: &str) -> Vec<&'static str> {
    let opening = format!("```{language}\n");
    CHAPTER
        .split(opening.as_str())
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect()
}

fn from_toml(text: &str) -> Result<Config, String> {
    toml::from_str(text).map_err(|error| error.message().to_owned())
}

fn from_yaml(text: &str) -> Result<Config, String> {
    serde_yaml_ng::from_str(text).map_err(|error| error.to_string())
}

fn from_json(text: &str) -> Result<Config, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

#[test]
fn samples_of_each_format_say_the_same() {
    let json = from_json(blocks("json")[0]).unwrap();
    let toml = from_toml(blocks("toml")[0]).unwrap();
    let yaml = from_yaml(blocks("yaml")[0]).unwrap();
    let settings = format!("{json:?}");
    assert_eq!(format!("{toml:?}"), settings);
    assert_eq!(format!("{yaml:?}"), settings);
    let custom_domain = from_toml(blocks("toml")[1]).unwrap();
    for config in [json, toml, yaml, custom_domain] {
        assert!(config.build().is_ok());
    }
}

/// The table of mistakes contains the printed errors.
#[test]
fn mistakes_of_the_guide_have_these_errors() {
    let issuer = "[[issuers]]\naudience = \"a\"\n";
    let kinde = format!("{issuer}kinde = \"acme\"\n");
    for (written, error) in [
        ("leeway = 30", from_toml(&format!("{kinde}leeway = 30"))),
        (
            "[issuers]",
            from_toml("[issuers]\nkinde = \"acme\"\naudience = \"a\""),
        ),
        (
            "leewey = \"30s\"",
            from_toml(&format!("{kinde}leewey = \"30s\"")),
        ),
        (
            "\"allow_clients\": null",
            from_json(
                r#"{ "issuers": [{ "kinde": "acme", "audience": "a", "allow_clients": null }] }"#,
            ),
        ),
        (
            "kinde = \"auth.acme.com\"",
            from_toml(&format!("{issuer}kinde = \"auth.acme.com\"")),
        ),
    ] {
        let error = error.unwrap_err();
        let ticks = if error.contains('`') { "``" } else { "`" };
        let row = format!("| `{written}` | {ticks}{error}{ticks} |");
        assert!(CHAPTER.contains(&row), "{row}");
    }
}

/// Values that one format has and another does not.
#[test]
fn null_and_numbers_are_rejected_in_each_format() {
    let yaml = "issuers: [{ kinde: acme, audience: a, allow_clients: ~ }]";
    let error = from_yaml(yaml).unwrap_err();
    assert!(
        error.contains("issuers[0].allow_clients: is null"),
        "{error}"
    );
    let yaml = "issuers: [{ kinde: acme, audience: a, max_age: 3600 }]";
    let error = from_yaml(yaml).unwrap_err();
    assert!(
        error.contains("issuers[0].max_age: is the number 3600"),
        "{error}"
    );
    let yaml = "issuers: [{ kinde: acme, audience: a, audience: b }]";
    assert!(from_yaml(yaml).unwrap_err().contains("audience"));
    let toml = "[[issuers]]\nkinde = \"acme\"\naudience = \"a\"\nmax_age = 2026-01-01";
    assert!(from_toml(toml).is_err());
}
