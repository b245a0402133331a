//! The challenges of a rejection (RFC 9110 §11.6.1, RFC 6750 §3, RFC 9449 §7.1).

use http::header::{InvalidHeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::config::ResponseConfig;
use super::table::{Challenge, ResponseSpec};
use crate::bearer::AuthScheme;
use crate::rejection::Rejection;
use crate::token::{ScopeRequirement, TokenError};

impl ResponseConfig {
    /// Writes one challenge, or one for each scheme into a 401. Only the challenge of the scheme
    /// that the request used contains an error (RFC 9449 §7.2).
    pub(super) fn write_challenges(
        &self,
        row: &ResponseSpec,
        rejection: &Rejection,
        requirement: &ScopeRequirement,
        scheme: AuthScheme,
        headers: &mut HeaderMap,
    ) {
        if matches!(row.challenge, Challenge::Omitted) {
            return;
        }
        let used = match rejection {
            Rejection::InvalidProof(_)
            | Rejection::DpopNonceRequired { .. }
            | Rejection::InvalidClaims(TokenError::WrongProofKey | TokenError::NotBoundToKey) => {
                AuthScheme::Dpop
            }
            _ if !self.accepts_dpop => AuthScheme::Bearer,
            _ => scheme,
        };
        let names_all = row.status == StatusCode::UNAUTHORIZED;
        let mut write = |scheme| {
            let error = (scheme == used).then_some(&row.challenge);
            if let Ok(challenge) = self.challenge(scheme, error, rejection, requirement) {
                headers.append(WWW_AUTHENTICATE, challenge);
            }
        };
        if used == AuthScheme::Bearer || names_all {
            write(AuthScheme::Bearer);
        }
        if used == AuthScheme::Dpop || (names_all && self.accepts_dpop) {
            write(AuthScheme::Dpop);
        }
    }

    fn challenge(
        &self,
        scheme: AuthScheme,
        error: Option<&Challenge>,
        rejection: &Rejection,
        requirement: &ScopeRequirement,
    ) -> Result<HeaderValue, InvalidHeaderValue> {
        let mut text = String::with_capacity(128);
        self.begin_challenge(scheme, &mut text);
        if let Some(Challenge::Error { code, description }) = error {
            push_constant(&mut text, "error", code);
            if let Some(description) = description {
                push_constant(&mut text, "error_description", description);
            }
        }
        self.end_challenge(rejection, requirement, &mut text);
        HeaderValue::try_from(text)
    }

    fn begin_challenge(&self, scheme: AuthScheme, text: &mut String) {
        match (scheme, &self.dpop_algorithms) {
            (AuthScheme::Bearer, _) => {
                text.push_str("Bearer ");
                push_auth_param(text, "realm", &self.realm);
            }
            (AuthScheme::Dpop, Some(algorithms)) => {
                text.push_str("DPoP ");
                push_auth_param(text, "algs", algorithms);
            }
            // The configuration of the verifier, or that of issuers that can be resolved, is not
            // known here.
            (AuthScheme::Dpop, None) => {
                text.push_str("DPoP ");
                push_auth_param(text, "realm", &self.realm);
            }
        }
    }

    fn end_challenge(
        &self,
        rejection: &Rejection,
        requirement: &ScopeRequirement,
        text: &mut String,
    ) {
        if let Some(scope) = self.challenge_scope(rejection, requirement) {
            push_auth_param(text, "scope", &scope);
        }
        let metadata = self.resource_metadata.as_ref();
        if let Some(url) = metadata.or(self.own_metadata.as_ref()) {
            push_auth_param(text, "resource_metadata", url);
        }
    }

    /// Returns the challenge's `scope`. If clients find out from resource metadata where to get a
    /// token, they also find out which scopes to request: all of the operation, in each challenge.
    fn challenge_scope(
        &self,
        rejection: &Rejection,
        requirement: &ScopeRequirement,
    ) -> Option<String> {
        let missing = match rejection {
            Rejection::InsufficientScope(missing) => Some(missing.challenge()),
            _ => None,
        };
        if self.resource_metadata.is_none() && self.own_metadata.is_none() {
            return missing;
        }
        let required = requirement.challenge();
        let mut scopes: Vec<&str> = Vec::new();
        let named = required
            .split(' ')
            .chain(missing.iter().flat_map(|missing| missing.split(' ')));
        for scope in named.filter(|scope| !scope.is_empty() && *scope != OFFLINE_ACCESS) {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        (!scopes.is_empty()).then(|| scopes.join(" "))
    }
}

/// A scope that no resource requires: it is between the client and the issuer (OpenID Connect Core
/// §11).
const OFFLINE_ACCESS: &str = "offline_access";

/// Appends one `name="value"` whose value comes from the table and needs no check.
fn push_constant(text: &mut String, name: &str, value: &str) {
    debug_assert!(value.bytes().all(is_safe), "{value}");
    text.extend([", ", name, "=\"", value, "\""]);
}

/// Appends one `name="value"` whose value was configured. It omits characters that are not allowed
/// in `error_description` (RFC 6750 §3), such as quotation marks, backslashes and line breaks.
fn push_auth_param(text: &mut String, name: &str, value: &str) {
    if !text.ends_with(' ') {
        text.push_str(", ");
    }
    text.push_str(name);
    text.push_str("=\"");
    // The loop has no early exit, so the compiler can check many bytes at a time.
    if value.bytes().fold(true, |all, byte| all & is_safe(byte)) {
        text.push_str(value);
    } else {
        let safe = value.bytes().filter(|byte| is_safe(*byte));
        text.extend(safe.map(char::from));
    }
    text.push('"');
}

/// Without branches, so that the compiler can vectorize the loop that calls it.
#[allow(clippy::needless_bitwise_bool, reason = "a lazy operator is a branch")]
const fn is_safe(byte: u8) -> bool {
    let is_printable = byte.wrapping_sub(b' ') <= b'~' - b' ';
    is_printable & (byte != b'"') & (byte != b'\\')
}
