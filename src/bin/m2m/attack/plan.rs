//! What is attacked: the server, the issuer, and the valid tokens.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header, request};
use tower_m2m::testing::{LocalIssuer, TokenBuilder};

use crate::arguments::AttackOptions;
use crate::client::TargetUrl;

/// A run without `--refresh-interval` takes at most 90 s, including the report.
const LONGEST_RUN: Duration = Duration::from_secs(87);

pub(super) struct Plan<'a> {
    pub(super) options: &'a AttackOptions,
    pub(super) target: TargetUrl,
    pub(super) issuer: &'a LocalIssuer,
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        options: &'a AttackOptions,
        target: TargetUrl,
        issuer: &'a LocalIssuer,
    ) -> Self {
        Self {
            options,
            target,
            issuer,
        }
    }

    /// Returns the longest time that a run may take.
    pub(super) fn longest_run(&self) -> Duration {
        let interval = self.options.refresh_interval.unwrap_or_default();
        LONGEST_RUN + interval * 3
    }

    /// Returns how long to wait for the server at the beginning.
    pub(super) fn wait(&self) -> Duration {
        self.options.wait.min(Duration::from_secs(60))
    }

    pub(super) fn has_organizations(&self) -> bool {
        self.target.path().contains("{org_code}")
    }

    /// Returns the path with an organization.
    pub(super) fn path(&self, org: &str) -> String {
        self.target.path().replace("{org_code}", org)
    }

    /// Returns the path with the organization of the valid token.
    pub(super) fn own_path(&self) -> String {
        self.path(&self.options.org)
    }

    /// Returns a valid token of an organization, with the time of the call.
    pub(super) fn token_of(&self, org: &str) -> TokenBuilder {
        self.issuer.org(org).scopes(&self.options.scope)
    }

    /// Returns the valid token.
    pub(super) fn good(&self) -> TokenBuilder {
        self.token_of(&self.options.org)
    }

    /// Begins a request with the method and the path of the server under test.
    pub(super) fn request(&self) -> request::Builder {
        request_to(self.options.method.clone(), &self.own_path())
    }

    /// Returns a request with this `Authorization`, or `None` if HTTP does not allow the value.
    pub(super) fn with_authorization(&self, value: &str) -> Option<Request<Bytes>> {
        let request = self.request().header(header::AUTHORIZATION, value);
        request.body(Bytes::new()).ok()
    }
}

/// Begins a request.
pub(super) fn request_to(method: Method, path: &str) -> request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::ACCEPT, "*/*")
}
