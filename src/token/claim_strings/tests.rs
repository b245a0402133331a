use super::*;

#[test]
fn packed_strings_are_found() {
    let texts = ClaimStrings::new(ClaimStrs {
        client_id: "ü€",
        subject: None,
        jti: Some(""),
        audience: Some("https://api"),
    });
    let ClaimStrs {
        client_id,
        subject,
        jti,
        audience,
    } = texts.as_strs();
    assert_eq!(
        (client_id, subject, jti, audience),
        ("ü€", None, Some(""), Some("https://api"))
    );
}
