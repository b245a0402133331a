//! The form of a token without its values, for explanations.

use super::scopes::ignored_entries;
use super::step::CheckKind;
use super::values::{Values, describe, found_at_pointer, shown, type_name};
use crate::bearer::check_b64token;
use crate::token::{CompactJws, DecodeBuffer, JoseHeader, JsonObject, JsonValue};
use crate::verifier::claim::issuer_claim;
use crate::verifier::issuers::trusted::{ActiveIssuer, Resolution, TrustedIssuer};
use crate::verifier::profile::{ClaimRule, Profile, RuleLocation};
use crate::verifier::rules::NON_ACCESS_TOKEN_CLAIMS;
use crate::verifier::verifier::Verifier;

/// A token as far as it can be read, by the parsers of the verification, and the rules that apply
/// to it.
pub(super) struct TokenInspection<'a> {
    pub(super) verifier: &'a Verifier,
    token: &'a str,
    /// The decoded header and claims.
    decoded: Option<(Vec<u8>, Vec<u8>)>,
    /// The token's issuer, or the only listed issuer.
    issuer: Option<ActiveIssuer>,
    values: Values,
}

impl<'a> TokenInspection<'a> {
    pub(super) fn new(verifier: &'a Verifier, token: &'a str, values: Values) -> Self {
        let looked_at = token.len() <= verifier.max_token_bytes();
        let decoded = CompactJws::split(token).ok().filter(|_| looked_at);
        let decoded = decoded.and_then(|compact| {
            let mut buf = DecodeBuffer::for_token(token.as_bytes());
            let mut buf = buf.as_mut_slice();
            let header = compact.decode_header(&mut buf).ok()?.to_vec();
            Some((header, compact.decode_payload(&mut buf).ok()?.to_vec()))
        });
        let issuer = decoded.as_ref().and_then(|(_, claims)| {
            let json = JsonObject::parse_bounded(claims, verifier.max_claim_values()).ok();
            let named = json
                .as_ref()
                .and_then(issuer_claim)
                .and_then(|issuer| verifier.0.issuers.lookup(issuer));
            named.as_ref().and_then(Resolution::trusted).cloned()
        });
        let issuer =
            issuer.or((verifier.0.issuers.listed().len() == 1).then_some(ActiveIssuer::Listed(0)));
        Self {
            verifier,
            token,
            decoded,
            issuer,
            values,
        }
    }

    pub(super) fn signature_decodes(&self) -> bool {
        let mut buf = DecodeBuffer::for_token(self.token.as_bytes());
        CompactJws::split(self.token)
            .is_ok_and(|compact| compact.decode_signature(&mut buf.as_mut_slice()).is_ok())
    }

    fn json(&self) -> Option<JsonObject<'_>> {
        JsonObject::parse_bounded(&self.decoded.as_ref()?.1, self.verifier.max_claim_values()).ok()
    }

    fn header(&self) -> Option<JoseHeader<'_>> {
        JoseHeader::parse(&self.decoded.as_ref()?.0).ok()
    }

    /// Returns the issuer with the rules that apply.
    pub(super) fn trusted(&self) -> Option<&TrustedIssuer> {
        self.verifier.0.issuers.get(self.issuer.as_ref()?)
    }

    /// Returns a description of the token at this check.
    pub(super) fn found(&self, step: CheckKind) -> String {
        match step {
            CheckKind::Length => format!("{} bytes", self.token.len()),
            CheckKind::Characters => match check_b64token(self.token.as_bytes()) {
                Ok(()) => "only such characters".to_owned(),
                Err(_) => "other characters, or none".to_owned(),
            },
            CheckKind::Segments => format!(
                "{} dots",
                self.token
                    .bytes()
                    .filter(|byte| *byte == b'.')
                    .take(9)
                    .count()
            ),
            CheckKind::Encoding if self.decoded.is_some() => {
                "header and claims are base64url".to_owned()
            }
            CheckKind::Header | CheckKind::Type | CheckKind::Algorithm | CheckKind::Key => {
                self.found_in_header(step)
            }
            CheckKind::Encoding
            | CheckKind::Signature
            | CheckKind::Custom
            | CheckKind::Application => String::new(),
            _ => match self.json() {
                Some(json) => self.found_in_claims(step, &json),
                None => "unreadable".to_owned(),
            },
        }
    }

    fn found_in_header(&self, step: CheckKind) -> String {
        let Some(header) = self.header() else {
            return "unreadable".to_owned();
        };
        match (step, header.kid()) {
            (CheckKind::Type, _) => format!("typ {:?}", header.token_type()),
            (CheckKind::Algorithm | CheckKind::Header, _) => format!("alg {}", header.algorithm()),
            (_, Some(kid)) => format!("kid {}", kid.escape_debug()),
            (_, None) => "no kid".to_owned(),
        }
    }

    fn found_in_claims(&self, step: CheckKind, json: &JsonObject<'_>) -> String {
        let rules = self.trusted().map(|trusted| &trusted.rules);
        let at = |pointer: &str| format!("{pointer} is {}", describe(json, json.pointer(pointer)));
        let first = |names: Vec<String>| {
            let found = names.iter().find(|pointer| json.pointer(pointer).is_some());
            found
                .or(names.first())
                .map(|pointer| at(pointer))
                .unwrap_or_default()
        };
        match step {
            CheckKind::ClaimsSet => format!("{} claims", json.members().count()),
            CheckKind::Issuer if self.values == Values::Shown => {
                format!("iss is {}", shown(json, json.get("iss"), self.values))
            }
            CheckKind::Issuer => match issuer_claim(json).and_then(host) {
                Some(host) => format!("host {}", host.escape_debug()),
                None => format!("iss is {}", describe(json, json.get("iss"))),
            },
            CheckKind::TokenKind => {
                let found: Vec<&str> = NON_ACCESS_TOKEN_CLAIMS
                    .into_iter()
                    .filter(|name| json.get(name).is_some())
                    .collect();
                if found.is_empty() {
                    "none".to_owned()
                } else {
                    found.join(", ")
                }
            }
            CheckKind::DateFormats => ["exp", "nbf", "iat"]
                .map(|name| format!("{name} {}", type_name(json.get(name))))
                .join(", "),
            CheckKind::Expiry => self.relative_time(json, "exp"),
            CheckKind::NotBefore => self.relative_time(json, "nbf"),
            CheckKind::IssuedAt => self.relative_time(json, "iat"),
            CheckKind::Audience => format!("/aud is {}", shown(json, json.get("aud"), self.values)),
            CheckKind::Binding => at("/cnf"),
            CheckKind::Delegation => at("/act"),
            CheckKind::Identifiers => format!("{}, {}", at("/sub"), at("/jti")),
            CheckKind::MachineClaims => {
                let header = self.header();
                let found = |rule: &ClaimRule| match (rule.location, &header) {
                    (RuleLocation::Claims, _) => at(&rule.claim),
                    (RuleLocation::Header, Some(header)) => format!(
                        "header {} {}",
                        rule.claim,
                        type_name(header.json().pointer(&rule.claim))
                    ),
                    (RuleLocation::Header, None) => String::new(),
                };
                let Some(profile) = rules.map(|rules| &rules.profile) else {
                    return String::new();
                };
                let rules = profile.machine_claims.iter();
                let mut found: Vec<_> = rules.clone().map(found).collect();
                if rules.clone().any(ClaimRule::is_about_client) {
                    found.push(first(client_pointers(profile)));
                }
                found.join(", ")
            }
            CheckKind::Client | CheckKind::ClientAllowed => match rules {
                Some(rules) => {
                    let names = client_pointers(&rules.profile);
                    let found = names.iter().find(|pointer| json.pointer(pointer).is_some());
                    let pointer = found.or(names.first());
                    pointer
                        .map(|pointer| found_at_pointer(json, pointer, self.values))
                        .unwrap_or_default()
                }
                None => String::new(),
            },
            CheckKind::Organization | CheckKind::OrganizationAllowed => match rules {
                Some(rules) => found_at_pointer(json, &rules.organization.pointer, self.values),
                None => String::new(),
            },
            CheckKind::Scope => match rules {
                Some(rules) => {
                    let pointers = &rules.profile.scopes;
                    let value = pointers.iter().find_map(|pointer| json.pointer(pointer));
                    let pointer = pointers
                        .iter()
                        .find(|pointer| json.pointer(pointer).is_some())
                        .or(pointers.first());
                    pointer
                        .map(|pointer| {
                            format!(
                                "{pointer} is {}",
                                shown(json, json.pointer(pointer), self.values)
                            )
                        })
                        .unwrap_or_default()
                        + &ignored_entries(json, value)
                }
                None => String::new(),
            },
            _ => String::new(),
        }
    }

    /// Returns a time, relative to the current time.
    fn relative_time(&self, json: &JsonObject<'_>, name: &str) -> String {
        let seconds = match json.get(name) {
            Some(JsonValue::Integer(seconds)) => seconds,
            other => return format!("{name} is {}", type_name(other)),
        };
        let away = seconds.saturating_sub(self.verifier.0.clock.unix_seconds());
        if away > 0 {
            format!("{name} in {away} s")
        } else {
            format!("{name} {} s ago", away.saturating_neg())
        }
    }

    /// Returns the names of claims that look like personal data.
    pub(super) fn personal_data(&self) -> Vec<&'static str> {
        const NAMES: [&str; 20] = [
            "address",
            "birthdate",
            "email",
            "family_name",
            "first_name",
            "full_name",
            "gender",
            "given_name",
            "ip",
            "last_name",
            "middle_name",
            "mobile",
            "name",
            "nickname",
            "phone",
            "phone_number",
            "picture",
            "preferred_username",
            "unique_name",
            "upn",
        ];
        let Some(json) = self.json() else {
            return Vec::new();
        };
        let carried = |name: &&&str| {
            json.get(name).is_some()
                || json
                    .pointer(&format!("/application_properties/{name}"))
                    .is_some()
        };
        NAMES.iter().filter(carried).copied().collect()
    }
}

/// Returns the pointer to a claim, which is given by its name or by a pointer.
fn claim_pointer(claim: &str) -> String {
    if claim.starts_with('/') {
        claim.to_owned()
    } else {
        format!("/{}", claim.replace('~', "~0").replace('/', "~1"))
    }
}

/// Returns the claims that can contain the client, as pointers.
fn client_pointers(profile: &Profile) -> Vec<String> {
    let claims = profile.client_id.iter();
    claims.map(|claim| claim_pointer(claim)).collect()
}

/// Returns the host of an issuer, which is often mistyped. The path is not returned, because it may
/// contain any data.
fn host(issuer: &str) -> Option<&str> {
    let rest = issuer.split_once("://")?.1;
    rest.split(['/', '?', '#'])
        .next()
        .filter(|host| !host.is_empty() && host.len() <= 255)
}
