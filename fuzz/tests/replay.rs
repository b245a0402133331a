//! Checks every seed and every finding once, on any toolchain and without a fuzzer. Run `cargo
//! test` in this folder.

use std::fs;
use std::path::Path;

const TARGETS: [(&str, fn(&[u8])); 14] = [
    ("authorization", tower_m2m_fuzz::authorization::check),
    ("challenge", tower_m2m_fuzz::challenge::check),
    ("claims", tower_m2m_fuzz::claims::check),
    ("client_cert", tower_m2m_fuzz::client_cert::check),
    ("discovery", tower_m2m_fuzz::discovery::check),
    ("dpop_proof", tower_m2m_fuzz::dpop_proof::check),
    ("identifiers", tower_m2m_fuzz::identifiers::check),
    (
        "introspection_response",
        tower_m2m_fuzz::introspection_response::check,
    ),
    ("key_set", tower_m2m_fuzz::key_set::check),
    (
        "kinde_key_response",
        tower_m2m_fuzz::kinde_key_response::check,
    ),
    ("route", tower_m2m_fuzz::route::check),
    ("security_event", tower_m2m_fuzz::security_event::check),
    ("token", tower_m2m_fuzz::token::check),
    ("verify", tower_m2m_fuzz::verify::check),
];

#[test]
fn seeds_and_findings_pass_their_targets() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (target, check) in TARGETS {
        let mut run = 0;
        for folder in ["seeds", "findings"] {
            let Ok(files) = fs::read_dir(root.join(folder).join(target)) else {
                continue;
            };
            for file in files {
                let path = file.unwrap().path();
                println!("{}", path.display());
                check(&fs::read(path).unwrap());
                run += 1;
            }
        }
        assert!(run > 5, "{target} has no seeds");
    }
    let declared = fs::read_dir(root.join("fuzz_targets")).unwrap().count();
    assert_eq!(declared, TARGETS.len(), "a target is not replayed");
}
