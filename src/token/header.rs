//! The JOSE header (RFC 7515 §4).

use std::fmt;

use super::{Algorithm, JsonObject, JsonValue, TokenError};

/// The header parameters that matter for verification: `alg`, `kid` and `typ`.
///
/// `jwk`, `jku`, `x5u` and `x5c` are never read, because the issuer and not the token defines its
/// keys (CVE-2018-0114).
///
/// ```
/// use tower_m2m::Algorithm;
/// use tower_m2m::token::{JoseHeader, TokenError, TokenType};
///
/// # fn main() -> Result<(), TokenError> {
/// let header = JoseHeader::parse(br#"{"alg":"RS256","typ":"JWT","kid":"4c:fa"}"#)?;
/// assert_eq!(header.algorithm(), Algorithm::RS256);
/// assert_eq!(header.kid(), Some("4c:fa"));
/// assert_eq!(header.token_type(), TokenType::Jwt);
/// assert_eq!(JoseHeader::parse(br#"{"alg":"none"}"#).unwrap_err(), TokenError::UnknownAlgorithm);
/// # Ok(())
/// # }
/// ```
pub struct JoseHeader<'a> {
    json: JsonObject<'a>,
    algorithm: Algorithm,
    token_type: TokenType,
}

/// The value of `typ` (RFC 7515 §4.1.9, RFC 9068 §2.1). Its case and the prefix `application/` make
/// no difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenType {
    /// No `typ`.
    Absent,
    /// `JWT`: the value of Kinde's tokens.
    Jwt,
    /// `at+jwt`: an access token (RFC 9068).
    AccessToken,
    /// `secevent+jwt`: a Security Event Token (RFC 8417 §2.3), which is never an access token.
    SecurityEvent,
    /// Anything else, which is never an access token.
    Other,
}

/// A `kid` is an opaque name. Names in use are much shorter than this number of bytes (RFC 8725
/// §3.10).
const KID_MAX: usize = 256;

impl<'a> JoseHeader<'a> {
    /// Parses the octets of a header.
    ///
    /// # Errors
    ///
    /// Returns [`TokenError::InvalidHeader`], [`TokenError::UnsupportedCrit`],
    /// [`TokenError::UnencodedPayload`], [`TokenError::InvalidHeaderParameter`] or
    /// [`TokenError::UnknownAlgorithm`].
    pub fn parse(text: &'a [u8]) -> Result<Self, TokenError> {
        let json = JsonObject::parse(text).map_err(TokenError::InvalidHeader)?;
        let (mut algorithm, mut token_type) = (None, TokenType::Absent);
        for (name, value) in json.members() {
            match (name, value) {
                ("crit", _) => return Err(TokenError::UnsupportedCrit),
                ("b64", _) => return Err(TokenError::UnencodedPayload),
                ("alg", JsonValue::String(name)) => {
                    algorithm =
                        Some(Algorithm::from_name(name).ok_or(TokenError::UnknownAlgorithm)?);
                }
                ("alg", _) => return Err(TokenError::InvalidHeaderParameter("alg")),
                ("kid", JsonValue::String(id)) if id.len() <= KID_MAX => {}
                ("kid", _) => return Err(TokenError::InvalidHeaderParameter("kid")),
                ("typ", JsonValue::String(name)) => token_type = TokenType::from_name(name),
                ("typ", _) => return Err(TokenError::InvalidHeaderParameter("typ")),
                _ => {}
            }
        }
        let algorithm = algorithm.ok_or(TokenError::InvalidHeaderParameter("alg"))?;
        Ok(Self {
            json,
            algorithm,
            token_type,
        })
    }

    /// Returns `alg`: the algorithm that the token claims to be signed with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns `kid`: an opaque name for the key, compared exactly (RFC 7515 §4.1.4).
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        match self.json.get("kid") {
            Some(JsonValue::String(id)) => Some(id),
            _ => None,
        }
    }

    /// Returns all members.
    pub(crate) fn json(&self) -> &JsonObject<'a> {
        &self.json
    }

    /// Returns all members, and ends the use of the header.
    #[cfg(feature = "dpop")]
    pub(crate) fn into_json(self) -> JsonObject<'a> {
        self.json
    }

    /// Returns `typ`: the type of the token.
    #[must_use]
    pub fn token_type(&self) -> TokenType {
        self.token_type
    }
}

impl TokenType {
    fn from_name(name: &str) -> Self {
        const PREFIX: &str = "application/";
        let name = match name.get(..PREFIX.len()) {
            Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => {
                name.get(PREFIX.len()..).unwrap_or_default()
            }
            _ => name,
        };
        if name.eq_ignore_ascii_case("JWT") {
            Self::Jwt
        } else if name.eq_ignore_ascii_case("at+jwt") {
            Self::AccessToken
        } else if name.eq_ignore_ascii_case("secevent+jwt") {
            Self::SecurityEvent
        } else {
            Self::Other
        }
    }

    /// Returns `true` if an access token can have this type.
    pub(crate) fn can_be_access_token(self) -> bool {
        match self {
            Self::Absent | Self::Jwt | Self::AccessToken => true,
            Self::SecurityEvent | Self::Other => false,
        }
    }
}

impl fmt::Debug for JoseHeader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoseHeader")
            .field("algorithm", &self.algorithm)
            .field("token_type", &self.token_type)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
