//! The issuer's keys: the published ones and the signing key.

use std::io;

use serde_json::{Value, json};

use super::algorithm::SigningAlgorithm;
use super::keys::SigningKey;

pub(super) struct KeyRing {
    slots: Vec<Slot>,
    /// Separate from the slots, because tests need a key that is removed and continues to sign.
    signing: SigningKey,
}

struct Slot {
    key: SigningKey,
    published: Published,
}

#[derive(PartialEq)]
enum Published {
    Yes,
    No,
}

impl KeyRing {
    pub(super) fn generate(algorithm: SigningAlgorithm) -> io::Result<Self> {
        let signing = SigningKey::generate(algorithm)?;
        let slots = vec![Slot {
            key: signing.clone(),
            published: Published::Yes,
        }];
        Ok(Self { slots, signing })
    }

    pub(super) fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// Returns the published keys, newest first.
    pub(super) fn jwks(&self) -> Value {
        let published = self
            .slots
            .iter()
            .filter(|slot| slot.published == Published::Yes);
        let keys: Vec<Value> = published.rev().map(|slot| slot.key.public_jwk()).collect();
        json!({ "keys": keys })
    }

    /// Publishes a key that does not sign yet. It replaces a key with the same `kid`.
    pub(super) fn publish(&mut self, key: SigningKey) {
        self.slots.retain(|slot| slot.key.kid() != key.kid());
        self.slots.push(Slot {
            key,
            published: Published::Yes,
        });
    }

    pub(super) fn sign_with(&mut self, kid: &str) -> io::Result<()> {
        self.signing = self.slot(kid)?.key.clone();
        Ok(())
    }

    pub(super) fn withdraw(&mut self, kid: &str) -> io::Result<()> {
        self.slot(kid)?.published = Published::No;
        Ok(())
    }

    /// Replaces the signing key and keeps its `kid`.
    pub(super) fn replace(&mut self) -> io::Result<()> {
        let key = SigningKey::generate(self.signing.algorithm())?.with_kid(self.signing.kid());
        self.signing = key.clone();
        self.publish(key);
        Ok(())
    }

    fn slot(&mut self, kid: &str) -> io::Result<&mut Slot> {
        let mut slots = self.slots.iter_mut();
        slots.find(|slot| slot.key.kid() == kid).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                "the issuer has no key with this kid",
            )
        })
    }
}
