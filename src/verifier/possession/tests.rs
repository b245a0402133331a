use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use crate::Verifier;
use crate::clock::Clock;
use crate::rejection::Rejection;
use crate::testing::LocalIssuer;
use crate::token::TokenError;

const ISSUER: &str = "https://issuer.example";

/// The lifetime of a resolved issuer.
const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// Between the verification of a token and the check of its proof, the issuer may have to be
/// resolved again. That the service does not know it is no fault of the token.
#[tokio::test(start_paused = true)]
async fn issuer_that_is_not_known_any_more_is_an_outage() {
    let issuer = LocalIssuer::builder()
        .clock(Clock::manual(1_750_000_000))
        .in_process(ISSUER)
        .unwrap();
    let (keys, audience) = (issuer.jwks(), issuer.audience().to_owned());
    let answer = Arc::new(AtomicU8::new(0));
    let answers = Arc::clone(&answer);
    let verifier = Verifier::builder([])
        .clock(Clock::manual(1_750_000_000))
        .resolve_issuers_with(move |iss| {
            let issuer = Verifier::issuer(iss)
                .audience(audience.clone())
                .jwk_set(keys.clone());
            std::future::ready(match answers.load(Ordering::Relaxed) {
                0 => Ok(Some(issuer)),
                1 => Err("the tenants cannot be read".into()),
                _ => Ok(None),
            })
        })
        .build()
        .unwrap();
    let token = issuer.org("org_a").token();
    let claims = verifier.verify(&token).await.unwrap();
    let check = || verifier.with_possession_rules(&claims, |_| Ok(()));
    assert_eq!(check(), Ok(()));
    #[cfg(feature = "mtls")]
    assert!(!verifier.ignores_certificate_header(Some(&claims), None));

    tokio::time::advance(LIFETIME).await;
    let unknown = Rejection::KeysUnavailable {
        retry_after: Duration::from_secs(1),
    };
    assert_eq!(check(), Err(unknown));
    // Its peers are not known either, so a header of the client does not get through.
    #[cfg(feature = "mtls")]
    assert!(verifier.ignores_certificate_header(Some(&claims), None));

    answer.store(1, Ordering::Relaxed);
    let failed = verifier.verify(&token).await.unwrap_err();
    assert!(
        matches!(failed, Rejection::KeysUnavailable { .. }),
        "{failed:?}"
    );
    let result = check();
    assert!(
        matches!(result, Err(Rejection::KeysUnavailable { .. })),
        "{result:?}"
    );

    tokio::time::advance(Duration::from_secs(2)).await;
    answer.store(2, Ordering::Relaxed);
    verifier.verify(&token).await.unwrap_err();
    let not_trusted = Rejection::InvalidToken(TokenError::UntrustedIssuer);
    assert_eq!(check(), Err(not_trusted));
}
