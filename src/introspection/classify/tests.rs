use super::*;

fn forms() -> CredentialForms {
    let mut forms = CredentialForms::default();
    let form = |introspector, alphabet| OpaqueForm {
        introspector,
        alphabet,
    };
    forms.add(form(0, Alphabet::ApiKey), &["k_live_".to_owned()]);
    forms.add(form(1, Alphabet::B64Token), &["ory_at_".to_owned()]);
    forms
}

/// Rules 161, 163.
#[test]
fn credential_takes_exactly_one_path() {
    use CredentialPath::{Jwt, Malformed, Opaque};
    let mut with_any = forms();
    with_any.add(
        OpaqueForm {
            introspector: 2,
            alphabet: Alphabet::B64Token,
        },
        &[],
    );
    let (shortest, longest) = ("k_live_123456789", format!("k_live_{}", "a".repeat(249)));
    for (credential, prefixed, any) in [
        (shortest, Opaque(0), Opaque(0)),
        ("k_live_12345678", Malformed, Malformed),
        (longest.as_str(), Opaque(0), Opaque(0)),
        (&format!("{longest}a"), Malformed, Malformed),
        ("k_live_", Malformed, Malformed),
        ("k_live_1234567890.abc", Malformed, Malformed),
        ("k_live_1234567890%20", Malformed, Malformed),
        ("k_live_a.b.cdefghijklm", Malformed, Malformed),
        ("K_live_1234567890", Jwt, Opaque(2)),
        ("k_test_1234567890", Jwt, Opaque(2)),
        ("ory_at_key.signature", Opaque(1), Opaque(1)),
        ("ory_at_a.b.c", Opaque(1), Opaque(1)),
        ("ory_at_a b", Malformed, Malformed),
        ("eyJhbGciOiJSUzI1NiJ9.e30.c2ln", Jwt, Jwt),
        ("a.b.c.d.e", Jwt, Jwt),
        ("a.b", Jwt, Opaque(2)),
        ("a.b.c.d", Jwt, Opaque(2)),
        (
            "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU",
            Jwt,
            Opaque(2),
        ),
        ("mF_9.B5f-4.1JqM", Jwt, Jwt),
        ("abc", Jwt, Opaque(2)),
        ("a b", Jwt, Jwt),
        ("a%b", Jwt, Jwt),
        ("", Jwt, Jwt),
    ] {
        let bytes = credential.as_bytes();
        assert_eq!(forms().classify(bytes), prefixed, "{credential}");
        assert_eq!(with_any.classify(bytes), any, "{credential}, any");
    }
}

/// Rule 162.
#[test]
fn prefix_that_could_begin_a_jwt_is_invalid() {
    for prefix in ["e", "ey", "eyJ", "ew", "e3", "e_", "", "a b", "ü", "a,"] {
        assert!(prefix_problem(prefix).is_some(), "{prefix}");
    }
    for prefix in ["k_live_", "ory_at_", "ev", "eZ", "x", "a.b"] {
        assert_eq!(prefix_problem(prefix), None, "{prefix}");
    }
}
