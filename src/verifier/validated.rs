//! What the rules return: the claims of a token that satisfies them.

use std::sync::Arc;

use super::claim::as_text;
use crate::token::{Inside, Json, Scopes, TokenError, Value};

/// The claims of a token that satisfies the rules, still borrowed from it. Whether its signature holds is another matter.
pub(crate) struct Checked<'j> {
    pub(super) client_id: &'j str,
    pub(super) subject: Option<&'j str>,
    pub(super) org_code: Option<&'j str>,
    pub(super) scopes: Granted<'j>,
    pub(super) audience: Option<Value<'j>>,
    pub(super) jti: Option<&'j str>,
    pub(super) expires_at: i64,
    pub(super) issued_at: Option<i64>,
    pub(super) not_before: Option<i64>,
}

/// Where the scopes are written, and how.
#[derive(Clone, Copy)]
pub(super) enum Granted<'j> {
    Nothing,
    Text(&'j str),
    List(Inside),
}

/// Who vouches for a token: which verifier, for which issuer.
pub(crate) struct Seal<'s> {
    pub(crate) verifier: u64,
    pub(crate) issuer: &'s Arc<str>,
}

/// The seconds within which a verified token may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime {
    /// The first second in which it is valid.
    pub(crate) from: i64,
    /// The first second in which it is not valid any more.
    pub(crate) until: i64,
}

impl<'j> Checked<'j> {
    pub(crate) fn client_id(&self) -> &'j str {
        self.client_id
    }

    /// Whether the scopes can be read, for a token of which no proof is made yet.
    pub(crate) fn check_scopes(&self, json: &Json<'_>) -> Result<(), TokenError> {
        self.scopes.read(json).map(|_| ())
    }
}

impl Granted<'_> {
    pub(super) fn read(self, json: &Json<'_>) -> Result<Scopes, TokenError> {
        const MALFORMED: TokenError = TokenError::MalformedClaim("scope");
        match self {
            Self::Nothing => Ok(Scopes::default()),
            Self::Text(text) => Scopes::parse(text).map_err(|_| MALFORMED),
            Self::List(list) => {
                let words: Option<Vec<&str>> = json.items(list).map(as_text).collect();
                let words = words.ok_or(MALFORMED)?;
                // A space inside one item would make two scopes of it.
                if words
                    .iter()
                    .any(|word| word.contains(' ') || word.is_empty())
                {
                    return Err(MALFORMED);
                }
                Scopes::parse(&words.join(" ")).map_err(|_| MALFORMED)
            }
        }
    }
}
