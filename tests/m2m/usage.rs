//! Help, completions and wrong usage.

use crate::program::run;
use crate::support::printed;

const SUBCOMMANDS: [&str; 5] = ["issuer", "token", "explain", "lint", "attack"];

/// Rule 308.
#[tokio::test]
async fn each_subcommand_documents_its_exit_codes() {
    for subcommand in SUBCOMMANDS {
        let output = run("m2m", &[subcommand, "--help"], &[]).await;
        let help = printed(&output);
        assert_eq!(output.status.code(), Some(0));
        assert!(
            help.contains("Exit codes: 0 = ") && help.contains("2 = wrong usage"),
            "{help}"
        );
        assert!(help.contains("Examples:\n  "), "{help}");
    }
    let help = printed(&run("m2m", &["--help"], &[]).await);
    assert!(SUBCOMMANDS.iter().all(|name| help.contains(name)), "{help}");
    assert!(
        (0..4).all(|code| help.contains(&format!("\n  {code}  "))),
        "{help}"
    );
}

/// Rule 312.
#[tokio::test]
async fn attack_on_a_remote_host_needs_an_option() {
    for url in [
        "http://192.0.2.1/",
        "https://api.example.com/x",
        "http://127.0.0.1.example.com/",
    ] {
        let output = run("m2m", &["attack", url, "--issuer-port", "0"], &[]).await;
        assert_eq!(output.status.code(), Some(2), "{url}");
        assert!(printed(&output).contains("--allow-remote"));
    }
}

#[tokio::test]
async fn wrong_usage_is_exit_code_2() {
    for arguments in [
        &[][..],
        &["console"],
        &["attack"],
        &["attack", "127.0.0.1:3000"],
        &["attack", "ftp://127.0.0.1/"],
        &["attack", "http://user:secret@127.0.0.1/"],
        &["attack", "http://127.0.0.1/{tenant}"],
        &["attack", "http://127.0.0.1/", "--refresh-interval", "soon"],
        &[
            "attack",
            "http://127.0.0.1/",
            "--org",
            "org",
            "--other-org",
            "org_b",
        ],
        &["attack", "http://127.0.0.1/", "--output", "/does/not/exist"],
        &["token", "--org", "org_a", "--global"],
        &["explain", "--config", "/does/not/exist"],
    ] {
        let output = run("m2m", arguments, &[]).await;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[tokio::test]
async fn completions_name_the_subcommands() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = printed(&run("m2m", &["completions", shell], &[]).await);
        assert!(
            SUBCOMMANDS.iter().all(|name| script.contains(name)),
            "{shell}"
        );
    }
}

/// Output that is not a terminal has no colors, with `NO_COLOR` and without.
#[tokio::test]
async fn output_of_a_pipe_has_no_colors() {
    for variables in [&[][..], &[("NO_COLOR", "1")]] {
        let attack = [
            "attack",
            "http://127.0.0.1:1/",
            "--issuer-port",
            "0",
            "--wait",
            "1ms",
        ];
        for arguments in [&["--help"][..], &["attack", "--nonsense"], &attack] {
            let text = printed(&run("m2m", arguments, variables).await);
            assert!(!text.contains('\u{1b}'), "{text}");
        }
    }
}

/// The settings of an API must not need a feature that the installed tool lacks.
#[test]
fn tool_has_every_feature_that_a_setting_needs() {
    let manifest: toml::Table = toml::from_str(include_str!("../../Cargo.toml")).unwrap();
    let enabled = manifest["features"]["cli"].as_array().unwrap();
    let settings = include_str!("../../src/config/features.rs");
    let needed = settings
        .split("feature: \"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    let needed: Vec<_> = needed.collect();
    assert!(needed.contains(&"dpop") && needed.contains(&"introspection"));
    for feature in needed {
        assert!(
            enabled.iter().any(|name| name.as_str() == Some(feature)),
            "{feature}"
        );
    }
}
