//! `m2m issuer`: a local issuer for development without an identity provider.

use std::net::Ipv4Addr;

use tower_m2m::testing::{AUDIENCE, App, LocalIssuer};

use crate::arguments::IssuerOptions;
use crate::exit::{Exit, Failure};
use crate::output;

const SCOPES: [&str; 2] = ["read:invoices", "write:invoices"];

pub(crate) async fn run(options: &IssuerOptions) -> Result<Exit, Failure> {
    let listen = (Ipv4Addr::LOCALHOST, options.port).into();
    let issuer = LocalIssuer::builder()
        .listen(listen)
        .profile(options.form.profile())
        .with_admin()
        .start()
        .await
        .map_err(|error| Failure::undecided(format!("cannot listen on {listen}: {error}")))?;
    issuer.add_app(
        App::org("svc-a", "secret-a", "org_a")
            .audience(AUDIENCE)
            .scopes(SCOPES),
    );
    issuer.add_app(
        App::org("svc-b", "secret-b", "org_b")
            .audience(AUDIENCE)
            .scopes(SCOPES),
    );
    issuer.add_app(
        App::global("svc-global", "secret-global")
            .audience(AUDIENCE)
            .scopes(["read:stats", "read:any_invoices"]),
    );
    output::print(&manual(&issuer, options));
    tokio::signal::ctrl_c()
        .await
        .map_err(|error| Failure::undecided(format!("cannot wait for Ctrl-C: {error}")))?;
    Ok(Exit::Accepted)
}

fn manual(issuer: &LocalIssuer, options: &IssuerOptions) -> String {
    let (url, token_endpoint, profile) = (
        issuer.url(),
        issuer.token_endpoint(),
        options.form.server_profile(),
    );
    format!(
        r#"issuer on {url}, until Ctrl-C

Applications (client id, secret, organization, scopes), all for the audience {AUDIENCE}
  svc-a       secret-a       org_a  read:invoices write:invoices
  svc-b       secret-b       org_b  read:invoices write:invoices
  svc-global  secret-global  none   read:stats read:any_invoices

An API that trusts it: these variables of `Config::from_env`, or the same values in any language
  M2M_ISSUER={url} M2M_AUDIENCE={AUDIENCE} M2M_PROFILE={profile}

A token
  m2m token --issuer {url} --org org_a --scope read:invoices
  curl -s {token_endpoint} -d grant_type=client_credentials -d client_id=svc-a -d client_secret=secret-a -d audience={AUDIENCE}

A token, and a call with it (the token stays out of the shell's history)
  m2m token --issuer {url} --org org_a --scope read:invoices | sed 's/^/Authorization: Bearer /' | curl -i -H @- http://127.0.0.1:3000/orgs/org_a/invoices

A new application: id and secret are made up unless given, without org_code it is a global one
  curl -s {url}/admin/apps -d '{{"org_code":"org_c","audiences":["{AUDIENCE}"],"scopes":["read:invoices"]}}'

A new secret, the old one stops working (or goes on with ?overlap=true)
  curl -s -X POST {url}/admin/apps/svc-a/rotate-secret

A new API key (Kinde's form): of an organization, of a user with "user_id", of the environment with {{}}; the API verifies it here
  curl -s {url}/admin/api-keys -d '{{"org_code":"org_a","scopes":["read:invoices"]}}'

Revoke an API key
  curl -s {url}/admin/revoke -d '{{"credential":"k_live_…"}}'

A new signing key, the old one stays published
  curl -s -X POST {url}/admin/rotate-key

Trouble with an endpoint (discovery, metadata, jwks, token, verify_api_key, read_api_key, introspect, read_organization, transmitter_metadata): status, too_many_requests, slow, hang, reset, garbage, empty_set, …
  curl -s {url}/admin/fault -d '{{"endpoint":"jwks","fault":"status","status":503}}'
and the end of it
  curl -s {url}/admin/fault -d '{{"endpoint":"jwks"}}'
"#
    )
}
