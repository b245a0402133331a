//! Tests the whole verifier with valid signatures: a generator has the key, and an oracle reads the
//! same token naively.

use std::sync::LazyLock;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use serde_json::Value;
use tower_m2m::OrgCode;
use tower_m2m::{Clock, Profile, Verifier};

use crate::support::{self, AUDIENCE, ISSUER, KID, NOW};

#[derive(Arbitrary, Debug)]
struct Token {
    settings: Settings,
    header: Vec<(HeaderName, Text)>,
    claims: Vec<(ClaimName, Text)>,
    /// Selects what the valid token omits: `kid` (bit 0), `typ` (bit 1), and, if bit 2 is set, the
    /// claim with the number in bits 4 to 7.
    left_out: u16,
    /// A bit of the token to flip, counted from its end.
    flip: Option<u16>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Settings {
    Kinde,
    Generic,
    Rfc9068,
    AnyAudience,
    MaxAge,
    Chosen,
    Nested,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum HeaderName {
    Alg,
    Kid,
    Typ,
    Crit,
    B64,
    Jwk,
    Other,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum ClaimName {
    Iss,
    Aud,
    Exp,
    Nbf,
    Iat,
    Sub,
    Jti,
    Azp,
    ClientId,
    OrgCode,
    Tenant,
    Scope,
    Scp,
    Gty,
    Cnf,
    Act,
    Nonce,
    Events,
    Htu,
    Properties,
    Other,
}

/// A JSON value: a likely one or an unusual one.
#[derive(Arbitrary, Clone, Debug)]
enum Text {
    Good,
    Null,
    True,
    Empty,
    Near(i8),
    Fraction(i8),
    Number(i64),
    Float(f64),
    String(String),
    Array(Vec<Small>),
    Object(Vec<(String, Small)>),
    /// The valid value inside an array, between others.
    Within(Vec<Small>),
    /// The valid value, followed by another string.
    Longer(String),
}

#[derive(Arbitrary, Clone, Debug)]
enum Small {
    Null,
    Number(i32),
    String(String),
    Scope,
}

struct Configured {
    verifier: Verifier,
    remembering: Verifier,
}

const LEEWAY: i64 = 30;
const MAX_AGE: i64 = 100;

static VERIFIERS: LazyLock<Vec<Configured>> = LazyLock::new(|| {
    use Settings::{AnyAudience, Chosen, Generic, Kinde, MaxAge, Nested, Rfc9068};
    [Kinde, Generic, Rfc9068, AnyAudience, MaxAge, Chosen, Nested]
        .into_iter()
        .map(|settings| {
            let issuer = || {
                let trusted = Verifier::issuer(ISSUER);
                let issuer = match settings {
                    AnyAudience => trusted.dangerous_accept_any_audience(),
                    _ => trusted.audience(AUDIENCE),
                };
                let issuer = match settings {
                    Kinde => issuer.profile(Profile::KINDE),
                    Rfc9068 => issuer.require_rfc9068(),
                    MaxAge => issuer.max_age(Duration::from_secs(100)),
                    Chosen => issuer
                        .allow_organizations(["org_a"])
                        .allow_clients(["client"]),
                    Nested => issuer
                        .organization_claim("/tenant/id")
                        .scope_claim("/scope"),
                    Generic | AnyAudience => issuer,
                };
                issuer
                    .algorithms([tower_m2m::Algorithm::EdDSA])
                    .jwk_set(support::jwk_set())
            };
            let remembering = Verifier::builder([issuer()])
                .clock(Clock::manual(NOW))
                .build()
                .expect("good settings");
            Configured {
                verifier: support::build(issuer()),
                remembering,
            }
        })
        .collect()
});

/// Checks one token: the bytes choose its header and claims. The signature is valid unless a bit is
/// flipped.
pub fn check(data: &[u8]) {
    let Ok(token) = Token::arbitrary(&mut Unstructured::new(data)) else {
        return;
    };
    let (header, payload) = (token.header_text(), token.payload_text());
    let text = support::sign(header.as_bytes(), payload.as_bytes());
    let configured = &VERIFIERS[token.settings as usize];
    let verdict = support::now(configured.verifier.verify(&text));
    let expected = naive(&token, &header, &payload).filter(|_| text.len() <= 8192);
    match (&verdict, &expected) {
        (Ok(claims), Some(said)) => {
            assert_eq!(claims.issuer(), ISSUER);
            assert_eq!(claims.client_id(), said.client);
            assert_eq!(
                claims.org_code().map(tower_m2m::OrgCode::as_str),
                said.org.as_deref()
            );
            assert_eq!(claims.scopes().iter().collect::<Vec<_>>(), said.scopes);
            assert_eq!(claims.expires_at(), said.exp);
        }
        (Err(_), None) => {}
        (Ok(_), None) => panic!("accepted a token that the rules reject:\n{header}\n{payload}"),
        (Err(error), Some(_)) => {
            panic!("rejected ({error}) a token that the rules accept:\n{header}\n{payload}")
        }
    }
    // Both verifications with the cache give the result of the first one.
    for _ in 0..2 {
        let again = support::now(configured.remembering.verify(&text));
        assert_eq!(
            again
                .as_ref()
                .map(|claims| claims.client_id())
                .map_err(|e| e.code()),
            verdict
                .as_ref()
                .map(|claims| claims.client_id())
                .map_err(|e| e.code())
        );
    }
    // If one bit is flipped, the signature is not valid for the token.
    if let Some(flip) = token.flip {
        let mut bytes = text.into_bytes();
        let at = bytes.len() - 1 - usize::from(flip / 8) % bytes.len();
        bytes[at] ^= 1 << (flip % 8);
        if let Ok(mutated) = String::from_utf8(bytes) {
            assert!(
                support::now(configured.remembering.verify(&mutated)).is_err(),
                "a token with a flipped bit was accepted"
            );
        }
    }
}

impl Token {
    fn header_text(&self) -> String {
        let mut members = vec![("alg".to_owned(), r#""EdDSA""#.to_owned())];
        if self.left_out & 1 == 0 {
            members.push(("kid".to_owned(), format!("{KID:?}")));
        }
        if self.left_out & 2 == 0 {
            members.push(("typ".to_owned(), r#""at+jwt""#.to_owned()));
        }
        for (name, value) in self.header.iter().take(4) {
            let (name, good) = match name {
                HeaderName::Alg => ("alg", "EdDSA"),
                HeaderName::Kid => ("kid", KID),
                HeaderName::Typ => ("typ", "JWT"),
                HeaderName::Crit => ("crit", "b64"),
                HeaderName::B64 => ("b64", "x"),
                HeaderName::Jwk => ("jwk", "x"),
                HeaderName::Other => ("x", "x"),
            };
            lay(
                &mut members,
                name,
                value.json(&format!("{good:?}")),
                matches!(value, Text::Array(_)),
            );
        }
        object(&members)
    }

    fn payload_text(&self) -> String {
        let good = [
            ("iss", format!("{ISSUER:?}")),
            ("aud", format!("{AUDIENCE:?}")),
            ("exp", (NOW + 60).to_string()),
            ("client_id", r#""client""#.to_owned()),
            ("azp", r#""client""#.to_owned()),
            ("gty", r#"["client_credentials"]"#.to_owned()),
            ("sub", r#""client""#.to_owned()),
            ("iat", (NOW - 5).to_string()),
            ("jti", r#""id""#.to_owned()),
            ("org_code", r#""org_a""#.to_owned()),
            ("tenant", r#"{"id":"org_a"}"#.to_owned()),
            ("scope", r#""read write""#.to_owned()),
        ];
        let mut members: Vec<(String, String)> = good
            .into_iter()
            .enumerate()
            // Omits at most one claim.
            .filter(|(at, _)| {
                self.left_out >> 4 & 0xf != u16::try_from(*at).unwrap_or(0) + 1
                    || self.left_out & 4 == 0
            })
            .map(|(_, (name, value))| (name.to_owned(), value))
            .collect();
        for (name, value) in self.claims.iter().take(8) {
            let (name, good) = match name {
                ClaimName::Iss => ("iss", format!("{ISSUER:?}")),
                ClaimName::Aud => ("aud", format!("{AUDIENCE:?}")),
                ClaimName::Exp => ("exp", (NOW + 1).to_string()),
                ClaimName::Nbf => ("nbf", NOW.to_string()),
                ClaimName::Iat => ("iat", NOW.to_string()),
                ClaimName::Sub => ("sub", r#""client""#.to_owned()),
                ClaimName::Jti => ("jti", r#""id""#.to_owned()),
                ClaimName::Azp => ("azp", r#""client""#.to_owned()),
                ClaimName::ClientId => ("client_id", r#""client""#.to_owned()),
                ClaimName::OrgCode => ("org_code", r#""org_a""#.to_owned()),
                ClaimName::Tenant => ("tenant", r#"{"id":"org_a"}"#.to_owned()),
                ClaimName::Scope => ("scope", r#""read""#.to_owned()),
                ClaimName::Scp => ("scp", r#"["read"]"#.to_owned()),
                ClaimName::Gty => ("gty", r#""client_credentials""#.to_owned()),
                ClaimName::Cnf => ("cnf", r#"{"jkt":"x"}"#.to_owned()),
                ClaimName::Act => ("act", r#"{"sub":"x"}"#.to_owned()),
                ClaimName::Nonce => ("nonce", r#""n""#.to_owned()),
                ClaimName::Events => ("events", "{}".to_owned()),
                ClaimName::Htu => ("htu", r#""x""#.to_owned()),
                ClaimName::Properties => (
                    "application_properties",
                    r#"{"region":{"v":"eu"}}"#.to_owned(),
                ),
                ClaimName::Other => ("other", "1".to_owned()),
            };
            lay(
                &mut members,
                name,
                value.json(&good),
                matches!(value, Text::True),
            );
        }
        object(&members)
    }
}

/// Replaces an earlier member, or adds a duplicate, which makes the object ambiguous.
fn lay(members: &mut Vec<(String, String)>, name: &str, value: String, beside: bool) {
    match members.iter_mut().find(|(earlier, _)| earlier == name) {
        Some(earlier) if !beside => earlier.1 = value,
        _ => members.push((name.to_owned(), value)),
    }
}

fn object(members: &[(String, String)]) -> String {
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("{name:?}:{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

impl Text {
    fn json(&self, good: &str) -> String {
        let string = |text: &str| Value::from(text).to_string();
        match self {
            Self::Good => good.to_owned(),
            Self::Null => "null".to_owned(),
            Self::True => "true".to_owned(),
            Self::Empty => r#""""#.to_owned(),
            Self::Near(seconds) => (NOW + i64::from(*seconds)).to_string(),
            Self::Fraction(seconds) => format!("{}.5", NOW + i64::from(*seconds)),
            Self::Number(number) => number.to_string(),
            Self::Float(number) => Value::from(*number).to_string(),
            Self::String(text) => string(text),
            Self::Array(items) => format!(
                "[{}]",
                items.iter().map(Small::json).collect::<Vec<_>>().join(",")
            ),
            Self::Object(members) => {
                let members: Vec<String> = members
                    .iter()
                    .map(|(name, value)| format!("{}:{}", string(name), value.json()))
                    .collect();
                format!("{{{}}}", members.join(","))
            }
            Self::Within(items) => {
                let items: Vec<String> = items
                    .iter()
                    .map(Small::json)
                    .chain([good.to_owned()])
                    .collect();
                format!("[{}]", items.join(","))
            }
            Self::Longer(more) => match serde_json::from_str(good) {
                Ok(Value::String(text)) => string(&(text + more)),
                _ => good.to_owned(),
            },
        }
    }
}

impl Small {
    fn json(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Number(number) => number.to_string(),
            Self::String(text) => Value::from(text.as_str()).to_string(),
            Self::Scope => r#""read""#.to_owned(),
        }
    }
}

/// The contents of a token that satisfies every rule.
struct Said {
    client: String,
    org: Option<String>,
    scopes: Vec<String>,
    exp: i64,
}

/// Applies the rules of the documentation a second time, without regard to speed or order.
fn naive(token: &Token, header: &str, payload: &str) -> Option<Said> {
    let (header, payload) = (unambiguous(header)?, unambiguous(payload)?);
    let settings = token.settings;
    // The header.
    matches!(header["alg"].as_str(), Some("EdDSA" | "Ed25519")).then_some(())?;
    let kid = header.get("kid");
    // Kinde names the key in every token, so its profile requires `kid`.
    let is_optional = !matches!(settings, Settings::Kinde);
    ((is_optional && kid.is_none()) || kid? == KID).then_some(())?;
    let typ = match header.get("typ") {
        None => None,
        Some(typ) => Some(typ.as_str()?.to_ascii_lowercase()),
    };
    match typ
        .as_deref()
        .map(|typ| typ.strip_prefix("application/").unwrap_or(typ))
    {
        Some("at+jwt") => {}
        Some("jwt") | None if !matches!(settings, Settings::Rfc9068) => {}
        _ => return None,
    }
    (header.get("crit").is_none() && header.get("b64").is_none()).then_some(())?;
    // The claims that every token needs, and the claims that no access token has.
    (payload.get("iss")? == ISSUER).then_some(())?;
    for foreign in [
        "nonce", "at_hash", "c_hash", "s_hash", "events", "htu", "htm",
    ] {
        payload.get(foreign).is_none().then_some(())?;
    }
    // `null` is absent for these claims, and `""` too for the names.
    let present = |name: &str| payload.get(name).filter(|value| !value.is_null());
    let named = |name: &str| present(name).filter(|value| *value != "");
    (present("cnf").is_none() && present("act").is_none()).then_some(())?;
    let audience: Vec<Value> = match payload.get("aud") {
        Some(Value::Array(all)) => all.clone(),
        Some(one) => vec![one.clone()],
        None if matches!(settings, Settings::AnyAudience) => Vec::new(),
        None => return None,
    };
    audience.iter().all(Value::is_string).then_some(())?;
    (matches!(settings, Settings::AnyAudience) || audience.contains(&AUDIENCE.into()))
        .then_some(())?;
    // The times.
    let exp = seconds(payload.get("exp"))??;
    let (nbf, iat) = (seconds(payload.get("nbf"))?, seconds(payload.get("iat"))?);
    (NOW < exp + LEEWAY
        && nbf.is_none_or(|at| at <= NOW + LEEWAY)
        && iat.is_none_or(|at| at <= NOW + LEEWAY))
    .then_some(())?;
    if matches!(settings, Settings::MaxAge) {
        (NOW < iat? + MAX_AGE + LEEWAY).then_some(())?;
    }
    // The client.
    let identifier = |value: &Value| {
        let text = value.as_str()?;
        let fine = !text.is_empty() && text.len() <= 512 && !text.chars().any(char::is_control);
        fine.then(|| text.to_owned())
    };
    for name in ["sub", "jti"] {
        if let Some(value) = named(name) {
            identifier(value)?;
        }
    }
    if matches!(settings, Settings::Rfc9068) {
        for name in ["sub", "client_id", "iat", "jti"] {
            named(name)?;
        }
    }
    let client = match settings {
        Settings::Kinde => present("azp")?,
        _ => present("client_id").or_else(|| present("azp"))?,
    };
    let client = identifier(client)?;
    if matches!(settings, Settings::Kinde) {
        let gty = payload.get("gty")?;
        let contains = |grant: &str| {
            gty == grant
                || gty
                    .as_array()
                    .is_some_and(|all| all.contains(&grant.into()))
        };
        let of_a_user = [
            "authorization_code",
            "refresh_token",
            "implicit",
            "password",
            "urn:ietf:params:oauth:grant-type:device_code",
        ];
        (contains("client_credentials") && !of_a_user.into_iter().any(contains)).then_some(())?;
    }
    // The organization.
    let org = match settings {
        Settings::Nested => match payload.get("tenant") {
            None => None,
            Some(tenant) => Some(tenant.as_object()?.get("id")?.clone()),
        },
        _ => payload.get("org_code").cloned(),
    };
    let org = match org {
        None => None,
        Some(Value::String(code)) if OrgCode::is_valid_code(&code) => Some(code),
        Some(_) => return None,
    };
    if matches!(settings, Settings::Chosen) {
        (client == "client" && org.as_ref().is_none_or(|org| org == "org_a")).then_some(())?;
    }
    // The scopes.
    let granted = match settings {
        Settings::Nested => payload.get("scope"),
        _ => payload.get("scope").or_else(|| present("scp")),
    };
    let is_scope = |word: &String| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| ('!'..='~').contains(&c) && c != '"' && c != '\\')
    };
    let scopes: Vec<String> = match granted {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => text
            .split(' ')
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect(),
        // What cannot be a scope is ignored.
        Some(Value::Array(words)) => words
            .iter()
            .filter_map(|word| word.as_str().map(str::to_owned))
            .filter(is_scope)
            .collect(),
        Some(_) => return None,
    };
    scopes.iter().all(is_scope).then_some(())?;
    Some(Said {
        client,
        org,
        scopes,
        exp,
    })
}

/// Parses an object that has no duplicate members at any depth and is neither deep nor large.
fn unambiguous(text: &str) -> Option<Value> {
    // The target `claims` tests the strict parser. Here it only detects ambiguous objects.
    tower_m2m::token::JsonObject::parse(text.as_bytes()).ok()?;
    serde_json::from_str(text).ok()
}

/// Returns `None` if the date is malformed, and `Some(None)` if it is absent.
fn seconds(value: Option<&Value>) -> Option<Option<i64>> {
    const LAST: i64 = 253_402_300_799;
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Some(None);
    };
    let seconds = match (value.as_i64(), value.as_f64()) {
        (Some(whole), _) if value.is_i64() || value.is_u64() => whole,
        (_, Some(float)) if (0.0..=LAST as f64).contains(&float) => float as i64,
        _ => return None,
    };
    (0..=LAST).contains(&seconds).then_some(Some(seconds))
}
