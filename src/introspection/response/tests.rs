#![allow(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "the helpers return what the parsers return"
)]

use super::*;

const MAX: u32 = 1_024;

fn token(body: &str) -> Result<IntrospectionResponse<()>, InvalidResponse> {
    parse_rfc7662(body.as_bytes(), MAX).map(without_claims)
}

fn without_claims<T>(response: IntrospectionResponse<T>) -> IntrospectionResponse<()> {
    match response {
        IntrospectionResponse::Active(_) => IntrospectionResponse::Active(()),
        IntrospectionResponse::Inactive => IntrospectionResponse::Inactive,
    }
}

fn verify(body: &str) -> Result<IntrospectionResponse<KeyKind>, InvalidResponse> {
    parse_kinde_verify(body.as_bytes(), MAX).map(|response| match response {
        IntrospectionResponse::Active(key) => IntrospectionResponse::Active(key.kind()),
        IntrospectionResponse::Inactive => IntrospectionResponse::Inactive,
    })
}

/// Returns the verify response of an active key.
fn verified(org_code: &str, user_id: &str) -> String {
    format!(
        r#"{{"is_valid":true,"status":"active","key_id":"k","org_code":{org_code},"user_id":{user_id}}}"#
    )
}

/// Returns the result for a key of these two members that is described in this way.
fn described(
    org_code: &str,
    user_id: &str,
    description: &str,
) -> Result<IntrospectionResponse<KeyKind>, InvalidResponse> {
    let body = verified(org_code, user_id);
    let Ok(IntrospectionResponse::Active(key)) = parse_kinde_verify(body.as_bytes(), MAX) else {
        panic!("the key is active")
    };
    let body = format!(r#"{{"code":"OK","api_key":{{{description}}}}}"#);
    parse_kinde_key(body.as_bytes(), &key, "api_1", MAX)
}

const ORG: &str = r#""org_a""#;
const USER: &str = r#""kp_1""#;
const NULL: &str = "null";
const OURS: &str = r#""id":"k","api_ids":["api_0","api_1"]"#;

const fn active(kind: KeyKind) -> Result<IntrospectionResponse<KeyKind>, InvalidResponse> {
    Ok(IntrospectionResponse::Active(kind))
}

const INACTIVE: Result<IntrospectionResponse<KeyKind>, InvalidResponse> =
    Ok(IntrospectionResponse::Inactive);

/// Rule 166.
#[test]
fn token_is_active_only_if_active_is_true() {
    assert_eq!(
        token(r#"{"active":true}"#),
        Ok(IntrospectionResponse::Active(()))
    );
    assert_eq!(
        token(r#"{"scope":"a","active":false}"#),
        Ok(IntrospectionResponse::Inactive)
    );
    for value in ["\"true\"", "\"false\"", "1", "0", "null", "[true]", "{}"] {
        assert_eq!(
            token(&format!(r#"{{"active":{value}}}"#)),
            Err(InvalidResponse::MalformedMember("active")),
            "{value}"
        );
    }
    for body in ["{}", r#"{"Active":true}"#, r#"{"is_valid":true}"#] {
        assert_eq!(
            token(body),
            Err(InvalidResponse::MissingMember("active")),
            "{body}"
        );
    }
}

/// Rules 166, 174.
#[test]
fn body_that_is_not_one_object_is_an_invalid_response() {
    for (body, error) in [
        (
            r#"{"active":true,"active":false}"#,
            JsonError::DuplicateMember,
        ),
        (
            r#"{"active":true,"a":[{"b":1,"b":1}]}"#,
            JsonError::DuplicateMember,
        ),
        (r#"{"active":true}{}"#, JsonError::Syntax),
        (r#"{"active":tru"#, JsonError::Syntax),
        ("", JsonError::Syntax),
        ("true", JsonError::NotAnObject),
        (r#"[{"active":true}]"#, JsonError::NotAnObject),
    ] {
        assert_eq!(token(body), Err(InvalidResponse::Json(error)), "{body}");
        assert_eq!(verify(body), Err(InvalidResponse::Json(error)), "{body}");
    }
    let invalid = b"{\"active\":true,\"a\":\"\xff\"}";
    assert!(matches!(
        parse_rfc7662(invalid, MAX),
        Err(InvalidResponse::Json(JsonError::NotUtf8))
    ));
}

/// Rule 174.
#[test]
fn number_of_values_in_a_response_is_limited() {
    let body = r#"{"active":true,"aud":["a","b"]}"#;
    let parse = |max| parse_rfc7662(body.as_bytes(), max).map(without_claims);
    assert_eq!(parse(5), Ok(IntrospectionResponse::Active(())));
    assert_eq!(parse(4), Err(InvalidResponse::Json(JsonError::TooLarge)));
}

/// Rules 167, 168, 174, 183.
#[test]
fn parser_reads_no_claims_of_an_active_token() {
    let body =
        r#"{"active":true,"exp":"soon","iat":[],"scope":7,"token_type":{},"aud":null,"cnf":1}"#;
    assert_eq!(token(body), Ok(IntrospectionResponse::Active(())));
    let Ok(IntrospectionResponse::Active(claims)) = parse_rfc7662(body.as_bytes(), MAX) else {
        panic!("the token is active")
    };
    assert_eq!(claims.get("exp"), Some(JsonValue::String("soon")));
}

/// Rule 175.
#[test]
fn key_is_active_only_if_valid_and_active() {
    let key = |is_valid: &str, status: &str| {
        verify(&format!(
            r#"{{{is_valid}{status}"org_code":"org_a","user_id":null}}"#
        ))
    };
    let valid = r#""is_valid":true,"#;
    let invalid = r#""is_valid":false,"#;
    let status = r#""status":"active","#;
    assert_eq!(key(valid, status), active(KeyKind::Organization));
    for other in ["inactive", "revoked", "Active", "active ", ""] {
        assert_eq!(
            key(valid, &format!(r#""status":"{other}","#)),
            INACTIVE,
            "{other}"
        );
    }
    for status in ["", status, r#""status":null,"#, r#""status":7,"#] {
        assert_eq!(key(invalid, status), INACTIVE, "{status}");
    }
    assert_eq!(verify(r#"{"is_valid":false}"#), INACTIVE);

    let malformed = InvalidResponse::MalformedMember;
    let missing = InvalidResponse::MissingMember;
    assert_eq!(key("", status), Err(missing("is_valid")));
    assert_eq!(key(valid, ""), Err(missing("status")));
    for value in ["\"true\"", "1", "null"] {
        assert_eq!(
            key(&format!(r#""is_valid":{value},"#), status),
            Err(malformed("is_valid"))
        );
    }
    for value in ["null", "true", "[\"active\"]"] {
        assert_eq!(
            key(valid, &format!(r#""status":{value},"#)),
            Err(malformed("status"))
        );
    }
}

/// Rule 176.
#[test]
fn kind_of_a_key_depends_on_its_nulls() {
    for (org_code, user_id, kind) in [
        (ORG, NULL, KeyKind::Organization),
        (NULL, USER, KeyKind::User),
        (ORG, USER, KeyKind::OrganizationOrUser),
        (NULL, NULL, KeyKind::Environment),
        // The rules reject these values, so that they never count as absent.
        (r#""""#, NULL, KeyKind::Organization),
        ("7", NULL, KeyKind::Organization),
        (NULL, "{}", KeyKind::User),
        ("false", "0", KeyKind::OrganizationOrUser),
    ] {
        let body = verified(org_code, user_id);
        assert_eq!(verify(&body), active(kind), "{body}");
    }
}

/// Rule 176.
#[test]
fn absent_organization_or_user_is_an_invalid_response() {
    let key = r#""is_valid":true,"status":"active""#;
    for (rest, member) in [
        (r#","user_id":null"#, "org_code"),
        (r#","user_id":"kp_1","orgCode":"org_a""#, "org_code"),
        (r#","org_code":"org_a""#, "user_id"),
        (r#","org_code":null"#, "user_id"),
        ("", "org_code"),
    ] {
        assert_eq!(
            verify(&format!("{{{key}{rest}}}")),
            Err(InvalidResponse::MissingMember(member)),
            "{rest}"
        );
    }
    let revoked = r#"{"is_valid":true,"status":"revoked"}"#;
    assert_eq!(verify(revoked), INACTIVE);
}

/// Rule 183: Kinde's own sample. `last_verified_on` is not an RFC 3339 date.
#[test]
fn members_that_are_not_needed_are_not_parsed() {
    let sample = r#"{"code":"API_KEY_VERIFIED","message":"API key verified","is_valid":true,"key_id":"api_key_0195","status":"active",
        "scopes":["read:users"],"org_code":"org_1234567890","user_id":null,"last_verified_on":"2024-11-18T13:32:03+11","verification_count":42}"#;
    assert_eq!(verify(sample), active(KeyKind::Organization));
    for count in ["-1", "1e40", "\"many\"", "null"] {
        let odd = sample.replace("42", count).replace("2024-11-18", "n/a");
        assert_eq!(verify(&odd), active(KeyKind::Organization), "{count}");
    }
    let Ok(IntrospectionResponse::Active(key)) = parse_kinde_verify(sample.as_bytes(), MAX) else {
        panic!("the key is active")
    };
    assert_eq!(key.key_id(), Some("api_key_0195"));
}

/// Rule 177.
#[test]
fn key_of_another_api_is_inactive() {
    assert_eq!(described(ORG, NULL, OURS), active(KeyKind::Organization));
    for ids in [
        "[]",
        r#"["api_0"]"#,
        r#"["api_1 "]"#,
        r#"["API_1"]"#,
        r#"["api_11"]"#,
    ] {
        assert_eq!(
            described(ORG, NULL, &format!(r#""id":"k","api_ids":{ids}"#)),
            INACTIVE,
            "{ids}"
        );
    }
    for ids in [r#""api_1""#, "null", r#"{"0":"api_1"}"#, r#"["api_1",7]"#] {
        assert_eq!(
            described(ORG, NULL, &format!(r#""id":"k","api_ids":{ids}"#)),
            Err(InvalidResponse::MalformedMember("api_ids")),
            "{ids}"
        );
    }
    assert_eq!(
        described(ORG, NULL, r#""id":"k""#),
        Err(InvalidResponse::MissingMember("api_ids"))
    );
}

/// Rule 177: the key is inside of `api_key`.
#[test]
fn members_outside_of_api_key_are_not_read() {
    let body = verified(ORG, NULL);
    let Ok(IntrospectionResponse::Active(key)) = parse_kinde_verify(body.as_bytes(), MAX) else {
        panic!("the key is active")
    };
    let parse = |body: &str| parse_kinde_key(body.as_bytes(), &key, "api_1", MAX);
    assert_eq!(
        parse(&format!("{{{OURS}}}")),
        Err(InvalidResponse::MissingMember("api_key"))
    );
    assert_eq!(
        parse(r#"{"api_key":null}"#),
        Err(InvalidResponse::MalformedMember("api_key"))
    );
    assert_eq!(
        parse(r#"{"api_key":{"id":"k"},"api_ids":["api_1"]}"#),
        Err(InvalidResponse::MissingMember("api_ids"))
    );
    assert_eq!(
        parse(r#"{"api_key":{},"api_key":{}}"#),
        Err(InvalidResponse::Json(JsonError::DuplicateMember))
    );
}

/// Rule 177.
#[test]
fn contradictions_between_two_responses_are_invalid() {
    for (org_code, user_id, description, member) in [
        (ORG, NULL, r#""id":"other","api_ids":["api_1"]"#, "id"),
        (ORG, NULL, r#""organization_id":"org_b""#, "organization_id"),
        (ORG, NULL, r#""organization_id":null"#, "organization_id"),
        (
            ORG,
            NULL,
            r#""organization_id":["org_a"]"#,
            "organization_id",
        ),
        (
            NULL,
            NULL,
            r#""organization_id":"org_a""#,
            "organization_id",
        ),
        (ORG, NULL, r#""user_id":"kp_1""#, "user_id"),
        (NULL, USER, r#""user_id":null"#, "user_id"),
        (NULL, USER, r#""user_id":"kp_2""#, "user_id"),
    ] {
        let description = if description.contains("\"id\"") {
            description.to_owned()
        } else {
            format!("{OURS},{description}")
        };
        assert_eq!(
            described(org_code, user_id, &description),
            Err(InvalidResponse::Contradiction(member)),
            "{description}"
        );
    }
    // The rules reject a malformed claim with 401.
    for described_as in ["7", "null", r#""org_a""#] {
        let description = format!(r#"{OURS},"organization_id":{described_as}"#);
        assert_eq!(
            described("7", NULL, &description),
            active(KeyKind::Organization)
        );
    }
    let same = r#""organization_id":"org_a","user_id":null,"status":"active""#;
    assert_eq!(
        described(ORG, NULL, &format!("{OURS},{same}")),
        active(KeyKind::Organization)
    );
    assert_eq!(
        described(ORG, NULL, r#""api_ids":["api_1"]"#),
        Err(InvalidResponse::MissingMember("id"))
    );
    // A key without an ID is described by no response.
    let body = verified(ORG, NULL).replace(r#""key_id":"k","#, "");
    let Ok(IntrospectionResponse::Active(key)) = parse_kinde_verify(body.as_bytes(), MAX) else {
        panic!("the key is active")
    };
    let body = format!(r#"{{"api_key":{{{OURS}}}}}"#);
    assert_eq!(
        parse_kinde_key(body.as_bytes(), &key, "api_1", MAX),
        Err(InvalidResponse::Contradiction("id"))
    );
}

/// Rules 176, 177: `type` decides only if a key has an organization and a user. No key becomes
/// global because of it.
#[test]
fn type_decides_only_between_organization_and_user() {
    let contradiction = Err(InvalidResponse::Contradiction("type"));
    for (org_code, user_id, kind, expected) in [
        (ORG, USER, "\"organization\"", active(KeyKind::Organization)),
        (ORG, USER, "\"user\"", active(KeyKind::User)),
        (ORG, USER, "\"Organization\"", active(KeyKind::User)),
        (ORG, USER, "null", active(KeyKind::User)),
        (ORG, USER, "\"environment\"", contradiction),
        (ORG, NULL, "\"organization\"", active(KeyKind::Organization)),
        (ORG, NULL, "\"team\"", active(KeyKind::Organization)),
        (ORG, NULL, "\"user\"", contradiction),
        (ORG, NULL, "\"environment\"", contradiction),
        (NULL, USER, "\"user\"", active(KeyKind::User)),
        (NULL, USER, "\"environment\"", contradiction),
        (NULL, USER, "\"organization\"", contradiction),
        (NULL, NULL, "\"environment\"", active(KeyKind::Environment)),
        (NULL, NULL, "null", active(KeyKind::Environment)),
        (NULL, NULL, "\"organization\"", contradiction),
        (NULL, NULL, "\"user\"", contradiction),
        (NULL, NULL, "\"team\"", contradiction),
        (
            ORG,
            USER,
            "7",
            Err(InvalidResponse::MalformedMember("type")),
        ),
    ] {
        let description = format!(r#"{OURS},"type":{kind}"#);
        assert_eq!(
            described(org_code, user_id, &description),
            expected,
            "{org_code} {user_id} {kind}"
        );
    }
    assert_eq!(described(ORG, USER, OURS), active(KeyKind::User));
}

/// Rule 175: a key that was revoked between the two requests.
#[test]
fn key_that_is_described_as_revoked_is_inactive() {
    for status in ["revoked", "inactive", ""] {
        let description = format!(r#"{OURS},"status":"{status}""#);
        assert_eq!(described(ORG, NULL, &description), INACTIVE, "{status}");
    }
    let description = format!(r#"{OURS},"status":true"#);
    assert_eq!(
        described(ORG, NULL, &description),
        Err(InvalidResponse::MalformedMember("status"))
    );
}

/// Rule 322.
#[test]
fn error_code_is_a_short_visible_string() {
    let error = |code: &str| {
        parse_error_code(format!(r#"{{"errors":[{{"code":{code}}},{{"code":"B"}}]}}"#).as_bytes())
    };
    assert_eq!(error("\"A\""), Some("A".into()));
    let longest = "A".repeat(128);
    assert_eq!(error(&format!("\"{longest}\"")), Some(longest.clone()));
    for code in ["7", "null", "\"\"", "\"a b\"", "\"\\n\"", "\"Ü\""] {
        assert_eq!(error(code), None, "{code}");
    }
    assert_eq!(error(&format!("\"{longest}A\"")), None);
    for body in [
        "",
        "{}",
        r#"{"errors":[]}"#,
        r#"{"errors":{"code":"A"}}"#,
        r#"{"code":"A"}"#,
    ] {
        assert_eq!(parse_error_code(body.as_bytes()), None, "{body}");
    }
}

/// Rule 179.
#[test]
fn invalid_response_shows_no_value() {
    let error = verify(r#"{"is_valid":"hush"}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the member `is_valid` of the response has the wrong type"
    );
    let body = verified(ORG, NULL);
    let Ok(IntrospectionResponse::Active(key)) = parse_kinde_verify(body.as_bytes(), MAX) else {
        panic!("the key is active")
    };
    assert!(!format!("{error:?} {key:?}").contains("hush"));
    assert!(!format!("{key:?}").contains("org_a"));
}
