use super::*;

/// Rule 165.
///
/// The example of RFC 6749, appendix B.
#[test]
fn rfc6749_appendix_b_form_encoding() {
    assert_eq!(form_urlencoded(" %&+£€"), "+%25%26%2B%C2%A3%E2%82%AC");
    assert_eq!(
        encode_form(&[("a:b", "c d"), ("e", "f&g=h")]),
        "a%3Ab=c+d&e=f%26g%3Dh"
    );
    assert_eq!(form_urlencoded("aZ0*-._"), "aZ0*-._");
}
