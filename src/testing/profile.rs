//! The claims of a minted token, by issuer and type of caller.

use serde_json::{Map, Value, json};

use super::encoding::uuid;

/// The kind of issuer that a local issuer imitates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// Kinde: `typ` is `JWT`, `aud` is an array, the client is `azp`, `gty` is client credentials,
    /// no `sub`.
    #[default]
    Kinde,
    /// The JWT profile for access tokens (RFC 9068 §2): `typ` is `at+jwt`, the client is
    /// `client_id` and `sub`.
    Rfc9068,
}

/// The claims that every token of an issuer has.
pub(super) struct CommonClaims<'a> {
    pub(super) issuer: &'a str,
    pub(super) audience: &'a str,
    pub(super) client: &'a str,
    pub(super) issued_at: i64,
    pub(super) expires_at: i64,
}

impl Profile {
    /// Returns the `typ` of the header.
    pub(super) fn typ(self) -> &'static str {
        match self {
            Self::Kinde => "JWT",
            Self::Rfc9068 => "at+jwt",
        }
    }

    /// Returns the claims of a machine token.
    pub(super) fn machine(self, with: &CommonClaims<'_>) -> Map<String, Value> {
        let mut claims = self.common(with);
        match self {
            Self::Kinde => {
                claims.insert("gty".into(), json!(["client_credentials"]));
                claims.insert("scope".into(), "".into());
                claims.insert("scp".into(), json!([]));
            }
            Self::Rfc9068 => self.set_client(&mut claims, with.client),
        }
        claims
    }

    /// Returns the claims of a signed-in user's token from the same issuer, signed by the same key.
    pub(super) fn user(self, with: &CommonClaims<'_>, user: &str) -> Map<String, Value> {
        let mut claims = self.common(with);
        if self == Self::Kinde {
            claims.insert("scp".into(), json!(["openid", "profile", "email"]));
            claims.insert("permissions".into(), json!([]));
            claims.insert("feature_flags".into(), json!({}));
        } else {
            claims.insert("client_id".into(), with.client.into());
        }
        claims.insert("sub".into(), user.into());
        claims
    }

    /// Sets the audiences in the form of this issuer.
    pub(super) fn set_audiences(self, claims: &mut Map<String, Value>, audiences: &[String]) {
        let value = match (self, audiences) {
            (Self::Rfc9068, [one]) => json!(one),
            _ => json!(audiences),
        };
        claims.insert("aud".into(), value);
    }

    /// Sets the client in the claims that this issuer uses. A user's `sub` does not change.
    pub(super) fn set_client(self, claims: &mut Map<String, Value>, client: &str) {
        match self {
            Self::Kinde => {
                claims.insert("azp".into(), client.into());
            }
            Self::Rfc9068 => {
                let previous = claims.insert("client_id".into(), client.into());
                // A machine is its own subject (RFC 9068 §2.2).
                if claims.get("sub") == previous.as_ref() {
                    claims.insert("sub".into(), client.into());
                }
            }
        }
    }

    fn common(self, with: &CommonClaims<'_>) -> Map<String, Value> {
        let mut claims = Map::new();
        self.set_audiences(&mut claims, &[with.audience.to_owned()]);
        claims.insert("exp".into(), with.expires_at.into());
        claims.insert("iat".into(), with.issued_at.into());
        claims.insert("iss".into(), with.issuer.into());
        claims.insert("jti".into(), uuid().into());
        if self == Self::Kinde {
            claims.insert("azp".into(), with.client.into());
            claims.insert("v".into(), "2".into());
        }
        claims
    }
}
