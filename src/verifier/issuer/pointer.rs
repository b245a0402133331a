//! The check whether a JSON Pointer can lead to a claim of an accepted token (RFC 6901).

use crate::verifier::rules::NON_ACCESS_TOKEN_CLAIMS;

/// The maximum depth of a token's claims. Deeper tokens are rejected.
const DEPTH_MAX: usize = 8;

/// Claims that are a string or a number, so no pointer leads through them.
const SCALAR_CLAIMS: [&str; 6] = ["iss", "sub", "jti", "exp", "nbf", "iat"];

/// Claims that make a token invalid if they are present.
const REJECTED_CLAIMS: [&str; 2] = ["cnf", "act"];

/// Returns why the pointer can never lead to a claim of an accepted token, or `None` if it can.
pub(super) fn pointer_problem(pointer: &str) -> Option<&'static str> {
    if let Some(problem) = syntax_problem(pointer) {
        return Some(problem);
    }
    let mut names = pointer.split('/').skip(1);
    let first = names.next().unwrap_or_default();
    if NON_ACCESS_TOKEN_CLAIMS.contains(&first) || REJECTED_CLAIMS.contains(&first) {
        Some("can never match: a token that has this claim is rejected")
    } else if names.next().is_some() && SCALAR_CLAIMS.contains(&first) {
        Some("can never match: its first claim is a string or a number, which has no members")
    } else {
        None
    }
}

/// Returns why the pointer is invalid or deeper than any accepted JSON, or `None` if it can match.
pub(super) fn syntax_problem(pointer: &str) -> Option<&'static str> {
    if !pointer.starts_with('/') || pointer.len() == 1 {
        Some("must be a JSON Pointer such as /org_code or /tenant/id (RFC 6901)")
    } else if !is_escaped(pointer) {
        Some("must be a JSON Pointer, in which ~ is written ~0 and / is written ~1 (RFC 6901)")
    } else if pointer.split('/').count() > DEPTH_MAX + 1 {
        Some("can never match: a token with more than 8 levels is rejected")
    } else {
        None
    }
}

/// Returns `true` if each `~` is followed by `0` or `1`.
fn is_escaped(pointer: &str) -> bool {
    pointer
        .split('~')
        .skip(1)
        .all(|rest| rest.starts_with(['0', '1']))
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
