//! A client that signs DPoP proofs (RFC 9449).

use std::fmt;
use std::io;

use aws_lc_rs::digest::{SHA256, digest};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use serde_json::{Map, Value};

use super::algorithm::SigningAlgorithm;
use super::encoding::{base64url, random};
use super::keys::{SigningKey, compact};
use super::mint::TokenBuilder;
use crate::clock::Clock;

/// A client that has a key and signs a proof for each request (DPoP, RFC 9449).
///
/// [`TokenBuilder::bound_to`] binds a token to its key.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_m2m::testing::{DpopClient, LocalIssuer};
///
/// let issuer = LocalIssuer::in_process("https://acme.kinde.com")?;
/// let client = DpopClient::new()?;
/// let token = issuer.org("org_a").bound_to(&client).token();
/// let request = http::Request::get("/invoices").body(())?;
/// let request = client.authorize(request, "https://api.example.com", &token);
/// assert!(request.headers().contains_key("dpop"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct DpopClient {
    key: SigningKey,
    clock: Clock,
}

impl DpopClient {
    /// Creates a client with a new key for ES256.
    ///
    /// # Errors
    ///
    /// Returns an error if the system has no randomness.
    pub fn new() -> io::Result<Self> {
        SigningKey::generate(SigningAlgorithm::Es256).map(Self::with_key)
    }

    /// Creates a client with this key.
    #[must_use]
    pub fn with_key(key: SigningKey) -> Self {
        Self {
            key,
            clock: Clock::system(),
        }
    }

    /// Sets the source of `iat`. Default: the system's clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Returns the key.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.unix_seconds()
    }

    pub(super) fn source(&self) -> Clock {
        self.clock.clone()
    }

    /// Returns the thumbprint of the key (RFC 7638), which a bound token has in `cnf.jkt`.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        // The map is sorted by name, as the thumbprint requires.
        let canonical = Value::Object(self.jwk()).to_string();
        base64url(digest(&SHA256, canonical.as_bytes()))
    }

    /// Returns a proof for a request with this method and URL and with this access token. A query
    /// and a fragment of the URL are omitted.
    #[must_use]
    pub fn proof(&self, method: &str, url: &str, token: &str) -> ProofBuilder {
        // Without randomness, the test fails because proofs repeat.
        let jti = random::<16>().unwrap_or_default();
        let url = url.split(['?', '#']).next().unwrap_or_default();
        let claims = [
            ("jti", Value::from(base64url(jti))),
            ("htm", method.into()),
            ("htu", url.into()),
            ("iat", self.clock.unix_seconds().into()),
            ("ath", base64url(digest(&SHA256, token.as_bytes())).into()),
        ];
        let header = [
            ("typ", Value::from("dpop+jwt")),
            ("alg", self.key.algorithm().as_str().into()),
            ("jwk", self.jwk().into()),
        ];
        ProofBuilder {
            key: self.key.clone(),
            header: owned(header),
            claims: owned(claims),
        }
    }

    /// Adds the token and a new proof to a request. The base URL is that of the API.
    #[must_use]
    pub fn authorize<B>(&self, request: Request<B>, base_url: &str, token: &str) -> Request<B> {
        let url = format!("{base_url}{}", request.uri().path());
        let proof = self.proof(request.method().as_str(), &url, token);
        proof.authorize(request, token)
    }

    /// The public key with the members of the thumbprint only.
    fn jwk(&self) -> Map<String, Value> {
        let Value::Object(mut jwk) = self.key.public_jwk() else {
            return Map::new();
        };
        for member in ["use", "alg", "kid"] {
            jwk.remove(member);
        }
        jwk
    }
}

/// A proof that is not signed yet. [`DpopClient::proof`] creates it.
///
/// Without changes it is valid. There is a setter for each deviation.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use tower_m2m::testing::DpopClient;
///
/// let client = DpopClient::new()?;
/// let good = client.proof("GET", "https://api.example.com/invoices", "token");
/// let odd = good.clone().claim("htm", "POST").header("typ", "JWT").without("ath");
/// # assert_ne!(good.sign(), odd.sign());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ProofBuilder {
    key: SigningKey,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl ProofBuilder {
    /// Sets a claim to any value, well-formed or not.
    #[must_use]
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    /// Sets the nonce that the server provided.
    #[must_use]
    pub fn nonce(self, nonce: impl Into<String>) -> Self {
        self.claim("nonce", nonce.into())
    }

    /// Removes a claim.
    #[must_use]
    pub fn without(mut self, claim: &str) -> Self {
        self.claims.remove(claim);
        self
    }

    /// Sets a header parameter to any value. The client's key signs, even if `jwk` differs.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.header.insert(name.into(), value.into());
        self
    }

    /// Removes a header parameter.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// Signs with another key and leaves the header as it is.
    #[must_use]
    pub fn signed_with(mut self, key: &SigningKey) -> Self {
        self.key = key.clone();
        self
    }

    /// Signs the proof: the value of the header `DPoP`. Two calls return the same claims, so the
    /// second one is a replay.
    #[must_use]
    pub fn sign(&self) -> String {
        let (header, claims) = (self.header.clone(), self.claims.clone());
        compact(
            Value::Object(header).to_string(),
            Value::Object(claims).to_string(),
            &self.key,
        )
    }

    /// Adds the token and this proof to a request.
    #[must_use]
    pub fn authorize<B>(&self, mut request: Request<B>, token: &str) -> Request<B> {
        let headers = request.headers_mut();
        let values = [
            (AUTHORIZATION, format!("DPoP {token}")),
            (http::HeaderName::from_static("dpop"), self.sign()),
        ];
        for (name, value) in values {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
        request
    }
}

impl TokenBuilder {
    /// Binds the token to the key of a client (`cnf.jkt`, RFC 9449 §6.1).
    #[must_use]
    pub fn bound_to(self, client: &DpopClient) -> Self {
        self.member("cnf", "jkt".to_owned(), client.thumbprint().into())
    }
}

fn owned<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    let members = members.into_iter();
    members
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

impl fmt::Debug for DpopClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DpopClient")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// Shows the names of the claims, never a value or the proof.
impl fmt::Debug for ProofBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProofBuilder")
            .field("key", &self.key)
            .field("claims", &self.claims.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
