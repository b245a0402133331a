use super::*;

/// Rule 179.
#[test]
fn debug_output_shows_no_secret() {
    let client = ClientSecret::new("m2m-client", "s3cret");
    assert_eq!(format!("{client:?}"), "ClientSecret { .. }");
}
