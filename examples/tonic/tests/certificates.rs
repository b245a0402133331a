//! Tokens that are bound to a client certificate, over real TLS.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certificate::{FOR_LONG, LOOPBACK, self_signed};
use example_tonic::ListRequest;
use example_tonic::api::invoices_client::InvoicesClient;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{
    Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Server, ServerTlsConfig,
};
use tonic::{Code, Request, Status};
use tower::util::MapRequestLayer;
use tower_m2m::testing::{AUDIENCE, LocalIssuer, MtlsClient};
use tower_m2m::{ProofOfPossession, Verifier};

#[path = "../../../tests/support/certificate.rs"]
mod certificate;

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

async fn list(
    client: &mut InvoicesClient<Channel>,
    token: &str,
    header: Option<&str>,
) -> Result<Vec<String>, Status> {
    let mut request = Request::new(ListRequest {});
    let metadata = request.metadata_mut();
    metadata.insert("authorization", token.parse().unwrap());
    if let Some(header) = header {
        metadata.insert("client-cert", header.parse().unwrap());
    }
    let reply = client.list(request).await?;
    Ok(reply.into_inner().invoices)
}

#[tokio::test]
async fn grpc_token_needs_its_certificate() {
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let verifier = Verifier::kinde("acme")
        .audience(AUDIENCE)
        .jwk_set(issuer.jwks())
        .proof_of_possession(ProofOfPossession::mtls())
        .build()
        .unwrap();
    let (owner, other) = (MtlsClient::new().unwrap(), MtlsClient::new().unwrap());
    let (certificate, key) = self_signed(&LOOPBACK, "200101000000Z", FOR_LONG);
    let certificate = pem("CERTIFICATE", &certificate);
    let clients = [&owner, &other].map(|client| pem("CERTIFICATE", client.certificate_der()));
    let tls = ServerTlsConfig::new()
        .identity(Identity::from_pem(&certificate, pem("PRIVATE KEY", &key)))
        .client_ca_root(Certificate::from_pem(clients.concat()))
        .client_auth_optional(true);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let server = Server::builder()
        .tls_config(tls)
        .unwrap()
        .layer(MapRequestLayer::new(example_tonic::pass_certificate))
        .add_routes(example_tonic::routes(&verifier));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));

    let connect = async |client: Option<&MtlsClient>| {
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&certificate));
        if let Some(client) = client {
            tls = tls.identity(Identity::from_pem(
                pem("CERTIFICATE", client.certificate_der()),
                pem("PRIVATE KEY", client.key_der()),
            ));
        }
        let endpoint = Endpoint::from_shared(url.clone()).unwrap();
        let channel = endpoint.tls_config(tls).unwrap().connect().await.unwrap();
        InvoicesClient::new(channel)
    };
    let good = issuer.org("org_a").scopes(["read:invoices"]);
    let unbound = good.clone().bearer();
    let bound = good.bound_to_certificate(&owner).bearer();
    let header = owner.header();
    let mut client = connect(Some(&owner)).await;
    for _ in 0..2 {
        let invoices = list(&mut client, &bound, None).await.unwrap();
        assert_eq!(invoices, ["invoice 1 of org_a"]);
    }
    for client in [connect(Some(&other)).await, connect(None).await] {
        let mut client = client;
        for header in [None, Some(header.as_str())] {
            let status = list(&mut client, &bound, header).await.unwrap_err();
            assert_eq!(status.code(), Code::Unauthenticated);
            let challenge = status.metadata().get("www-authenticate").unwrap();
            let challenge = challenge.to_str().unwrap();
            assert!(
                challenge.contains(r#"error="invalid_token""#),
                "{challenge}"
            );
        }
        assert!(list(&mut client, &unbound, None).await.is_ok());
    }
}
