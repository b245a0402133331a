//! Without arguments: the demo. With `replica PORT REDIS_URL ISSUER AUDIENCE`: one replica. With
//! `--new-store` after it, the replica takes an empty Redis for a new one.

mod api;
mod client;
mod demo;

use tower_m2m::{BoxError, Denylist, RedisStore, Verifier};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => demo::run().await,
        [name, port, redis, issuer, audience] if name == "replica" => {
            replica(port.parse()?, redis, issuer, audience, false).await
        }
        [name, port, redis, issuer, audience, flag]
            if name == "replica" && flag == "--new-store" =>
        {
            replica(port.parse()?, redis, issuer, audience, true).await
        }
        _ => Err(
            "usage: example-replicas [replica PORT REDIS_URL ISSUER AUDIENCE [--new-store]]".into(),
        ),
    }
}

/// Runs one replica.
async fn replica(
    port: u16,
    redis: &str,
    issuer: &str,
    audience: &str,
    is_new_store: bool,
) -> Result<(), BoxError> {
    let store = RedisStore::connect(redis, "example:replicas").await?;
    let denylist = Denylist::replicated(store);
    // Not at each start: after Redis lost its data, the replica would admit denied callers.
    if is_new_store {
        denylist.confirm_empty();
    }
    let verifier = Verifier::issuer(issuer)
        .audience(audience)
        .denylist(denylist.clone())
        .build_ready() // the keys are fetched, and the list was loaded once
        .await?;
    let app = api::api(&verifier, denylist, issuer.to_owned());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, app).await?;
    Ok(())
}
