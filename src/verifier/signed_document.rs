//! The verification of signed documents that are no access tokens: events of an issuer.

use std::sync::Arc;

use tokio::time::Instant;

use super::issuers::trusted::TrustedIssuer;
use super::profile::KidRequirement;
use super::token_key::{SignedInput, request_key};
use super::verification::{PendingKey, PriorWaits, VerifyError, WaitFor};
use super::verifier::Verifier;
use crate::clock::Clock;
use crate::jwks::{Fetchers, IfUndecided, KeyLookup};
use crate::rejection::Rejection;
use crate::token::{CompactJws, DecodeBuffer, JoseHeader, JsonObject, TokenError};

/// The reason why a document was not verified.
pub(crate) enum DocumentError<E> {
    Rejected(E),
    /// No keys are available, or no fetch could decide whether the key exists.
    KeysUnavailable,
}

/// Whose requests for a missing key these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DocumentSender {
    /// Any party can send documents, so they share the budget of unknown clients.
    Anyone,
    /// The sender authenticates. After its first document, it counts as a known client.
    Authenticated,
}

impl DocumentSender {
    /// Returns the name of the sender among the clients of an issuer. No client can have it,
    /// because it is no identifier. A sender that authenticates has one of its own, so that
    /// forged documents at another receiver do not count as its.
    fn client_id(self) -> &'static str {
        match self {
            Self::Anyone => "\0anyone",
            Self::Authenticated => "\0events",
        }
    }
}

/// A document that waits, or the reason why it is not verified.
enum Attempt<E> {
    Wait(PendingKey),
    Failed(DocumentError<E>),
}

impl<E: From<TokenError>> From<TokenError> for Attempt<E> {
    fn from(error: TokenError) -> Self {
        Self::Failed(DocumentError::Rejected(error.into()))
    }
}

impl Verifier {
    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Returns the listed issuers with the profile of Kinde.
    pub(crate) fn kinde_issuers(&self) -> impl Iterator<Item = &Arc<str>> {
        let listed = self.0.issuers.listed().iter();
        let kinde = listed.filter(|trusted| trusted.rules.profile.is_kinde());
        kinde.map(|trusted| &trusted.issuer)
    }

    /// Returns `true` if the issuer is listed.
    pub(crate) fn lists(&self, issuer: &str) -> bool {
        self.listed_issuer(issuer).is_some()
    }

    /// Returns the fetchers of a listed issuer, or `None` if its keys are fixed.
    pub(crate) fn fetchers_of(&self, issuer: &str) -> Option<Fetchers> {
        self.listed_issuer(issuer)?.keys.fetchers()
    }

    fn listed_issuer(&self, issuer: &str) -> Option<&TrustedIssuer> {
        let mut listed = self.0.issuers.listed().iter();
        listed.find(|trusted| *trusted.issuer == *issuer)
    }

    /// Verifies a JWT of a listed issuer that is no access token. `read` checks everything but the
    /// signature, and returns the second in which the document was issued too. A document that
    /// fails it costs no signature check and no fetch.
    pub(crate) async fn verify_document<T, E: From<TokenError>>(
        &self,
        issuer: &str,
        document: &[u8],
        sender: DocumentSender,
        read: impl Fn(&JoseHeader<'_>, &JsonObject<'_>, i64) -> Result<(T, i64), E>,
    ) -> Result<T, DocumentError<E>> {
        let mut prior = PriorWaits::default();
        loop {
            match self.try_verify_document(issuer, document, sender, &prior, &read) {
                Ok(verified) => return Ok(verified),
                Err(Attempt::Failed(error)) => return Err(error),
                Err(Attempt::Wait(wait)) => {
                    prior.first.get_or_insert_with(Instant::now);
                    self.wait_for_key(wait, &mut prior).await;
                }
            }
        }
    }

    fn try_verify_document<T, E: From<TokenError>>(
        &self,
        issuer: &str,
        document: &[u8],
        sender: DocumentSender,
        prior: &PriorWaits,
        read: impl Fn(&JoseHeader<'_>, &JsonObject<'_>, i64) -> Result<(T, i64), E>,
    ) -> Result<T, Attempt<E>> {
        let compact = CompactJws::split(document)?;
        let mut buf = DecodeBuffer::for_token(document);
        let mut buf = buf.as_mut_slice();
        let header = JoseHeader::parse(compact.decode_header(&mut buf)?)?;
        let payload = compact.decode_payload(&mut buf)?;
        let signature = compact.decode_signature(&mut buf)?;
        let json =
            JsonObject::parse_bounded(payload, MAX_VALUES).map_err(TokenError::InvalidClaimsSet)?;
        let lookup = prior
            .resolution
            .clone()
            .or_else(|| self.0.issuers.lookup(issuer));
        let active = lookup.as_ref().and_then(|resolution| resolution.trusted());
        let trusted = active.and_then(|active| self.0.issuers.get(active));
        let (Some(active), Some(trusted)) = (active, trusted) else {
            return Err(TokenError::UntrustedIssuer.into());
        };
        if !trusted.rules.algorithms.contains(&header.algorithm()) {
            return Err(TokenError::AlgorithmNotAllowed.into());
        }
        let kid = header.kid();
        if kid.is_none() && trusted.rules.profile.kid == KidRequirement::Required {
            return Err(TokenError::MissingKid.into());
        }
        let (verified, issued_at) = read(&header, &json, self.0.clock.unix_seconds())
            .map_err(|error| Attempt::Failed(DocumentError::Rejected(error)))?;
        let current_set = trusted.keys.available();
        let signed = SignedInput {
            kid,
            algorithm: header.algorithm(),
            signing_input: compact.signing_input(),
            signature,
        };
        if signed
            .verify(trusted, current_set.as_deref(), || None)?
            .is_some()
        {
            if sender == DocumentSender::Authenticated {
                trusted.keys.record_client(sender.client_id());
            }
            return Ok(verified);
        }
        let lookup = KeyLookup {
            kid,
            client_id: sender.client_id(),
            published_by: Some(trusted.rules.published_by(issued_at)),
            first_wait: prior.first,
            waited: prior.keys,
            if_undecided: IfUndecided::TryAgain,
        };
        Err(
            match request_key(active, trusted, &lookup, current_set.as_deref()) {
                VerifyError::Pending(wait) => {
                    let WaitFor::KeyFetch(wait) = *wait else {
                        return Err(TokenError::UnknownKey.into());
                    };
                    Attempt::Wait(wait)
                }
                VerifyError::Rejected(failure) => match failure.rejection {
                    Rejection::KeysUnavailable { .. } | Rejection::KeyUnavailable { .. } => {
                        Attempt::Failed(DocumentError::KeysUnavailable)
                    }
                    _ => TokenError::UnknownKey.into(),
                },
            },
        )
    }
}

/// The largest number of JSON values in a document, at any depth: one for each 8 bytes of a body of
/// 64 KiB.
const MAX_VALUES: u32 = 8 * 1024;
