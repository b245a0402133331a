//! What holds for every token, not for some: generated tokens against a second implementation, every bit turned over,
//! answers that tell nothing, and what went wrong in other libraries.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod bit_flips;
mod differential;
mod exact_comparison;
mod known_vulnerabilities;
mod no_echo;
mod rules;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tower_m2m::testing::{AUDIENCE, LocalIssuer, Profile, SigningAlgorithm};
use tower_m2m::{Algorithm, Claims, Clock, Issuer, Rejection, Verifier};

const ISSUER: &str = "https://issuer.example";
/// The moment at which everything happens, except where a second implementation reads the system's clock.
const NOW: i64 = 1_750_000_000;

fn issuer(algorithm: SigningAlgorithm, profile: Profile, clock: &Clock) -> LocalIssuer {
    LocalIssuer::builder()
        .algorithm(algorithm)
        .profile(profile)
        .clock(clock.clone())
        .in_process(ISSUER)
        .unwrap()
}

/// A verifier that trusts the issuer's keys as they are, remembers nothing, and is told the rest.
fn verifier(
    issuer: &LocalIssuer,
    clock: &Clock,
    settings: impl FnOnce(Issuer) -> Issuer,
) -> Verifier {
    let algorithm: Algorithm = issuer.signing_key().algorithm().as_str().parse().unwrap();
    let trusted = Verifier::issuer(ISSUER)
        .audience(AUDIENCE)
        .algorithms([algorithm])
        .jwk_set(issuer.jwks());
    Verifier::trusting([settings(trusted)])
        .clock(clock.clone())
        .without_token_cache()
        .build()
        .unwrap()
}

/// A verifier with fixed keys has nothing to wait for.
fn verify(verifier: &Verifier, token: &str) -> Result<Claims, Rejection> {
    let future = std::pin::pin!(verifier.verify(token));
    match future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(verdict) => verdict,
        std::task::Poll::Pending => panic!("it waited"),
    }
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A generator that gives the same numbers in every run (xorshift64*, Vigna 2016).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % end
    }

    fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }
}
