//! `KINDE_DOMAIN=acme KINDE_AUDIENCE=https://api.acme.com cargo run`, then `curl http://127.0.0.1:3000/metrics`

use tower_m2m::Verifier;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let figures = example_prometheus::recorder()?;
    let verifier = Verifier::from_env()?;
    tokio::spawn(example_prometheus::keep_up(figures.clone()));
    let app = example_prometheus::app(&verifier, figures);
    println!("listening on http://127.0.0.1:3000");
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await?;
    Ok(())
}
