//! Provides an issuer, a verifier that trusts it, and numbers that are the same in every run.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tower_m2m::testing::{AUDIENCE, LocalIssuer, Profile, SigningAlgorithm};
use tower_m2m::{Algorithm, Claims, Clock, Issuer, Rejection, Verifier};

pub(crate) const ISSUER: &str = "https://issuer.example";
/// The fixed time of the tests, unless a second implementation reads the system clock.
pub(crate) const NOW: i64 = 1_750_000_000;

pub(crate) fn issuer(algorithm: SigningAlgorithm, profile: Profile, clock: &Clock) -> LocalIssuer {
    LocalIssuer::builder()
        .algorithm(algorithm)
        .profile(profile)
        .clock(clock.clone())
        .in_process(ISSUER)
        .unwrap()
}

/// Creates a verifier that trusts the issuer's keys, has no cache, and gets the other settings from
/// the caller.
pub(crate) fn verifier(
    issuer: &LocalIssuer,
    clock: &Clock,
    settings: impl FnOnce(Issuer) -> Issuer,
) -> Verifier {
    let algorithm: Algorithm = issuer.signing_key().algorithm().as_str().parse().unwrap();
    let trusted = Verifier::issuer(ISSUER)
        .audience(AUDIENCE)
        .algorithms([algorithm])
        .jwk_set(issuer.jwks());
    Verifier::builder([settings(trusted)])
        .clock(clock.clone())
        .without_token_cache()
        .build()
        .unwrap()
}

/// Verifies a token with fixed keys, which never waits.
pub(crate) fn verify(verifier: &Verifier, token: &str) -> Result<Claims, Rejection> {
    let future = std::pin::pin!(verifier.verify(token));
    match future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(verdict) => verdict,
        std::task::Poll::Pending => panic!("it waited"),
    }
}

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A generator of the same numbers in every run (xorshift64*, Vigna 2016).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % end
    }

    pub(crate) fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }
}
