//! A local issuer for development without a tenant at Kinde.
//!
//! ```text
//! cargo run --example dev_issuer -- [--port 4000] [--kinde | --rfc9068]
//! ```
//!
//! It issues tokens to any caller that reaches it, so it listens on loopback only. Keys and
//! applications exist until the program ends.

use std::env;
use std::net::Ipv4Addr;
use std::process::ExitCode;

use tower_m2m::testing::{AUDIENCE, App, LocalIssuer, Profile};

const USAGE: &str = "usage: dev_issuer [--port NUMBER] [--kinde | --rfc9068]";
const SCOPES: [&str; 2] = ["read:invoices", "write:invoices"];

#[tokio::main]
async fn main() -> ExitCode {
    let options = match Options::read(env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let listen = (Ipv4Addr::LOCALHOST, options.port).into();
    let issuer = match LocalIssuer::builder()
        .listen(listen)
        .profile(options.profile)
        .with_admin()
        .start()
        .await
    {
        Ok(issuer) => issuer,
        Err(error) => {
            eprintln!("cannot listen on {listen}: {error}");
            return ExitCode::FAILURE;
        }
    };
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
    println!("{}", manual(&issuer, &options));

    match tokio::signal::ctrl_c().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot wait for Ctrl-C: {error}");
            ExitCode::FAILURE
        }
    }
}

fn manual(issuer: &LocalIssuer, options: &Options) -> String {
    let (url, token_endpoint, profile) = (
        issuer.url(),
        issuer.token_endpoint(),
        options.server_profile(),
    );
    format!(
        r#"issuer on {url}, until Ctrl-C

Applications (client id, secret, organization, scopes), all for the audience {AUDIENCE}
  svc-a       secret-a       org_a  read:invoices write:invoices
  svc-b       secret-b       org_b  read:invoices write:invoices
  svc-global  secret-global  none   read:stats read:any_invoices

An API that trusts it
  ISSUER={url} AUDIENCE={AUDIENCE} PROFILE={profile} cargo run --example resource_server

A token
  curl -s {token_endpoint} -d grant_type=client_credentials -d client_id=svc-a -d client_secret=secret-a -d audience={AUDIENCE}

A token, and a call with it (the token stays out of the shell's history)
  curl -s {token_endpoint} -d grant_type=client_credentials -d client_id=svc-a -d client_secret=secret-a -d audience={AUDIENCE} \
    | sed -E 's/.*"access_token":"([^"]+)".*/Authorization: Bearer \1/' | curl -i -H @- http://127.0.0.1:3000/orgs/org_a/invoices

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

Trouble with an endpoint (discovery, metadata, jwks, token, verify_api_key, read_api_key, introspect): status, too_many_requests, slow, hang, reset, garbage, empty_set, …
  curl -s {url}/admin/fault -d '{{"endpoint":"jwks","fault":"status","status":503}}'
and the end of it
  curl -s {url}/admin/fault -d '{{"endpoint":"jwks"}}'
"#
    )
}

struct Options {
    port: u16,
    profile: Profile,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            port: 4000,
            profile: Profile::Kinde,
        };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--kinde" => options.profile = Profile::Kinde,
                "--rfc9068" => options.profile = Profile::Rfc9068,
                "--port" => {
                    let port = arguments.next().and_then(|port| port.parse().ok());
                    options.port = port.ok_or("--port needs a number from 0 to 65535")?;
                }
                other => return Err(format!("{other} is not an option")),
            }
        }
        Ok(options)
    }

    /// Returns the `PROFILE` of a resource server that accepts these tokens.
    fn server_profile(&self) -> &'static str {
        if self.profile == Profile::Kinde {
            "kinde"
        } else {
            "generic"
        }
    }
}
