//! `DATABASE_URL=postgresql://app@localhost/app ISSUER=https://acme.kinde.com AUDIENCE=https://api.acme.com cargo run`

use std::env;
use std::error::Error;

use tower_m2m::{Profile, Verifier};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let setting = |name: &str| env::var(name).map_err(|_| format!("{name} is not set"));
    let verifier = Verifier::issuer(setting("ISSUER")?)
        .audience(setting("AUDIENCE")?)
        .profile(Profile::KINDE)
        .build()?;
    let database = postgres_rls::Database::open(setting("DATABASE_URL")?.parse()?, 10).await?;
    let (api, inventory) = postgres_rls::api(&verifier, database)?;
    print!("{inventory}");
    let listener =
        tokio::net::TcpListener::bind(env::var("LISTEN").unwrap_or("127.0.0.1:3000".into()))
            .await?;
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    axum::serve(listener, api)
        .with_graceful_shutdown(stop)
        .await?;
    Ok(())
}
