//! Without arguments: the demo. With `replica PORT REDIS_URL ISSUER AUDIENCE`: one replica.

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
            replica(port.parse()?, redis, issuer, audience).await
        }
        _ => Err("usage: example-replicas [replica PORT REDIS_URL ISSUER AUDIENCE]".into()),
    }
}

/// Runs one replica.
async fn replica(port: u16, redis: &str, issuer: &str, audience: &str) -> Result<(), BoxError> {
    let store = RedisStore::connect(redis, "example:replicas").await?;
    let denylist = Denylist::replicated(store);
    // The demo's Redis is new. A service must not do this at each start: see the guide.
    denylist.confirm_empty();
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
