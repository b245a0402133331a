//! Sets up tower-m2m and the peers that check DPoP proofs (RFC 9449), to do the same work as far as
//! they can: signature of the proof, method, URL, age, `ath`, key of the token, and single use.

use std::collections::HashSet;
use std::hint::black_box;
use std::sync::Mutex;

use authplane_sdk::dpop::{
    SUPPORTED_DPOP_ALGORITHMS, verify_dpop_proof, verify_dpop_proof_with_jkt_and_replay,
};
use authplane_sdk::{DpopReplayStore, DpopVerificationOptions, InMemoryDpopReplayStore};
use axum::body::Body;
use http::Request;
use http::header::AUTHORIZATION;
use huskarl_axum::layers::{HasScopes, ValidatorLayer};
use huskarl_reqwest::ReqwestClient;
use huskarl_reqwest::mtls::NoMtls;
use huskarl_resource_server::core::Error;
use huskarl_resource_server::core::jwt::JtiUniquenessChecker;
use huskarl_resource_server::core::jwt::validator::ClaimCheck;
use huskarl_resource_server::core::platform::MaybeSendBoxFuture;
use huskarl_resource_server::validator::custom::CustomValidator;
use serde::Deserialize;
use tower::{Layer, Service};
use tower_m2m::testing::DpopClient;
use tower_m2m::{ProofOfPossession, Verifier};
use tower_m2m_benches::{AUDIENCE, Bench, ISSUER, SCOPE, now};

use crate::{AxumBare, Failure, Status, serve_keys};

/// The base URL of the API.
pub const BASE: &str = "https://api.acme.com";
/// The URL of each request.
pub const URL: &str = "https://api.acme.com/invoices";
/// More proofs of one key than all rounds send.
const MAX_PROOFS: usize = 100_000;
/// The used proofs in the store of authplane-sdk at the beginning.
const STORED: usize = 10_000;

/// Takes a request with a token and a proof, and returns whether both are accepted.
pub type Accept = Box<dyn FnMut(Request<Body>) -> bool>;

/// The claim that the scope check of huskarl needs.
#[derive(Clone, Debug, Deserialize)]
struct PeerClaims {
    scope: String,
}

impl HasScopes for PeerClaims {
    fn has_scope(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|granted| granted == scope)
    }
}

/// A store of used proofs for the peers. It never removes a proof.
#[derive(Debug, Default)]
struct SeenProofs(Mutex<HashSet<String>>);

impl SeenProofs {
    fn is_new(&self, jti: &str) -> bool {
        self.0.lock().expect("no panic").insert(jti.to_owned())
    }
}

impl JtiUniquenessChecker for SeenProofs {
    fn check_and_mark_seen(&self, jti: &str) -> MaybeSendBoxFuture<'_, Result<bool, Error>> {
        let is_new = self.is_new(jti);
        Box::pin(std::future::ready(Ok(!is_new)))
    }
}

fn protected<S>(mut service: S) -> Accept
where
    S: Service<Request<Body>> + 'static,
    S::Response: Status,
{
    Box::new(move |request| {
        let response = now(service.call(request));
        black_box(response).is_ok_and(|response| response.status().is_success())
    })
}

/// Returns the layer of tower-m2m.
///
/// # Errors
///
/// Returns an error if its settings are not valid.
pub fn ours(bench: &Bench, is_cached: bool) -> Result<Accept, Failure> {
    let issuer = Verifier::kinde(ISSUER)
        .audience(AUDIENCE)
        .jwk_set(bench.issuer.jwks())
        .proof_of_possession(ProofOfPossession::dpop(BASE));
    let mut builder = Verifier::builder([issuer]).max_proofs(MAX_PROOFS, MAX_PROOFS);
    if !is_cached {
        builder = builder.without_token_cache();
    }
    let layer = builder.build()?.layer().require(SCOPE);
    let layer = layer.require_proof_of_possession();
    Ok(protected(layer.layer(AxumBare)))
}

/// Returns the layer of huskarl-axum, with a store of used proofs from here.
///
/// # Errors
///
/// Returns an error if its setup fails.
pub async fn huskarl(bench: &Bench) -> Result<Accept, Failure> {
    let url = serve_keys(bench.issuer.jwks()).await?;
    let validator = CustomValidator::builder()
        .iss(ISSUER)
        .aud(AUDIENCE)
        .sub(ClaimCheck::NoCheck)
        .allowed_signing_algorithms(vec!["RS256".to_owned()])
        .dpop_jti_checker(SeenProofs::default())
        .require_dpop(true)
        .jwks_uri(url.parse()?)
        .with_claims::<PeerClaims>()
        .jwks_source(ReqwestClient::builder().mtls(NoMtls).build().await?)
        .build()
        .await?;
    let layer = ValidatorLayer::builder()
        .validator(validator)
        .base_url(BASE)?
        .build()
        .require_scopes([SCOPE.as_str()]);
    Ok(protected(layer.layer(AxumBare)))
}

/// Returns the token and the proof of a request.
fn parts(request: &Request<Body>) -> Option<(&str, &str)> {
    let headers = request.headers();
    let token = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let proof = headers.get("dpop")?.to_str().ok()?;
    Some((token.strip_prefix("DPoP ")?, proof))
}

/// The defaults of tower-m2m for the time of a proof. The algorithms are those of authplane-sdk.
fn options(token: &str) -> DpopVerificationOptions<'_> {
    DpopVerificationOptions {
        expected_access_token: Some(token),
        expected_nonce: None,
        allowed_algorithms: SUPPORTED_DPOP_ALGORITHMS,
        clock_skew_seconds: 10,
        max_age_seconds: 60,
    }
}

/// authplane-sdk has no layer. Its function gets the thumbprint that a token would contain.
pub fn authplane(client: &DpopClient) -> Accept {
    let (jkt, seen) = (client.thumbprint(), SeenProofs::default());
    Box::new(move |request| {
        let Some((token, proof)) = parts(&request) else {
            return false;
        };
        let checked = verify_dpop_proof(proof, "GET", URL, options(token));
        black_box(checked).is_ok_and(|proof| proof.jkt == jkt && seen.is_new(&proof.jti))
    })
}

/// The same with the store of authplane-sdk, which visits all its proofs at each request.
///
/// # Errors
///
/// Returns an error if the store fails.
pub fn authplane_with_its_store(client: &DpopClient) -> Result<Accept, Failure> {
    let (jkt, store) = (client.thumbprint(), InMemoryDpopReplayStore::new());
    for number in 0..STORED {
        now(store.check_and_store(&number.to_string(), i64::MAX))?;
    }
    Ok(Box::new(move |request| {
        let Some((token, proof)) = parts(&request) else {
            return false;
        };
        let options = options(token);
        let checked =
            verify_dpop_proof_with_jkt_and_replay(proof, "GET", URL, options, &jkt, &store);
        black_box(now(checked)).is_ok()
    }))
}
