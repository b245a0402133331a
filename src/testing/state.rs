//! The state that the issuer's handle and its server share.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value};
use tokio::sync::Notify;

use super::apps::{App, SecretRotation};
use super::credentials::Credentials;
use super::defaults::CLIENT_ID;
use super::encoding::{hex, random};
use super::faults::{Endpoint, Fault, PlannedFault};
use super::keyring::KeyRing;
use super::keys::SigningKey;
use super::mint::TokenBuilder;
use super::profile::{CommonClaims, Profile};
use crate::clock::{Clock, seconds};

/// Fixed when the issuer starts.
pub(super) struct IssuerState {
    /// The exact `iss`.
    pub(super) url: String,
    /// The path within `url`, empty or with a leading slash.
    pub(super) path: String,
    pub(super) clock: Clock,
    pub(super) profile: Profile,
    pub(super) lifetime: Duration,
    pub(super) audience: String,
    pub(super) admin: Admin,
    pub(super) api_key_access: ApiKeyAccess,
    /// Wakes the callers that wait for a request.
    pub(super) arrivals: Notify,
    state: Mutex<MutableState>,
}

/// The switch for the endpoints that change the issuer.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Admin {
    Offered,
    Absent,
}

/// Who may verify API keys.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum ApiKeyAccess {
    /// Any caller, as Kinde's reference says.
    Public,
    /// Callers with a token for the Management API, as another page of Kinde says.
    Protected,
}

/// State that tests change while the server runs.
pub(super) struct MutableState {
    pub(super) keys: KeyRing,
    pub(super) apps: BTreeMap<String, App>,
    pub(super) credentials: Credentials,
    /// The codes of suspended organizations.
    pub(super) suspended: BTreeSet<String>,
    /// The members of complex subjects that a receiver of security events must understand.
    pub(super) critical_subject_members: Vec<String>,
    endpoints: BTreeMap<Endpoint, EndpointState>,
}

/// The counters and the planned responses of one endpoint.
#[derive(Default)]
pub(super) struct EndpointState {
    pub(super) hits: u64,
    pub(super) last_headers: Option<HeaderMap>,
    pub(super) last_body: Option<Bytes>,
    pub(super) planned: Option<PlannedFault>,
    /// Sent with every regular response.
    pub(super) headers: HeaderMap,
    /// Sent instead of the regular document.
    pub(super) document: Option<String>,
}

impl IssuerState {
    pub(super) fn new(settings: IssuerSettings, url: String, keys: KeyRing) -> Self {
        let IssuerSettings {
            clock,
            profile,
            lifetime,
            audience,
            admin,
            api_key_access,
            path,
        } = settings;
        let state = MutableState {
            keys,
            apps: BTreeMap::new(),
            credentials: Credentials::default(),
            suspended: BTreeSet::new(),
            critical_subject_members: Vec::new(),
            endpoints: BTreeMap::new(),
        };
        Self {
            url,
            path,
            clock,
            profile,
            lifetime,
            audience,
            admin,
            api_key_access,
            arrivals: Notify::new(),
            state: Mutex::new(state),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, MutableState> {
        // If another test thread panics, an assertion failed. The state itself is always
        // consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request and returns its fault, if one is planned.
    pub(super) fn record_hit(&self, at: Endpoint, headers: &HeaderMap) -> Option<Fault> {
        let mut state = self.state();
        let station = state.endpoint_mut(at);
        station.hits += 1;
        station.last_headers = Some(headers.clone());
        let (fault, rest) = station
            .planned
            .take()
            .map_or((None, None), PlannedFault::take);
        station.planned = rest;
        self.arrivals.notify_waiters();
        fault
    }

    /// Returns a machine token before the test changes it.
    pub(super) fn machine_token(&self, lifetime: Duration) -> TokenBuilder {
        self.start_token(lifetime, Profile::machine)
    }

    /// Returns a user token before the test changes it.
    pub(super) fn user_token(&self, user: &str) -> TokenBuilder {
        self.start_token(self.lifetime, |profile, beginning| {
            profile.user(beginning, user)
        })
    }

    fn start_token(
        &self,
        lifetime: Duration,
        claims: impl FnOnce(Profile, &CommonClaims<'_>) -> Map<String, Value>,
    ) -> TokenBuilder {
        let now = self.clock.unix_seconds();
        let lifetime = seconds(lifetime);
        let beginning = CommonClaims {
            issuer: &self.url,
            audience: &self.audience,
            client: CLIENT_ID,
            issued_at: now,
            expires_at: now.saturating_add(lifetime),
        };
        let key = self.state().keys.signing().clone();
        TokenBuilder::new(
            self.profile,
            &key,
            now,
            lifetime,
            claims(self.profile, &beginning),
        )
    }
}

impl MutableState {
    pub(super) fn endpoint_mut(&mut self, at: Endpoint) -> &mut EndpointState {
        self.endpoints.entry(at).or_default()
    }

    /// Removes the documents that replace regular responses.
    pub(super) fn remove_documents(&mut self) {
        for endpoint in self.endpoints.values_mut() {
            endpoint.document = None;
        }
    }
}

pub(super) fn rotate_key(shared: &IssuerState) -> io::Result<String> {
    let kid = publish_next_key(shared)?;
    shared.state().keys.sign_with(&kid)?;
    Ok(kid)
}

pub(super) fn publish_next_key(shared: &IssuerState) -> io::Result<String> {
    let algorithm = shared.state().keys.signing().algorithm();
    // Generated outside the lock, because an RSA key takes about 100 ms.
    let key = SigningKey::generate(algorithm)?;
    let kid = key.kid().to_owned();
    shared.state().keys.publish(key);
    Ok(kid)
}

pub(super) fn rotate_secret(
    shared: &IssuerState,
    client_id: &str,
    old: SecretRotation,
) -> io::Result<String> {
    let secret = hex(&random::<24>()?, "");
    let mut state = shared.state();
    let app = state.apps.get_mut(client_id);
    let app =
        app.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no app has this client ID"))?;
    app.rotate_secret(secret.clone(), old);
    Ok(secret)
}

/// The settings that a builder has collected.
pub(super) struct IssuerSettings {
    pub(super) clock: Clock,
    pub(super) profile: Profile,
    pub(super) lifetime: Duration,
    pub(super) audience: String,
    pub(super) admin: Admin,
    pub(super) api_key_access: ApiKeyAccess,
    pub(super) path: String,
}
