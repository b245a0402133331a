/// Row A4: a setting that is added to the builder is added here too.
#[test]
fn every_verifier_setting_is_also_one_of_an_issuer() {
    let builder = concat!(
        include_str!("../builder.rs"),
        include_str!("../builder_settings.rs")
    );
    let issuer = include_str!("../single_issuer.rs");
    let settings: Vec<&str> = builder
        .split("pub fn ")
        .skip(1)
        .filter(|function| {
            function
                .split(';')
                .next()
                .is_some_and(|head| head.contains("mut self"))
        })
        .filter_map(|function| function.split(['(', '<']).next())
        .collect();
    assert!(settings.len() >= 12, "{settings:?}");
    for setting in settings {
        let function = format!("pub fn {setting}");
        let found = issuer.split(function.as_str()).nth(1);
        assert!(
            found.is_some_and(|rest| rest.starts_with(['(', '<'])),
            "{setting} is missing"
        );
    }
}
