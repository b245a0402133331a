//! The check whether a JSON Pointer can lead to a claim of an accepted token (RFC 6901).

use crate::verifier::rules::NON_ACCESS_TOKEN_CLAIMS;

/// The maximum depth of a token's claims. Deeper tokens are rejected.
const DEPTH_MAX: usize = 8;

/// Claims that are a string or a number, so no pointer leads through them.
const SCALAR_CLAIMS: [&str; 6] = ["iss", "sub", "jti", "exp", "nbf", "iat"];

/// Claims that are numbers, so that none of them is a client, an organization or a scope.
const TIME_CLAIMS: [&str; 3] = ["exp", "nbf", "iat"];

/// Header parameters that make a token invalid if they are present.
const REJECTED_PARAMETERS: [&str; 2] = ["crit", "b64"];

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

/// Returns why the pointer can never lead to a string or an array of strings, or `None` if it can.
pub(super) fn string_problem(pointer: &str) -> Option<&'static str> {
    let is_time = || TIME_CLAIMS.iter().any(|claim| is_claim(pointer, claim));
    pointer_problem(pointer)
        .or_else(|| is_time().then_some("can never match: the claim is a number"))
}

/// Returns why the pointer can never lead to an object, or `None` if it can.
pub(super) fn object_problem(pointer: &str) -> Option<&'static str> {
    let is_scalar = || SCALAR_CLAIMS.iter().any(|claim| is_claim(pointer, claim));
    pointer_problem(pointer).or_else(|| {
        is_scalar().then_some("can never match: the claim is a string or a number, and no object")
    })
}

/// Returns why a claim of this name, or at this pointer, can never be the client, or `None` if it
/// can.
pub(super) fn client_problem(claim: &str) -> Option<&'static str> {
    if claim.starts_with('/') {
        string_problem(claim)
    } else if claim.is_empty() {
        Some("must be the name of a claim, or a JSON Pointer such as /client/id (RFC 6901)")
    } else if NON_ACCESS_TOKEN_CLAIMS.contains(&claim) || REJECTED_CLAIMS.contains(&claim) {
        Some("can never match: a token that has this claim is rejected")
    } else {
        let is_time = TIME_CLAIMS.contains(&claim);
        is_time.then_some("can never match: the claim is a number")
    }
}

/// Returns why the pointer can never lead to a parameter of an accepted header, or `None` if it
/// can.
pub(super) fn header_problem(pointer: &str) -> Option<&'static str> {
    let first = pointer.split('/').nth(1).unwrap_or_default();
    let is_rejected = REJECTED_PARAMETERS.contains(&first);
    syntax_problem(pointer).or_else(|| {
        is_rejected.then_some("can never match: a token with this header parameter is rejected")
    })
}

fn is_claim(pointer: &str, claim: &str) -> bool {
    pointer.strip_prefix('/') == Some(claim)
}

/// Returns why the pointer is invalid or deeper than any accepted JSON, or `None` if it can match.
fn syntax_problem(pointer: &str) -> Option<&'static str> {
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
