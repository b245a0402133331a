//! Opaque tokens that the issuer reports as active, but not as access tokens for this API (RFC 7662
//! §2.2, §4).

use serde_json::json;

use super::opaque_forgeries;
use crate::testing::issuer::LocalIssuer;
use crate::testing::mint::TokenBuilder;

const HOUR: i64 = 3_600;

opaque_forgeries! {
    /// Returns every forgery of this file for the claims of a valid token.
    fn (issuer: &LocalIssuer, good: &TokenBuilder) = (issuer, good);

    /// The token was revoked.
    revoked_token -> INVALID_TOKEN {
        let token = issuer.opaque_token(good);
        issuer.revoke(&token);
        token.token().to_owned()
    }

    /// It is a refresh token, reported without a type.
    refresh_token -> INVALID_TOKEN { issuer.opaque_refresh_token(good).token().to_owned() }

    /// It is a refresh token, reported with the type `Bearer` and another use.
    refresh_token_of_type_bearer -> INVALID_TOKEN { token(issuer, &good.clone().claim("token_use", "refresh_token")) }

    /// It is an access token by its use, but its type is not `Bearer`.
    token_of_unknown_type -> INVALID_TOKEN {
        token(issuer, &good.clone().claim("token_use", "access_token").claim("token_type", "N_A"))
    }

    /// The type of the token is not a string.
    token_with_malformed_type -> INVALID_TOKEN { token(issuer, &good.clone().claim("token_type", json!(["Bearer"]))) }

    /// The token is for another API.
    token_for_another_audience -> INVALID_TOKEN { token(issuer, &good.clone().audience("https://other.example.com")) }

    /// The token names no audience.
    token_without_audience -> INVALID_TOKEN { token(issuer, &good.clone().without("aud")) }

    /// The array of audiences is empty.
    token_with_empty_audience -> INVALID_TOKEN { token(issuer, &good.clone().claim("aud", json!([]))) }

    /// The token is from another issuer.
    token_of_another_issuer -> INVALID_TOKEN { token(issuer, &good.clone().claim("iss", "https://other.example.com")) }

    /// The token is bound to a key (RFC 9449 §6.2).
    token_bound_to_a_key -> INVALID_TOKEN { token(issuer, &good.clone().claim("cnf", json!({ "jkt": "0" }))) }

    /// The token is bound to a key and has the type of such tokens.
    token_of_type_dpop -> INVALID_TOKEN {
        token(issuer, &good.clone().claim("token_type", "DPoP").claim("cnf", json!({ "jkt": "0" })))
    }

    /// The token was delegated (RFC 8693 §4.1).
    delegated_token -> INVALID_TOKEN { token(issuer, &good.clone().claim("act", json!({ "sub": "other" }))) }

    /// The token expired an hour ago, but is reported as active.
    active_but_expired_token -> INVALID_TOKEN { token(issuer, &good.clone().claim("exp", good.now() - HOUR)) }

    /// The expiry of the token is a string.
    token_with_malformed_expiry -> INVALID_TOKEN { token(issuer, &good.clone().claim("exp", "never")) }

    /// The token will be valid in an hour.
    token_not_yet_valid -> INVALID_TOKEN { token(issuer, &good.clone().claim("nbf", good.now() + HOUR)) }

    /// The token names no client.
    token_without_client -> INVALID_TOKEN { token(issuer, &good.clone().without("client_id").without("azp")) }

    /// The client of the token is a number.
    token_with_malformed_client -> INVALID_TOKEN { token(issuer, &good.clone().claim("client_id", 7)) }

    /// The scopes of the token are an object.
    token_with_malformed_scope -> INVALID_TOKEN { token(issuer, &good.clone().claim("scope", json!({ "a": 1 }))) }

    /// The organization of the token is null, which is not the same as no organization.
    token_with_null_organization -> INVALID_TOKEN { token(issuer, &good.clone().claim("org_code", json!(null))) }
}

fn token(issuer: &LocalIssuer, claims: &TokenBuilder) -> String {
    issuer.opaque_token(claims).token().to_owned()
}
