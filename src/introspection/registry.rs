//! All issuers of a verifier whose opaque credentials are accepted.

use std::sync::Arc;

use super::backend::Weakness;
use super::classify::{Alphabet, CredentialForms, CredentialPath, OpaqueForm};
use super::digest::DigestKey;
use super::introspector::{IntrospectionLookup, Introspector};
use super::recheck::CredentialState;
use super::saved::{SavedCredentials, SavedDigest, SavedDigestKey};
use super::status::IntrospectionStatus;
use crate::token::IntrospectedCredential;

/// The opaque credentials that a verifier accepts.
#[derive(Debug)]
pub(crate) struct OpaqueCredentials {
    forms: CredentialForms,
    introspectors: Vec<Introspector>,
    keys: CredentialKeys,
}

/// The keys of a verifier's digests, and the digests of the last start.
pub(crate) struct CredentialKeys {
    current: DigestKey,
    pub(super) saved: Arc<SavedDigestKey>,
    pub(super) restored: Vec<SavedDigest>,
}

/// An issuer's introspector and the credentials that are its own.
pub(crate) struct IssuerIntrospection {
    pub(crate) introspector: Introspector,
    pub(crate) alphabet: Alphabet,
    pub(crate) prefixes: Vec<String>,
}

impl CredentialKeys {
    /// Returns `None` if the system has no random numbers.
    pub(crate) fn new(saved: Option<&SavedCredentials>) -> Option<Self> {
        Some(Self {
            current: DigestKey::random()?,
            saved: Arc::new(match saved {
                Some(saved) => saved.key(),
                None => SavedDigestKey::random()?,
            }),
            restored: saved.map_or_else(Vec::new, |saved| saved.digests().to_vec()),
        })
    }
}

impl std::fmt::Debug for CredentialKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CredentialKeys").finish_non_exhaustive()
    }
}

impl OpaqueCredentials {
    pub(crate) fn new(issuers: Vec<IssuerIntrospection>, keys: CredentialKeys) -> Self {
        let (mut forms, mut introspectors) = (CredentialForms::default(), Vec::new());
        for issuer in issuers {
            let form = OpaqueForm {
                introspector: introspectors.len(),
                alphabet: issuer.alphabet,
            };
            forms.add(form, &issuer.prefixes);
            introspectors.push(issuer.introspector);
        }
        Self {
            forms,
            introspectors,
            keys,
        }
    }

    /// Returns the path of a credential.
    pub(crate) fn classify(&self, credential: &[u8]) -> CredentialPath {
        self.forms.classify(credential)
    }

    pub(crate) fn introspector(&self, number: usize) -> Option<&Introspector> {
        self.introspectors.get(number)
    }

    pub(crate) fn introspectors(&self) -> &[Introspector] {
        &self.introspectors
    }

    /// Returns what is known about a credential of this introspector, or a request to wait for.
    pub(crate) fn lookup(
        &self,
        introspector: &Introspector,
        credential: &[u8],
        now: i64,
    ) -> IntrospectionLookup {
        introspector.lookup(self.keys.current.digest(credential), credential, now)
    }

    /// Returns `true` if the issuer is not queried about this credential now.
    pub(crate) fn is_cached(&self, introspector: &Introspector, credential: &[u8]) -> bool {
        introspector.is_cached(&self.keys.current.digest(credential))
    }

    /// Returns whether a credential that was active still is, without waiting.
    pub(crate) fn recheck(
        &self,
        issuer: &str,
        active: IntrospectedCredential,
        credential: Option<&[u8]>,
        now: i64,
    ) -> CredentialState {
        let introspector = self
            .introspectors
            .iter()
            .find(|one| **one.issuer() == *issuer);
        introspector.map_or(CredentialState::Unknown, |introspector| {
            introspector.recheck(active, credential, now)
        })
    }

    /// Returns what weakens the verification of each issuer's credentials.
    pub(crate) fn weaknesses(&self) -> impl Iterator<Item = (&str, Weakness)> {
        self.introspectors.iter().flat_map(|introspector| {
            let issuer = &**introspector.issuer();
            let found = introspector.weaknesses();
            found.map(move |weakness| (issuer, weakness))
        })
    }

    pub(crate) fn status(&self) -> Vec<IntrospectionStatus> {
        self.introspectors
            .iter()
            .map(Introspector::status)
            .collect()
    }

    pub(crate) fn export(&self) -> SavedCredentials {
        let digests = self.introspectors.iter().flat_map(Introspector::known);
        SavedCredentials::new(&self.keys.saved, digests.collect())
    }
}
