use super::*;

#[test]
fn pointers_that_can_match_are_accepted() {
    for pointer in [
        "/org_code",
        "/tenant/id",
        "/a~1b/~0",
        "/https:~1~1acme.example~1org",
        "/a/b/c/d/e/f/g/h",
        "/sub",
        "/aud",
        "/a//b",
        "/a/0",
    ] {
        assert_eq!(pointer_problem(pointer), None, "{pointer}");
    }
}

#[test]
fn pointers_that_can_never_match_are_found() {
    for (pointer, expected) in [
        ("", "must be a JSON Pointer such as"),
        ("/", "must be a JSON Pointer such as"),
        ("org_code", "must be a JSON Pointer such as"),
        ("/org~code", "must be a JSON Pointer, in which ~"),
        ("/org~", "must be a JSON Pointer, in which ~"),
        ("/~2", "must be a JSON Pointer, in which ~"),
        ("/a/b/c/d/e/f/g/h/i", "can never match: a token with more"),
        ("/nonce", "can never match: a token that has"),
        ("/act/sub", "can never match: a token that has"),
        ("/sub/org", "can never match: its first claim"),
    ] {
        let problem = pointer_problem(pointer).unwrap();
        assert!(problem.starts_with(expected), "{pointer}: {problem}");
    }
}
