//! Provides an issuer and a verifier that trusts it.

use tower_m2m::Verifier;
use tower_m2m::testing::{AUDIENCE, LocalIssuer};

/// Returns a Kinde issuer and a verifier that has its keys by value.
pub(crate) fn fixture() -> (LocalIssuer, Verifier) {
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let verifier = Verifier::kinde("acme")
        .audience(AUDIENCE)
        .jwk_set(issuer.jwks())
        .build()
        .unwrap();
    (issuer, verifier)
}
