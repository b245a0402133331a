//! The server. The first argument selects the client: `sqlx` (default) or `tokio-postgres`.
//!
//! `DATABASE_URL=postgresql://app@localhost/app TENANT_KEY=… ISSUER=https://acme.kinde.com
//! AUDIENCE=https://api.acme.com cargo run`

use std::env;
use std::error::Error;
use std::process::ExitCode;

use axum::Router;
use postgres_rls::{Database, TenantKey, with_sqlx, with_tokio_postgres};
use tower_m2m::{Profile, RouteError, RouteInventory, Verifier};

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let setting = |name: &str| env::var(name).map_err(|_| format!("{name} is not set"));
    let verifier = Verifier::issuer(setting("ISSUER")?)
        .audience(setting("AUDIENCE")?)
        .profile(Profile::KINDE)
        .build()?;
    let key = TenantKey::from_hex(&setting("TENANT_KEY")?)?;
    let url = setting("DATABASE_URL")?;
    let ((api, inventory), readiness) = match env::args().nth(1).as_deref() {
        None | Some("sqlx") => routers(
            &verifier,
            with_sqlx::Database::open(url.parse()?, key, 10).await?,
        )?,
        Some("tokio-postgres") => routers(
            &verifier,
            with_tokio_postgres::Database::open(url.parse()?, key, 10).await?,
        )?,
        Some(client) => return Err(format!("unknown client {client}").into()),
    };
    print!("{inventory}");
    let api = serve_at("LISTEN", "127.0.0.1:3000", api);
    let readiness = serve_at("LISTEN_READY", "127.0.0.1:3001", readiness);
    tokio::try_join!(api, readiness)?;
    Ok(())
}

fn routers<D: Database>(
    verifier: &Verifier,
    database: D,
) -> Result<((Router, RouteInventory), Router), RouteError> {
    let api = postgres_rls::api(verifier, database.clone())?;
    Ok((api, postgres_rls::readiness(database)))
}

async fn serve_at(setting: &str, default: &str, router: Router) -> std::io::Result<()> {
    let address = env::var(setting).unwrap_or(default.to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    axum::serve(listener, router)
        .with_graceful_shutdown(stop)
        .await
}
