//! The issuers that a verifier trusts: those listed, and those that the application resolves.

mod negative_cache;
pub(super) mod resolved;
pub(super) mod resolver;
pub(super) mod trusted;

use std::collections::HashMap;
use std::sync::Arc;

use self::resolver::Resolver;
use self::trusted::{Answer, InUse, Trusted, Whose};

pub(crate) struct Issuers {
    listed: Vec<Trusted>,
    places: HashMap<Arc<str>, usize>,
    resolver: Option<Resolver>,
}

impl Issuers {
    /// Nothing when an issuer is listed twice.
    pub(crate) fn new(listed: Vec<Trusted>, resolver: Option<Resolver>) -> Option<Self> {
        let places: HashMap<_, _> = listed
            .iter()
            .enumerate()
            .map(|(place, trusted)| (Arc::clone(&trusted.issuer), place))
            .collect();
        (places.len() == listed.len()).then_some(Self {
            listed,
            places,
            resolver,
        })
    }

    pub(crate) fn listed(&self) -> &[Trusted] {
        &self.listed
    }

    /// Whether the application is asked about issuers that are not listed.
    pub(crate) fn resolves(&self) -> bool {
        self.resolver.is_some()
    }

    /// Those that are resolved now.
    pub(crate) fn resolved(&self) -> Vec<Arc<Trusted>> {
        self.resolver
            .as_ref()
            .map(Resolver::known)
            .unwrap_or_default()
    }

    pub(crate) fn get<'a>(&'a self, whose: &'a InUse) -> Option<&'a Trusted> {
        match whose {
            Whose::Listed(place) => self.listed.get(*place),
            Whose::Resolved(trusted) => Some(trusted),
        }
    }

    /// What can be said of an `iss` without waiting; nothing when the application has to be asked.
    #[inline]
    pub(crate) fn look_up(&self, iss: &str) -> Option<Answer> {
        // Nearly every verifier has one issuer.
        if let [only] = self.listed.as_slice()
            && *only.issuer == *iss
        {
            return Some(Answer::Trusted(Whose::Listed(0)));
        }
        self.look_further(iss)
    }

    fn look_further(&self, iss: &str) -> Option<Answer> {
        match (self.places.get(iss), &self.resolver) {
            (Some(place), _) => Some(Answer::Trusted(Whose::Listed(*place))),
            (None, Some(resolver)) => resolver.look_up(iss),
            (None, None) => Some(Answer::NotTrusted),
        }
    }

    /// Whether a token with this `kid` is refused whatever else it says: the only issuer was asked for the key a moment ago
    /// and had none. Where there are several it depends on whose token it is.
    pub(crate) fn had_no_key(&self, kid: Option<&str>) -> bool {
        match (self.listed.as_slice(), &self.resolver, kid) {
            ([only], None, Some(kid)) => only.keys.had_no_key(kid),
            _ => false,
        }
    }

    /// Asks the application whether it trusts an issuer, or waits for an answer that is under way.
    pub(crate) async fn resolve(&self, iss: &str) -> Answer {
        match &self.resolver {
            Some(resolver) => resolver.resolve(iss).await,
            None => Answer::NotTrusted,
        }
    }
}
