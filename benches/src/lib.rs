//! Provides what all benches share: a token of Kinde's shape, its keys, and a service to protect.

pub mod measure;
pub mod paths;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use tokio::runtime::{Builder, Runtime};
use tower::Service;
use tower_m2m::testing::{LocalIssuer, MemoryStore, SigningAlgorithm, SigningKey};
use tower_m2m::{
    Algorithm, ApiKeys, BoxError, Denylist, DenylistEntry, DenylistRecord, DenylistStore,
    EntryExpiry, Profile, Scope, Verifier,
};

/// The issuer of all tokens here. It has no socket, because the verifier gets its keys directly.
pub const ISSUER: &str = "https://acme.kinde.com";
/// The issuer of tokens without `kid`.
const OTHER_ISSUER: &str = "https://issuer.example";
/// The audience of all tokens here.
pub const AUDIENCE: &str = "https://api.acme.com";
/// The required scope.
pub const SCOPE: Scope = Scope::from_static("read:invoices");

/// An issuer, and a verifier with its keys.
pub struct Bench {
    pub issuer: LocalIssuer,
    pub algorithm: Algorithm,
    runtime: OnceLock<Runtime>,
}

impl Bench {
    pub fn new(algorithm: SigningAlgorithm) -> Self {
        let issuer = LocalIssuer::builder()
            .algorithm(algorithm)
            .audience(AUDIENCE)
            .in_process(ISSUER)
            .expect("an issuer");
        Self {
            issuer,
            algorithm: algorithm.as_str().parse().expect("an algorithm"),
            runtime: OnceLock::new(),
        }
    }

    /// Creates a token of Kinde's size and shape, different for each number.
    pub fn token(&self, number: usize) -> String {
        self.issuer
            .org("org_ba4a2311eb1")
            .scopes(["read:users", "write:flags", "read:invoices"])
            .claim("jti", format!("f95ed3e0-cc4d-40c4-b95a-{number:012x}"))
            .token()
    }

    /// Creates a token without `kid` for [`without_kid`](Self::without_kid).
    pub fn token_without_kid(&self) -> String {
        let token = self.issuer.org("org_ba4a2311eb1").without_header("kid");
        let token = token.claim("iss", OTHER_ISSUER);
        token.scopes([SCOPE.as_str()]).token()
    }

    /// Creates many different tokens, for the path without cache hits.
    pub fn tokens(&self, count: usize) -> Vec<String> {
        (0..count).map(|number| self.token(number)).collect()
    }

    fn trusted(&self) -> tower_m2m::Issuer {
        Verifier::kinde("acme")
            .audience(AUDIENCE)
            .algorithms([self.algorithm])
            .jwk_set(self.issuer.jwks())
    }

    /// Creates a verifier with the cache of verified tokens.
    pub fn verifier(&self) -> Verifier {
        self.trusted().build().expect("a verifier")
    }

    /// Creates a verifier that also accepts API keys. The issuer's responses come from memory: keys
    /// that begin with [`CUSTOMER`] are active. Its background tasks run on
    /// [`runtime`](Self::runtime).
    pub fn with_api_keys(&self) -> Verifier {
        let _entered = self.runtime().enter();
        let keys = ApiKeys::kinde().send_with(verify_key);
        self.trusted().api_keys(keys).build().expect("a verifier")
    }

    /// Creates a verifier with a replicated denylist, which has loaded this number of entries that
    /// name other callers. Its background tasks run on [`runtime`](Self::runtime).
    pub fn with_replicated_entries(&self, entries: usize) -> Verifier {
        let store = MemoryStore::new();
        let denylist = Denylist::replicated(store.clone());
        let verifier = Verifier::builder([self.trusted()]).denylist(denylist.clone());
        let load = async {
            for number in 0..entries {
                let name = format!("denied_{number}");
                let entry = match number % 3 {
                    0 => DenylistEntry::organization(ISSUER, &name),
                    1 => DenylistEntry::client(ISSUER, &name),
                    _ => DenylistEntry::subject(ISSUER, &name),
                };
                let record = DenylistRecord::new(&entry, EntryExpiry::Never).expect("a record");
                store.put(record).await.expect("a store that works");
            }
            verifier.build_ready().await.expect("a verifier")
        };
        let verifier = self.runtime().block_on(load);
        assert_eq!(denylist.len(), entries, "the list is loaded");
        verifier
    }

    /// Creates a verifier that fetches its keys from memory, and caches a missing `kid` for an
    /// hour. Its background tasks run on [`runtime`](Self::runtime).
    pub fn fetching(&self) -> Verifier {
        let keys = self.issuer.jwks();
        let fetch = move |_| {
            let keys = keys.clone().into_bytes();
            async move { Ok(Response::new(keys)) }
        };
        let issuer = Verifier::kinde("acme")
            .audience(AUDIENCE)
            .algorithms([self.algorithm]);
        let _entered = self.runtime().enter();
        issuer
            .jwks_url(format!("{ISSUER}/.well-known/jwks"))
            .unknown_kid_cooldown(Duration::from_hours(1))
            .unknown_kid_max_ttl(Duration::from_hours(1))
            .fetch_with(fetch)
            .build()
            .expect("a verifier")
    }

    /// Creates a verifier that accepts tokens without `kid`, has this number of keys, and caches no
    /// token.
    pub fn without_kid(&self, keys: usize) -> Verifier {
        let key = self.issuer.signing_key().public_jwk();
        let renamed = |number| {
            let mut key = key.clone();
            key["kid"] = format!("key {number}").into();
            key
        };
        let keys: Vec<_> = (0..keys).map(renamed).collect();
        // The Kinde profile rejects tokens without `kid`, so this is another issuer.
        let trusted = Verifier::issuer(OTHER_ISSUER)
            .audience(AUDIENCE)
            .profile(Profile::GENERIC)
            .algorithms([self.algorithm])
            .jwk_set(serde_json::json!({ "keys": keys }).to_string());
        Verifier::builder([trusted])
            .without_token_cache()
            .build()
            .expect("a verifier")
    }

    /// Returns the runtime of the background tasks.
    pub fn runtime(&self) -> &Runtime {
        self.runtime.get_or_init(|| {
            Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .expect("a runtime")
        })
    }

    /// Creates a verifier without a cache, which verifies every token again.
    pub fn uncached(&self) -> Verifier {
        Verifier::builder([self.trusted()])
            .without_token_cache()
            .build()
            .expect("a verifier")
    }
}

/// The beginning of the API keys that [`Bench::with_api_keys`] accepts.
pub const CUSTOMER: &str = "k_live_customer";

/// Returns an API key, different for each number.
pub fn api_key(prefix: &str, number: usize) -> String {
    format!("{prefix}{number:028}")
}

/// Responds as Kinde's verify endpoint.
async fn verify_key(request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, BoxError> {
    let body = String::from_utf8_lossy(request.body());
    let response = if body.contains(CUSTOMER) {
        r#"{"code":"API_KEY_VERIFIED","message":"API key verified","is_valid":true,"key_id":"api_key_0195ac80a14e8d71f42b98e75d3c61ad","status":"active","scopes":["read:users","write:flags","read:invoices"],"org_code":"org_ba4a2311eb1","user_id":null,"last_verified_on":"2024-11-18T13:32:03+11","verification_count":42}"#
    } else {
        r#"{"code":"API_KEY_INVALID","message":"API key is invalid","is_valid":false}"#
    };
    Ok(Response::new(response.as_bytes().to_vec()))
}

/// The service after the layer. It responds at once.
#[derive(Clone)]
pub struct Bare;

impl Service<Request<String>> for Bare {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<String>) -> Self::Future {
        black_box(&request);
        ready(Ok(Response::new(Full::default())))
    }
}

/// A layer that only forwards requests. It shows the cost of any layer in a router.
#[derive(Clone)]
pub struct PassThrough<S>(pub S);

impl<S, R> Service<R> for PassThrough<S>
where
    S: Service<R>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        self.0.call(request)
    }
}

/// A marker that a router puts into the extensions before the layer receives the request.
#[derive(Clone)]
struct Routed;

/// Creates a request with this token.
pub fn request(token: &str) -> Request<String> {
    let mut request = Request::new(String::new());
    let value = HeaderValue::try_from(format!("Bearer {token}")).expect("a header value");
    request.headers_mut().insert(AUTHORIZATION, value);
    request.extensions_mut().insert(Routed);
    request
}

/// Polls a future once and drops it.
#[inline]
pub fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    std::pin::pin!(future).poll(&mut Context::from_waker(std::task::Waker::noop()))
}

/// Polls a future that is ready at once.
#[inline]
pub fn now<F: Future>(future: F) -> F::Output {
    match poll_once(future) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future waits"),
    }
}

/// Verifies only the signature of a token or a proof, with a ready key: the lower limit for any
/// verifier.
pub fn raw_check(key: &SigningKey, token: &str) -> impl Fn() -> bool + use<> {
    let (message, signature) = signed_parts(token);
    let verification: &'static dyn VerificationAlgorithm = match key.algorithm() {
        SigningAlgorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        SigningAlgorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
        SigningAlgorithm::Es512 => &signature::ECDSA_P521_SHA512_FIXED,
        _ => &signature::ED25519,
    };
    let key = ParsedPublicKey::new(verification, key.public_der()).expect("a key");
    move || {
        key.verify_sig(black_box(message.as_bytes()), black_box(&signature))
            .is_ok()
    }
}

/// Splits a signed compact token into what the signature covers, and the signature.
pub fn signed_parts(compact: &str) -> (String, Vec<u8>) {
    let (message, encoded) = compact.rsplit_once('.').unwrap_or_default();
    let signature = URL_SAFE_NO_PAD.decode(encoded).unwrap_or_default();
    (message.to_owned(), signature)
}

/// Returns the raw ES256 check with a ready key, for another message each time. With one message
/// again and again, the processor predicts the branches of the check, and it needs about a tenth
/// less.
pub fn es256_check(key: &SigningKey) -> impl Fn(&(String, Vec<u8>)) -> bool + use<> {
    let key = ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, key.public_der());
    let key = key.expect("a key");
    move |(message, signature)| {
        key.verify_sig(message.as_bytes(), black_box(signature))
            .is_ok()
    }
}
