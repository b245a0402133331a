use super::*;
use crate::token::TokenError;

#[test]
fn retry_after_is_rounded_up() {
    for (millis, seconds) in [(0, "1"), (999, "1"), (1000, "1"), (1001, "2"), (9500, "10")] {
        let header = whole_seconds(Duration::from_millis(millis));
        assert_eq!(header, seconds, "{millis} ms");
    }
}

/// Each type of response has its gRPC status, including that of a hidden organization.
#[test]
fn each_rejection_has_a_grpc_status() {
    for (rejection, code) in [
        (Rejection::InvalidClaims(TokenError::Expired), "16"),
        (Rejection::WrongOrganization, "7"),
        (Rejection::HiddenOrganization, "5"),
        (Rejection::CallerStatusUnavailable, "14"),
        (Rejection::DenylistUnavailable, "14"),
        (
            Rejection::LayerMissing(crate::rejection::MissingLayer::Fallback {
                extractor: "OrgCode",
            }),
            "13",
        ),
    ] {
        let answer = ResponseConfig::default().grpc(
            rejection,
            &ScopeRequirement::none(),
            AuthScheme::Bearer,
        );
        assert_eq!(
            (answer.status(), &answer.headers()["grpc-status"]),
            (StatusCode::OK, &HeaderValue::from_static(code))
        );
    }
}
