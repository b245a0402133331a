//! From settings to an introspector.

use std::sync::{Arc, Mutex};

use super::api_keys::ApiKeys;
use super::backend::Backend;
use super::canary::Canary;
use super::classify::Alphabet;
use super::endpoint::IntrospectionEndpoint;
use super::introspector::Introspector;
use super::kinde::KindeApi;
use super::known::KnownCredentials;
use super::outcome::Accept;
use super::registry::{CredentialKeys, IssuerIntrospection};
use super::request::IssuerClient;
use super::rfc7662::Introspection;
use super::timing::IntrospectionTiming;
use super::token_introspection::TokenIntrospection;
use crate::clock::Clock;
use crate::http_client::AccessTokens;
use crate::jwks::{Fetchers, PlainHttp};
use crate::util::Changes;

/// An introspector that lacks only the rules for active responses.
pub(crate) struct IntrospectionBackend {
    issuer: Arc<str>,
    backend: Backend,
    timing: IntrospectionTiming,
    alphabet: Alphabet,
    prefixes: Vec<String>,
}

impl ApiKeys {
    /// Returns the prefixes by which keys are recognized.
    pub(crate) fn prefixes(&self) -> Vec<String> {
        if self.prefixes.is_empty() {
            vec!["k_live_".to_owned()]
        } else {
            self.prefixes.clone()
        }
    }

    pub(crate) fn backend(
        &self,
        issuer: &Arc<str>,
        base: String,
        fetchers: Fetchers,
        max_values: u32,
    ) -> IntrospectionBackend {
        let tokens = self.client.as_ref().map(|client| {
            let endpoint = format!("{base}/oauth2/token");
            let fetcher = fetchers.for_url(&endpoint, issuer).clone();
            AccessTokens::new(endpoint, format!("{base}/api"), client.clone(), fetcher)
        });
        IntrospectionBackend {
            issuer: Arc::clone(issuer),
            backend: Backend::Kinde(Box::new(KindeApi {
                client: IssuerClient {
                    issuer: Arc::clone(issuer),
                    fetchers,
                },
                base,
                tokens,
                api_id: self.api_id.clone(),
                user_keys: self.user_keys,
                canary: Canary::new(),
                max_values,
            })),
            timing: self.timing,
            alphabet: Alphabet::ApiKey,
            prefixes: self.prefixes(),
        }
    }
}

impl Introspection {
    pub(crate) fn backend(
        &self,
        issuer: &Arc<str>,
        plain_http: PlainHttp,
        fetchers: Fetchers,
        max_values: u32,
    ) -> IntrospectionBackend {
        let endpoint = match &self.endpoint {
            Some(url) => IntrospectionEndpoint::Url(url.clone()),
            None => IntrospectionEndpoint::Discovery {
                plain_http,
                found: Mutex::default(),
            },
        };
        IntrospectionBackend {
            issuer: Arc::clone(issuer),
            backend: Backend::Rfc7662(TokenIntrospection {
                client: IssuerClient {
                    issuer: Arc::clone(issuer),
                    fetchers,
                },
                endpoint,
                authentication: self.authentication(),
                max_values,
                missing_token_type: self.missing_token_type,
            }),
            timing: self.timing,
            alphabet: Alphabet::B64Token,
            prefixes: self.prefixes.clone(),
        }
    }
}

impl IntrospectionBackend {
    /// Adds the rules for active responses.
    pub(crate) fn start(
        self,
        accept: Box<Accept>,
        keys: &CredentialKeys,
        clock: &Clock,
        changes: &Changes,
    ) -> IssuerIntrospection {
        IssuerIntrospection {
            introspector: Introspector::new(
                self.issuer,
                self.backend,
                accept,
                self.timing,
                KnownCredentials::new(Arc::clone(&keys.saved), &keys.restored),
                clock.clone(),
                changes.clone(),
            ),
            alphabet: self.alphabet,
            prefixes: self.prefixes,
        }
    }
}
