//! `KINDE_DOMAIN=acme KINDE_AUDIENCE=https://api.acme.com cargo run`

use tower_m2m::Verifier;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let verifier = Verifier::from_env()?;
    let address = "127.0.0.1:50051".parse()?;
    println!("listening on {address}");
    tonic::transport::Server::builder()
        .add_routes(example_tonic::routes(&verifier))
        .serve(address)
        .await?;
    Ok(())
}
