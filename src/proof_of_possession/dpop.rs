//! The check of a DPoP proof against the request and the token (RFC 9449 §4.3).

use std::fmt;

use http::HeaderMap;

use super::htu::BaseUrl;
use super::nonce::{NonceAge, NonceKey};
use super::proof::{MAX_VALUES, ProofClaims, check_header};
use super::proof_key::{ProofKeys, PublicJwk};
use super::replay::ReplayGuard;
use super::replay_store::{FUTURE, UsedProof};
use super::short_bytes::sha256;
use crate::rejection::Rejection;
use crate::token::{
    Algorithm, CompactJws, Confirmation, DecodeBuffer, JoseHeader, JsonObject, ProofError,
    Thumbprint, TokenError, decode_32_bytes,
};

/// How the proofs for the tokens of one issuer are checked.
#[derive(Debug)]
pub(crate) struct DpopRules {
    base: BaseUrl,
    algorithms: Vec<Algorithm>,
    max_age: i64,
}

/// What a verifier needs to check proofs.
pub(crate) struct DpopState {
    keys: ProofKeys,
    pub(crate) replays: ReplayGuard,
    nonces: Option<NonceKey>,
    max_bytes: usize,
    /// The value of `algs` in the challenge: the algorithms of all listed issuers.
    algorithms: Vec<Algorithm>,
}

/// The parts of a request that a proof is compared with.
pub(crate) struct ProofRequest<'r> {
    pub(crate) proof: &'r [u8],
    pub(crate) method: &'r str,
    /// The path as the client wrote it, without query.
    pub(crate) path: &'r str,
    pub(crate) token: &'r [u8],
    /// What the token is bound to.
    pub(crate) bound_to: &'r Confirmation,
    /// The proof that an outer layer stored as used for this request.
    pub(crate) stored: Option<&'r UsedProof>,
}

/// A valid proof, which was not used before as far as this process knows. It counts only after it
/// was stored as used.
#[derive(Debug)]
pub(crate) struct CheckedProof {
    pub(crate) used: UsedProof,
    /// The nonce of the proof is about to become too old.
    pub(crate) needs_nonce: NonceRenewal,
}

/// Whether the response of an admitted request provides a new nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NonceRenewal {
    NotNeeded,
    Needed,
}

/// Returns the proof of a request: exactly one header with one value (RFC 9449 §4.3 (1)).
pub(crate) fn single_proof(headers: &HeaderMap) -> Result<&[u8], ProofError> {
    let mut values = headers.get_all("dpop").iter();
    let proof = values.next().ok_or(ProofError::Missing)?.as_bytes();
    if values.next().is_some() || proof.contains(&b',') {
        return Err(ProofError::Multiple);
    }
    match proof.trim_ascii() {
        [] => Err(ProofError::Missing),
        proof => Ok(proof),
    }
}

impl DpopRules {
    pub(super) fn new(base: BaseUrl, algorithms: Vec<Algorithm>, max_age: i64) -> Self {
        Self {
            base,
            algorithms,
            max_age,
        }
    }

    pub(crate) fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Returns the public base URL of the API, normalized.
    pub(crate) fn base_url(&self) -> &str {
        self.base.as_str()
    }

    /// Returns the seconds for which a used proof is stored: as long as it is valid, and longer by
    /// the difference of the clocks of replicas.
    pub(crate) fn window(&self) -> i64 {
        self.max_age + FUTURE
    }
}

impl DpopState {
    pub(crate) fn new(
        replays: ReplayGuard,
        nonces: Option<NonceKey>,
        max_bytes: usize,
        algorithms: Vec<Algorithm>,
    ) -> Self {
        Self {
            keys: ProofKeys::new(),
            replays,
            nonces,
            max_bytes,
            algorithms,
        }
    }

    /// Returns the algorithms that proofs may be signed with. It is empty if only resolved issuers
    /// can have DPoP.
    pub(crate) fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Returns the nonce that clients should use now, or `None` if nonces are not configured.
    pub(crate) fn nonce(&self, now: i64) -> Option<String> {
        self.nonces.as_ref().map(|key| key.current(now))
    }

    /// Checks a proof for a verified token that is bound to `key`.
    ///
    /// Cheap checks come first. The signature is verified only if the key is the one that the token
    /// is bound to, and if this process has not seen the proof before. So a wrong request, a
    /// replay and a proof by another key cost no signature check.
    pub(crate) fn check(
        &self,
        rules: &DpopRules,
        key: &Thumbprint,
        request: &ProofRequest<'_>,
        now: i64,
    ) -> Result<CheckedProof, Rejection> {
        let invalid = |error: ProofError| Rejection::InvalidProof(error);
        let proof = request.proof;
        if proof.len() > self.max_bytes {
            return Err(invalid(ProofError::TooLong));
        }
        let malformed = |error: TokenError| {
            invalid(match error {
                TokenError::UnknownAlgorithm => ProofError::AlgorithmNotAllowed,
                _ => ProofError::Malformed,
            })
        };
        let compact = CompactJws::split(proof).map_err(malformed)?;
        let mut buf = DecodeBuffer::for_token(proof);
        let mut buf = buf.as_mut_slice();
        let header = compact.decode_header(&mut buf).map_err(malformed)?;
        let header = JoseHeader::parse(header).map_err(malformed)?;
        let payload = compact.decode_payload(&mut buf).map_err(malformed)?;
        let signature = compact.decode_signature(&mut buf).map_err(malformed)?;
        let algorithm = header.algorithm();
        let jwk = check_header(&header, &rules.algorithms).map_err(invalid)?;
        let jwk = PublicJwk::read(header.json(), jwk, algorithm).map_err(invalid)?;
        let jwk = jwk.canonical();
        let json = JsonObject::parse_reusing(payload, MAX_VALUES, header.into_json())
            .map_err(|_| invalid(ProofError::Malformed))?;
        let claims = ProofClaims::read(&json).map_err(invalid)?;
        let needs_nonce = self.check_claims(rules, &claims, request, now)?;

        let found = self.keys.find(key, algorithm, &jwk);
        let found = found.map_err(Rejection::InvalidClaims)?;
        let used = UsedProof::new(
            key,
            claims.jti,
            claims.iat.saturating_add(rules.window()),
            now,
        );
        let is_own = request.stored.is_some_and(|stored| stored.is_same(&used));
        if !is_own && self.replays.was_used(&used, now) {
            return Err(invalid(ProofError::Replayed));
        }
        let parsed = match found {
            Some(parsed) => parsed,
            None => (self.keys.parse(key, algorithm, &jwk)).map_err(invalid)?,
        };
        if !parsed.key.verifies(compact.signing_input(), signature) {
            return Err(invalid(ProofError::InvalidSignature));
        }
        Ok(CheckedProof { used, needs_nonce })
    }

    fn check_claims(
        &self,
        rules: &DpopRules,
        claims: &ProofClaims<'_>,
        request: &ProofRequest<'_>,
        now: i64,
    ) -> Result<NonceRenewal, Rejection> {
        let invalid = |error: ProofError| Err(Rejection::InvalidProof(error));
        if claims.htm != request.method {
            return invalid(ProofError::WrongMethod);
        }
        if !rules.base.matches(claims.htu, request.path) {
            return invalid(ProofError::WrongUrl);
        }
        if claims.iat < now.saturating_sub(rules.max_age) {
            return invalid(ProofError::TooOld);
        }
        let newest = now.saturating_add(FUTURE);
        if claims.iat > newest || claims.not_before.is_some_and(|start| start > newest) {
            return invalid(ProofError::IssuedInFuture);
        }
        // The clocks may differ by as much here too.
        let is_over = |end: i64| end.saturating_add(FUTURE) <= now;
        if claims.expires_at.is_some_and(is_over) {
            return invalid(ProofError::TooOld);
        }
        let needs_nonce = match &self.nonces {
            None => NonceRenewal::NotNeeded,
            Some(key) => match claims.nonce.map(|nonce| key.check(nonce, now)) {
                Some(NonceAge::Current) => NonceRenewal::NotNeeded,
                Some(NonceAge::Older) => NonceRenewal::Needed,
                None | Some(NonceAge::Invalid) => {
                    let nonce = key.current(now).into();
                    return Err(Rejection::DpopNonceRequired { nonce });
                }
            },
        };
        let hash = request.bound_to.token_hash(|| sha256(request.token));
        if decode_32_bytes(claims.ath).as_ref() != Some(hash) {
            return invalid(ProofError::WrongToken);
        }
        Ok(needs_nonce)
    }
}

impl fmt::Debug for DpopState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DpopState").finish_non_exhaustive()
    }
}
