//! `KINDE_DOMAIN=acme KINDE_AUDIENCE=http://127.0.0.1:3000/mcp cargo run`
//!
//! If the server has a public host name, that URL is the resource, and rmcp needs the name too
//! (`allowed_hosts`).

use tower_m2m::Verifier;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let verifier = Verifier::from_env()?;
    let resource = "http://127.0.0.1:3000/mcp";
    let app = example_mcp::app(&verifier, resource)?;
    println!("listening on {resource}");
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await?;
    Ok(())
}
