use super::*;

#[test]
fn form_parser_decodes_fields() {
    let form = UrlEncodedForm::parse(b"a=1&b=x%20y+z&c=&a=2&&d").unwrap();
    assert_eq!(form.value("b"), Some("x y z"));
    assert_eq!((form.value("c"), form.value("d")), (None, None));
    assert_eq!(form.values("a").collect::<Vec<_>>(), ["1", "2"]);
    assert!(form.repeats("a") && !form.repeats("b"));
    assert!(
        UrlEncodedForm::parse(b"a=%4").is_none()
            && UrlEncodedForm::parse(b"a=%zz").is_none()
            && UrlEncodedForm::parse(b"a=%ff").is_none()
    );
}

#[test]
fn basic_credentials_are_decoded() {
    // a%20b:c%3Ad
    let value = format!("bAsIc {}", STANDARD.encode("a%20b:c%3Ad"));
    assert_eq!(basic(&value), Some(("a b".into(), "c:d".into())));
    assert_eq!(basic("Bearer abc"), None);
    assert_eq!(basic("Basic !"), None);
}
