//! What operators get to see: every event of the crate, in one place (feature `tracing`).
//!
//! Field names are stable. Nothing here takes a token or a claim's value beyond client, organization and `jti`.

use crate::jwks::{Cause, JwksError, KeySet, LeftOut};

/// A key set was fetched or confirmed.
pub(crate) fn keys_fetched(issuer: &str, cause: Cause, set: &KeySet) {
    #[cfg(feature = "tracing")]
    tracing::debug!(target: "tower_m2m::jwks", issuer, cause = cause.code(), keys = set.keys().count(), left_out = set.left_out().len(), "keys fetched");
    let _ = (issuer, cause, set);
}

/// Some keys of a set are not used.
pub(crate) fn keys_left_out(issuer: &str, left_out: &[LeftOut]) {
    #[cfg(feature = "tracing")]
    for key in left_out {
        tracing::warn!(target: "tower_m2m::jwks", issuer, kid = key.kid.as_deref().map(|kid| kid.escape_debug().to_string()), reason = %key.reason, "key left out");
    }
    let _ = (issuer, left_out);
}

/// A fetch failed.
pub(crate) fn fetch_failed(issuer: &str, cause: Cause, error: JwksError, holds_keys: bool) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::jwks", issuer, cause = cause.code(), error = %error, holds_keys, "fetching keys failed");
    let _ = (issuer, cause, error, holds_keys);
}

/// The last good set reached its ceiling: from now on the issuer's tokens are answered 503.
pub(crate) fn keys_expired(issuer: &str) {
    #[cfg(feature = "tracing")]
    tracing::error!(target: "tower_m2m::jwks", issuer, "keys expired: the issuer gave no new ones for too long");
    let _ = issuer;
}

/// The metadata names another place for the keys than before.
pub(crate) fn jwks_uri_changed(issuer: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::jwks", issuer, "the issuer's jwks_uri changed");
    let _ = issuer;
}

/// The application gave no answer about an issuer that can be used. Which one is not told: the name is a stranger's word.
pub(crate) fn resolver_failed(problem: &'static str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::jwks", problem, "resolving an issuer failed");
    let _ = problem;
}

/// An extractor refused a request that a layer let in, or found that no layer is there.
#[cfg(feature = "axum")]
pub(crate) fn extractor_refused(rejection: &crate::Rejection) {
    #[cfg(feature = "tracing")]
    if let crate::Rejection::LayerMissing(_) = rejection {
        tracing::error!(target: "tower_m2m", %rejection, "an authorization layer is missing");
    } else {
        tracing::info!(target: "tower_m2m", reason = rejection.code(), "request refused by an extractor");
    }
    let _ = rejection;
}
