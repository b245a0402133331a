//! Every row of the guide's table of limits, compared with the code.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;
use tower_m2m::testing::{AUDIENCE, SigningAlgorithm};
use tower_m2m::{Clock, Verifier};

use super::support::{ISSUER, NOW, jwks, key, sign, token, verdict, with};

const CHAPTER: &str = include_str!("../../src/guide/operations.md");

/// A number of a row, and its location in the code where it stands: a file, and the string before
/// it.
type CodeLocation = (&'static str, &'static str);

/// The rows in the order of their numbers. Rows without places are tested by their behavior, here
/// or in `limits.rs`.
const ROWS: [(&str, &[CodeLocation]); 32] = [
    ("a token", &[("verifier/builder.rs", "max_token_bytes: ")]),
    (
        "verified tokens",
        &[
            ("verifier/builder.rs", "   tokens: "),
            ("verifier/builder.rs", "   bytes: "),
            ("verifier/cache.rs", "const SLOTS: usize = "),
        ],
    ),
    (
        "JSON values in the claims of a token",
        &[
            ("token/json/parser.rs", "const MAX_VALUES: u32 = "),
            ("verifier/builder.rs", "self.max_token_bytes / "),
        ],
    ),
    ("a key set of a listed issuer", &[]),
    ("usable keys of a listed issuer", &[]),
    ("a key set of a resolved issuer", &[]),
    ("usable keys of a resolved issuer", &[]),
    (
        "unusable keys in `status`, with their reasons",
        &[("jwks/key_set.rs", "const MAX_UNUSABLE_KEYS: usize = ")],
    ),
    ("issuer metadata", &[]),
    (
        "missing `kid`s",
        &[
            ("jwks/remote/unknown_kids.rs", "const MAX_ENTRIES: usize = "),
            ("verifier/issuer/mod.rs", " cooldown: Duration::from_secs("),
            (
                "verifier/issuer/mod.rs",
                "unknown_kid_max_ttl: Duration::from_secs(",
            ),
        ],
    ),
    (
        "signature checks of a token without `kid`",
        &[("jwks/candidates.rs", "const MAX_KEYS_WITHOUT_KID: usize = ")],
    ),
    (
        "a record of a replicated denylist",
        &[("revocation/record.rs", "const MAX_BYTES: usize = ")],
    ),
    (
        "changes of a store that wait for the replication",
        &[("revocation/store.rs", "const BUFFERED_CHANGES: usize = ")],
    ),
    (
        "writes of one replica to the store at once",
        &[("revocation/writer.rs", "const MAX_IN_FLIGHT: usize = ")],
    ),
    (
        "used DPoP proofs",
        &[
            ("proof_of_possession/replay_memory.rs", " total: "),
            ("proof_of_possession/replay_memory.rs", " per_key: "),
        ],
    ),
    (
        "parsed keys of DPoP proofs",
        &[("proof_of_possession/proof_key.rs", "const KEYS_MAX: u64 = ")],
    ),
    (
        "entries of a denylist",
        &[("revocation/denylist.rs", "DEFAULT_CAPACITY: usize = ")],
    ),
    // Three quarters of the capacity: tested in `security_events/capacity.rs`.
    ("entries of a denylist that security events added", &[]),
    (
        "bodies of security events that are read at a time",
        &[
            ("security_events/receiver.rs", "const MAX_BODIES: usize = "),
            ("security_events/body.rs", "const MAX_BODY: usize = "),
        ],
    ),
    (
        "security events that are processed at a time",
        &[("security_events/receiver.rs", "const MAX_EVENTS: usize = ")],
    ),
    // The token itself is tested above.
    ("a DPoP proof", &[]),
    (
        "a client certificate in `Client-Cert`",
        &[(
            "proof_of_possession/client_cert_header.rs",
            "const MAX_BYTES: usize = ",
        )],
    ),
    ("open streams of layers with `end_streams()`", &[]),
    (
        "`kid`s of removed keys",
        &[
            ("jwks/remote/state.rs", "Registration::Listed => "),
            ("jwks/remote/state.rs", "Registration::Resolved => "),
        ],
    ),
    (
        "`kid`s of unusable keys",
        &[("jwks/key_set.rs", "const MAX_UNUSABLE_KIDS: usize = ")],
    ),
    (
        "fetches for unknown `kid`s",
        &[("verifier/issuer/mod.rs", " cooldown: Duration::from_secs(")],
    ),
    (
        "known clients (their tokens were verified)",
        &[
            ("jwks/remote/known_clients.rs", "by their hash, so "),
            (
                "jwks/remote/known_clients.rs",
                "const PART_CAPACITY: usize = ",
            ),
        ],
    ),
    (
        "signature checks of a token with a `kid` that several keys have",
        &[("jwks/candidates.rs", "const MAX_CANDIDATES: usize = ")],
    ),
    (
        "requests that wait for the resolver",
        &[(
            "verifier/issuers/resolver.rs",
            "const MAX_WAITERS: usize = ",
        )],
    ),
    (
        "requests that wait for a fetch",
        &[
            (
                "jwks/remote/waiting_places.rs",
                "const MAX_WAITERS: usize = ",
            ),
            (
                "jwks/remote/waiting_places.rs",
                "const MAX_WAITERS_UNKNOWN_CLIENTS: usize = ",
            ),
        ],
    ),
    (
        "calls of the application's resolver",
        &[
            (
                "verifier/issuers/resolver.rs",
                "const MAX_IN_FLIGHT: usize = ",
            ),
            ("verifier/builder.rs", "max_resolutions_per_second: "),
        ],
    ),
    (
        "resolved issuers",
        &[("verifier/builder.rs", "resolved_max: ")],
    ),
];

/// Returns the rows of the table: what grows, and its bound.
fn table() -> Vec<(&'static str, &'static str)> {
    let (_, table) = CHAPTER
        .split_once("| what grows | bound | setting |\n")
        .unwrap();
    let lines = table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'));
    let cells = lines.map(|line| {
        line.trim_start_matches("| ")
            .split(" | ")
            .collect::<Vec<_>>()
    });
    cells.map(|cells| (cells[0], cells[1])).collect()
}

/// Returns the numbers of a cell, with their units.
fn numbers(cell: &str) -> Vec<usize> {
    let words: Vec<&str> = cell.split([' ', ';']).collect();
    let number = |at: usize, word: &str| {
        let digits: String = word.chars().filter(char::is_ascii_digit).collect();
        let number: usize = digits.parse().ok()?;
        Some(
            match words.get(at + 1).map(|unit| unit.trim_end_matches(',')) {
                Some("KiB") => number << 10,
                Some("MiB") => number << 20,
                _ => number,
            },
        )
    };
    words
        .iter()
        .enumerate()
        .filter_map(|(at, word)| number(at, word))
        .collect()
}

/// Returns the number after a string in a source file: digits, or a product of them.
fn number_in_code((file, before): CodeLocation) -> usize {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file);
    let source = std::fs::read_to_string(path).unwrap();
    let after = source.split(before).skip(1);
    let numbers = after.filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && !"_ *,".contains(c))?;
        let expression = rest[..end].split(", ").next()?.trim_end_matches(',').trim();
        let factors = expression
            .split('*')
            .map(|factor| factor.trim().replace(['_', ','], "").parse::<usize>());
        factors.product::<Result<usize, _>>().ok()
    });
    numbers.last().unwrap_or_else(|| panic!("{file}: {before}"))
}

#[test]
fn every_row_of_the_limits_table_is_in_the_code() {
    let rows: BTreeSet<&str> = table().iter().map(|(row, _)| *row).collect();
    let known: BTreeSet<&str> = ROWS.iter().map(|(row, _)| *row).collect();
    assert_eq!(rows, known);
    for (row, bound) in table() {
        let (_, places) = ROWS.iter().find(|(known, _)| *known == row).unwrap();
        let numbers = numbers(bound);
        for (index, place) in places.iter().enumerate() {
            assert_eq!(
                number_in_code(*place),
                numbers[index],
                "{row}: {bound}, {place:?}"
            );
        }
    }
}

/// The last value that passes and the first that fails, for rows that a token shows.
#[test]
fn limits_of_a_token_are_those_of_the_table() {
    let bound = |name: &str| numbers(table().iter().find(|(row, _)| *row == name).unwrap().1)[0];
    let signer = key(SigningAlgorithm::EdDsa);
    let build = |keys: &[serde_json::Value]| {
        let issuer = Verifier::issuer(ISSUER)
            .audience(AUDIENCE)
            .jwk_set(jwks(keys));
        Verifier::builder([issuer])
            .clock(Clock::manual(NOW))
            .build()
            .unwrap()
    };
    let verifier = build(&[signer.public_jwk()]);
    let bytes = bound("a token");
    let padded = |length: usize| token(&signer, &json!({ "x": "x".repeat(length) }));
    let longest = (0..bytes)
        .rev()
        .map(padded)
        .find(|token| token.len() <= bytes)
        .unwrap();
    // Base64 has no strings of each length, so the first token that is too long is up to two bytes
    // longer.
    assert!(
        (bytes - 1..=bytes).contains(&longest.len()),
        "{}",
        longest.len()
    );
    assert_eq!(verdict(&verifier, &longest), Ok(()));
    let longer = (0..bytes)
        .map(padded)
        .find(|token| token.len() > bytes)
        .unwrap();
    assert_eq!(verdict(&verifier, &longer), Err("token_too_long"));

    let checks = bound("signature checks of a token without `kid`");
    let claims =
        json!({ "iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 60, "client_id": "c" }).to_string();
    let nameless = sign(&signer, r#"{"alg":"EdDSA"}"#, &claims);
    let others = |count: usize| {
        let other = |at: usize| {
            key(SigningAlgorithm::EdDsa)
                .with_kid(format!("k{at}"))
                .public_jwk()
        };
        let signer = with(&signer.public_jwk(), &[("kid", Some("signer".into()))]);
        (0..count).map(other).chain([signer]).collect::<Vec<_>>()
    };
    assert_eq!(verdict(&build(&others(checks - 1)), &nameless), Ok(()));
    assert_eq!(
        verdict(&build(&others(checks)), &nameless),
        Err("invalid_signature")
    );
}
