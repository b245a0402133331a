//! DPoP proofs that no server may accept (RFC 9449 §4.3, §7).
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use tower_m2m::testing::{DpopClient, LocalIssuer, forged};
//!
//! # async fn call_my_api(_: &forged::proofs::ForgedProof) -> u16 { 401 }
//! let issuer = LocalIssuer::in_process("https://acme.kinde.com")?;
//! let client = DpopClient::new()?;
//! let good = issuer.org("org_a").scopes(["read:invoices"]);
//!
//! // `call_my_api` sends the headers `Authorization` and `DPoP` with `GET /invoices`. The first
//! // request is valid, and its proof is replayed later.
//! let corpus = forged::proofs::corpus(&client, &good, "GET", "https://api.example.com/invoices")?;
//! let _status = call_my_api(corpus.valid()).await;
//! for forgery in corpus.forgeries() {
//!     assert_eq!(call_my_api(forgery).await, forgery.status(), "{}", forgery.description());
//! }
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::io;

use serde_json::{Value, json};

use crate::testing::algorithm::SigningAlgorithm;
use crate::testing::dpop_client::{DpopClient, ProofBuilder};
use crate::testing::keys::SigningKey;
use crate::testing::mint::TokenBuilder;

/// A request with a proof. `Debug` shows neither the token nor the proof.
#[derive(Clone)]
pub struct ForgedProof {
    description: &'static str,
    authorization: String,
    proofs: Vec<String>,
    status: u16,
    error: &'static str,
}

/// A valid request and every forgery of it. [`corpus`] creates it.
#[derive(Clone, Debug)]
pub struct ProofCorpus {
    valid: ForgedProof,
    forgeries: Vec<ForgedProof>,
}

impl ForgedProof {
    /// Returns one sentence that says why the proof is invalid.
    #[must_use]
    pub fn description(&self) -> &'static str {
        self.description
    }

    /// Returns the value of the `Authorization` header.
    #[must_use]
    pub fn authorization(&self) -> &str {
        &self.authorization
    }

    /// Returns the values of the `DPoP` headers: one, unless the forgery has none or several.
    #[must_use]
    pub fn proofs(&self) -> &[String] {
        &self.proofs
    }

    /// Returns the status of a correct server.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the `error` of a correct server's challenge.
    #[must_use]
    pub fn error(&self) -> &'static str {
        self.error
    }
}

impl ProofCorpus {
    /// Returns the valid request. Send it first: a server that rejects it rejects everything, and
    /// its proof is replayed.
    #[must_use]
    pub fn valid(&self) -> &ForgedProof {
        &self.valid
    }

    /// Returns the forgeries, in the order of the checks of RFC 9449 §4.3.
    #[must_use]
    pub fn forgeries(&self) -> &[ForgedProof] {
        &self.forgeries
    }
}

/// Returns every forgery of a request with this method and URL. The token is bound to the client's
/// key, and its times are those of the client's clock.
///
/// # Errors
///
/// Returns an error if the system has no randomness.
#[allow(clippy::too_many_lines, reason = "one table of forgeries")]
pub fn corpus(
    client: &DpopClient,
    good: &TokenBuilder,
    method: &str,
    url: &str,
) -> io::Result<ProofCorpus> {
    const PROOF: &str = "invalid_dpop_proof";
    const TOKEN: &str = "invalid_token";
    let token = good.clone().bound_to(client).token();
    let unbound = good.clone().token();
    let other_signer = SigningKey::generate(SigningAlgorithm::Es256)?;
    let request = |token: &str, proofs: &[&ProofBuilder]| ForgedProof {
        description: "The proof is valid.",
        authorization: format!("DPoP {token}"),
        proofs: proofs.iter().map(|proof| proof.sign()).collect(),
        status: 401,
        error: PROOF,
    };
    let proof = || client.proof(method, url, &token);
    let with = |builder: ProofBuilder| request(&token, &[&builder]);
    let used = proof();
    let other_key = DpopClient::with_key(other_signer.clone());
    let changed = |description, forged: ForgedProof| ForgedProof {
        description,
        ..forged
    };
    let rejected_token = |description, forged: ForgedProof| ForgedProof {
        description,
        error: TOKEN,
        ..forged
    };
    let mut private = client.key().public_jwk();
    if let Value::Object(members) = &mut private {
        members.insert(
            "d".into(),
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into(),
        );
    }
    let symmetric = json!({ "kty": "oct", "k": "c2VjcmV0" });
    let (first, second) = (proof(), proof());
    let doubled = request(&token, &[&first, &second]);
    let list = ForgedProof {
        proofs: vec![format!("{}, {}", first.sign(), second.sign())],
        ..request(&token, &[])
    };
    let unsigned = {
        let parts = proof().header("alg", "none").sign();
        let signing_input = parts.rsplit_once('.').map_or("", |(input, _)| input);
        ForgedProof {
            proofs: vec![format!("{signing_input}.")],
            ..request(&token, &[])
        }
    };
    let downgrade = ForgedProof {
        authorization: format!("Bearer {token}"),
        ..request(&token, &[&proof()])
    };
    let url_with = |end: &str| format!("{url}{end}");
    let host = url.replacen("://", "://evil.", 1);
    let scheme = url.replacen("https://", "http://", 1);
    let iat = |seconds: i64| proof().claim("iat", client.now().saturating_add(seconds));
    let mut forgeries = vec![
        changed("The request has no proof.", request(&token, &[])),
        changed("The request has two headers with proofs.", doubled),
        changed("The header has a list of two proofs.", list),
        changed("The proof has no signature and `alg` is `none`.", unsigned),
        changed(
            "The type is that of any JWT.",
            with(proof().header("typ", "JWT")),
        ),
        changed("The type is absent.", with(proof().without_header("typ"))),
        changed(
            "The algorithm is symmetric.",
            with(proof().header("alg", "HS256")),
        ),
        changed(
            "The key is symmetric.",
            with(proof().header("jwk", symmetric)),
        ),
        changed("The key is absent.", with(proof().without_header("jwk"))),
        changed(
            "The key has a private part.",
            with(proof().header("jwk", private)),
        ),
        changed(
            "The method is another.",
            with(proof().claim("htm", "DELETE")),
        ),
        changed("The method is absent.", with(proof().without("htm"))),
        changed("The URL is absent.", with(proof().without("htu"))),
        changed(
            "The URL has another path.",
            with(proof().claim("htu", url_with("/other"))),
        ),
        changed(
            "The URL has a query.",
            with(proof().claim("htu", url_with("?a=b"))),
        ),
        changed(
            "The URL has a fragment.",
            with(proof().claim("htu", url_with("#a"))),
        ),
        changed(
            "The URL has another host.",
            with(proof().claim("htu", host)),
        ),
        changed("The proof is an hour old.", with(iat(-3_600))),
        changed(
            "The proof is dated an hour in the future.",
            with(iat(3_600)),
        ),
        changed("The time is absent.", with(proof().without("iat"))),
        changed("The ID is absent.", with(proof().without("jti"))),
        changed(
            "The hash of the token is absent.",
            with(proof().without("ath")),
        ),
        changed(
            "The hash is that of another token.",
            request(&token, &[&client.proof(method, url, &unbound)]),
        ),
        changed(
            "The signature is by another key.",
            with(proof().signed_with(&other_signer)),
        ),
        rejected_token(
            "The token is bound to another key.",
            request(
                &token,
                &[&other_key.clock(client.source()).proof(method, url, &token)],
            ),
        ),
        rejected_token(
            "The token is not bound to a key.",
            request(&unbound, &[&client.proof(method, url, &unbound)]),
        ),
        rejected_token("The bound token is used as a bearer token.", downgrade),
        changed("The proof was used before.", with(used.clone())),
    ];
    if scheme != url {
        let plain = with(proof().claim("htu", scheme));
        forgeries.insert(17, changed("The URL has another scheme.", plain));
    }
    let valid = ForgedProof {
        status: 200,
        error: "",
        ..with(used)
    };
    Ok(ProofCorpus { valid, forgeries })
}

impl fmt::Debug for ForgedProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForgedProof")
            .field("description", &self.description)
            .field("status", &self.status)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
