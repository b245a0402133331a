use super::*;

/// Rule 179.
#[test]
fn debug_output_shows_no_secret() {
    let client = ClientSecret {
        client_id: "m2m-client".to_owned(),
        secret: "s3cret".to_owned(),
    };
    assert_eq!(format!("{client:?}"), "ClientSecret { .. }");
}
