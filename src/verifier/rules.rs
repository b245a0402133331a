//! What each claim must satisfy (RFC 7519 §4.1, RFC 8725 §3, RFC 9068 §4).

use std::any::Any;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::Profile;
use crate::rejection::Rejection;
use crate::token::{
    Algorithm, ClaimStrings, ClaimStrs, Claims, ClaimsInner, Custom, Inside, Json, JsonError,
    OrgCode, Scopes, TokenError, TokenType, Value, is_identifier,
};

/// What an issuer's tokens must satisfy.
#[derive(Debug)]
pub(crate) struct Rules {
    /// Nothing only where the application said, loudly, that any audience will do.
    pub(crate) audiences: Option<Vec<String>>,
    pub(crate) profile: Profile,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) leeway: i64,
    pub(crate) max_age: Option<i64>,
    pub(crate) form: Form,
    pub(crate) custom: Option<CustomDecoder>,
    pub(crate) organizations: Option<HashSet<String>>,
    pub(crate) clients: Option<HashSet<String>>,
}

/// How strictly RFC 9068 is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Lenient,
    Rfc9068,
}

/// Decodes the claims into a type of the application's.
#[derive(Clone, Copy)]
pub(crate) struct CustomDecoder(fn(&[u8]) -> Option<Custom>);

impl CustomDecoder {
    pub(crate) fn of<T: DeserializeOwned + Send + Sync + 'static>() -> Self {
        Self(|payload| {
            let custom: T = serde_json::from_slice(payload).ok()?;
            Some(Arc::new(custom) as Arc<dyn Any + Send + Sync>)
        })
    }
}

impl fmt::Debug for CustomDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomDecoder")
    }
}

/// The claims of a token that satisfies the rules, still borrowed from it. Whether its signature holds is another matter.
pub(crate) struct Checked<'j> {
    client_id: &'j str,
    subject: Option<&'j str>,
    org_code: Option<&'j str>,
    scopes: Granted<'j>,
    audience: Option<Value<'j>>,
    jti: Option<&'j str>,
    expires_at: i64,
    issued_at: Option<i64>,
    not_before: Option<i64>,
}

/// Where the scopes are written, and how.
#[derive(Clone, Copy)]
enum Granted<'j> {
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

/// 9999-12-31T23:59:59Z. A moment beyond it is milliseconds taken for seconds, and would never pass.
const LAST_MOMENT: i64 = 253_402_300_799;

impl Rules {
    /// What can be said of the header alone.
    pub(crate) fn check_header(
        &self,
        algorithm: Algorithm,
        token_type: TokenType,
    ) -> Result<(), TokenError> {
        match (self.form, token_type) {
            (_, TokenType::Other) | (Form::Rfc9068, TokenType::Absent | TokenType::Jwt) => {
                return Err(TokenError::Type);
            }
            _ => {}
        }
        if self.algorithms.contains(&algorithm) {
            Ok(())
        } else {
            Err(TokenError::AlgorithmNotAllowed)
        }
    }

    /// Checks the claims, all but `iss`, which decided whose rules these are.
    pub(crate) fn check<'j>(
        &self,
        json: &'j Json<'j>,
        now: i64,
    ) -> Result<Checked<'j>, TokenError> {
        if OF_ANOTHER_KIND.iter().any(|name| json.get(name).is_some()) {
            return Err(TokenError::NotAnAccessToken);
        }
        let expires_at = numeric_date(json, "exp")?.ok_or(TokenError::MissingClaim("exp"))?;
        let not_before = numeric_date(json, "nbf")?;
        let issued_at = numeric_date(json, "iat")?;
        self.check_time(expires_at, not_before, issued_at, now)?;
        let audience = json.get("aud");
        self.check_audience(json, audience)?;
        if json.get("cnf").is_some() {
            return Err(TokenError::SenderConstrained);
        }
        if json.get("act").is_some() {
            return Err(TokenError::Delegated);
        }
        let client_id = self.client_id(json);
        if !self
            .profile
            .marks
            .iter()
            .all(|mark| mark.is_borne(json, client_id.ok()))
        {
            return Err(TokenError::GrantType);
        }
        let subject = text(json, "sub")?;
        let jti = text(json, "jti")?;
        if self.form == Form::Rfc9068 {
            for name in ["sub", "client_id", "iat", "jti"] {
                json.get(name).ok_or(TokenError::MissingClaim(name))?;
            }
        }
        Ok(Checked {
            client_id: client_id?,
            subject,
            org_code: self.organization(json)?,
            scopes: self.scopes(json)?,
            audience,
            jti,
            expires_at,
            issued_at,
            not_before,
        })
    }

    fn check_time(
        &self,
        exp: i64,
        nbf: Option<i64>,
        iat: Option<i64>,
        now: i64,
    ) -> Result<(), TokenError> {
        if now >= exp.saturating_add(self.leeway) {
            return Err(TokenError::Expired);
        }
        if nbf.is_some_and(|nbf| nbf > now.saturating_add(self.leeway)) {
            return Err(TokenError::NotYetValid);
        }
        if iat.is_some_and(|iat| iat > now.saturating_add(self.leeway)) {
            return Err(TokenError::IssuedInFuture);
        }
        if let Some(max_age) = self.max_age {
            let iat = iat.ok_or(TokenError::MissingClaim("iat"))?;
            if now >= iat.saturating_add(max_age).saturating_add(self.leeway) {
                return Err(TokenError::TooOld);
            }
        }
        Ok(())
    }

    fn check_audience(&self, json: &Json<'_>, aud: Option<Value<'_>>) -> Result<(), TokenError> {
        let accepts = |audience: &str| {
            self.audiences
                .as_ref()
                .is_none_or(|accepted| accepted.iter().any(|ours| ours == audience))
        };
        let mut accepted = self.audiences.is_none();
        match aud {
            None if accepted => {}
            None => return Err(TokenError::MissingClaim("aud")),
            Some(Value::String(audience)) => accepted |= accepts(audience),
            Some(Value::Array(list)) => {
                for audience in json.items(list) {
                    let Value::String(audience) = audience else {
                        return Err(TokenError::MalformedClaim("aud"));
                    };
                    accepted |= accepts(audience);
                }
            }
            Some(_) => return Err(TokenError::MalformedClaim("aud")),
        }
        if accepted {
            Ok(())
        } else {
            Err(TokenError::Audience)
        }
    }

    /// The first of the profile's claims that is present, which must be a text then: there is no falling back from a
    /// malformed one to another.
    fn client_id<'j>(&self, json: &'j Json<'j>) -> Result<&'j str, TokenError> {
        match self
            .profile
            .client_id
            .iter()
            .find_map(|name| json.get(name))
        {
            Some(Value::String(client_id)) if is_identifier(client_id) => Ok(client_id),
            Some(_) => Err(TokenError::MalformedClaim("client id")),
            None => Err(TokenError::MissingClaim("client id")),
        }
    }

    /// Absent is global; present and not an organization code is nothing at all, least of all global.
    fn organization<'j>(&self, json: &'j Json<'j>) -> Result<Option<&'j str>, TokenError> {
        let mut parents = std::iter::successors(parent(&self.profile.organization), |pointer| {
            parent(pointer)
        });
        match json.pointer(&self.profile.organization) {
            Some(Value::String(code)) if crate::token::org_code::check(code) => Ok(Some(code)),
            Some(_) => Err(TokenError::Organization),
            // A text or a list where the pointer leads through is not the absence of an organization.
            None if parents
                .any(|pointer| !matches!(json.pointer(pointer), None | Some(Value::Object(_)))) =>
            {
                Err(TokenError::Organization)
            }
            None => Ok(None),
        }
    }

    fn scopes<'j>(&self, json: &'j Json<'j>) -> Result<Granted<'j>, TokenError> {
        match self
            .profile
            .scopes
            .iter()
            .find_map(|pointer| json.pointer(pointer))
        {
            None => Ok(Granted::Nothing),
            Some(Value::String(text)) => Ok(Granted::Text(text)),
            Some(Value::Array(list)) => Ok(Granted::List(list)),
            Some(_) => Err(TokenError::MalformedClaim("scope")),
        }
    }

    /// What a hit in the cache of verified tokens is checked against.
    pub(crate) fn lifetime(&self, checked: &Checked<'_>) -> Lifetime {
        let until = checked.expires_at.saturating_add(self.leeway);
        let oldest = match (self.max_age, checked.issued_at) {
            (Some(max_age), Some(issued_at)) => issued_at
                .saturating_add(max_age)
                .saturating_add(self.leeway),
            _ => i64::MAX,
        };
        let from = checked
            .not_before
            .max(checked.issued_at)
            .map_or(i64::MIN, |from| from.saturating_sub(self.leeway));
        Lifetime {
            from,
            until: until.min(oldest),
        }
    }

    /// Makes the proof: to be called once the signature held.
    pub(crate) fn prove(
        &self,
        checked: &Checked<'_>,
        seal: &Seal<'_>,
        json: &Json<'_>,
        payload: &[u8],
    ) -> Result<Claims, TokenError> {
        let scopes = checked.scopes.read(json)?;
        let custom = match &self.custom {
            None => None,
            Some(decoder) => {
                Some((decoder.0)(payload).ok_or(TokenError::MalformedClaim("custom claims"))?)
            }
        };
        let org_code = match checked.org_code {
            None => None,
            Some(code) => {
                Some(OrgCode::from_token(seal.issuer, code).ok_or(TokenError::Organization)?)
            }
        };
        let (audience, further_audiences) = audiences_of(checked.audience, json);
        let Checked {
            client_id,
            subject,
            jti,
            ..
        } = *checked;
        Ok(Claims::new_verified(ClaimsInner {
            verified_by: seal.verifier,
            issuer: Arc::clone(seal.issuer),
            strings: ClaimStrings::new(ClaimStrs {
                client_id,
                subject,
                jti,
                audience,
            }),
            org_code,
            scopes,
            further_audiences,
            expires_at: checked.expires_at,
            issued_at: checked.issued_at,
            kinde: kinde_extras(json, payload)?,
            custom,
        }))
    }

    /// Whether the application lets the client in at all, and the organization that it belongs to or acts for.
    pub(crate) fn check_allowed(
        &self,
        claims: &Claims,
        acting: Option<&OrgCode>,
    ) -> Result<(), Rejection> {
        if self
            .clients
            .as_ref()
            .is_some_and(|allowed| !allowed.contains(claims.client_id()))
        {
            return Err(Rejection::ClientNotAllowed);
        }
        match (&self.organizations, claims.org_code().or(acting)) {
            (Some(allowed), Some(org)) if !allowed.contains(org.as_str()) => {
                Err(Rejection::OrganizationNotAllowed)
            }
            _ => Ok(()),
        }
    }
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
    fn read(self, json: &Json<'_>) -> Result<Scopes, TokenError> {
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

/// What only ID tokens, logout tokens, security events and proofs have (RFC 8725 §3.12).
pub(super) const OF_ANOTHER_KIND: [&str; 7] = [
    "nonce", "at_hash", "c_hash", "s_hash", "events", "htu", "htm",
];

/// A `NumericDate` (RFC 7519 §2): seconds, fractions cut off. Never absent when it is only malformed (CVE-2026-25537).
fn numeric_date(json: &Json<'_>, name: &'static str) -> Result<Option<i64>, TokenError> {
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "within the range that was just checked"
    )]
    match json.get(name) {
        None => Ok(None),
        Some(Value::Integer(seconds)) if (0..=LAST_MOMENT).contains(&seconds) => Ok(Some(seconds)),
        Some(Value::Float(seconds)) if (0.0..=LAST_MOMENT as f64).contains(&seconds) => {
            Ok(Some(seconds as i64))
        }
        Some(_) => Err(TokenError::MalformedClaim(name)),
    }
}

fn text<'j>(json: &'j Json<'_>, name: &'static str) -> Result<Option<&'j str>, TokenError> {
    match json.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if is_identifier(text) => Ok(Some(text)),
        Some(_) => Err(TokenError::MalformedClaim(name)),
    }
}

fn as_text(value: Value<'_>) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// The first audience, and those behind it.
fn audiences_of<'j>(
    aud: Option<Value<'j>>,
    json: &'j Json<'_>,
) -> (Option<&'j str>, Box<[Box<str>]>) {
    match aud {
        Some(Value::String(audience)) => (Some(audience), Box::default()),
        Some(Value::Array(list)) => {
            let mut texts = json.items(list).filter_map(as_text);
            (texts.next(), texts.map(Into::into).collect())
        }
        _ => (None, Box::default()),
    }
}

/// The pointer to what holds the value of a pointer, above the whole document nothing.
fn parent(pointer: &str) -> Option<&str> {
    pointer
        .rsplit_once('/')
        .map(|(parent, _)| parent)
        .filter(|parent| !parent.is_empty())
}

/// Kinde's properties and feature flags, which few tokens have.
fn kinde_extras(
    json: &Json<'_>,
    payload: &[u8],
) -> Result<Option<Box<serde_json::Map<String, serde_json::Value>>>, TokenError> {
    const NAMES: [&str; 2] = ["application_properties", "feature_flags"];
    if NAMES.iter().all(|name| json.get(name).is_none()) {
        return Ok(None);
    }
    let mut all: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(payload).map_err(|_| TokenError::ClaimsSet(JsonError::Syntax))?;
    all.retain(|name, _| NAMES.contains(&name.as_str()));
    Ok(Some(Box::new(all)))
}

/// What `iss` says.
pub(crate) fn issuer_of<'j>(json: &'j Json<'_>) -> Option<&'j str> {
    json.get("iss").and_then(as_text)
}
