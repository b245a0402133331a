//! A real client calls the real server with tokens that are bound to its key (DPoP, RFC 9449).

use example_tonic::ListRequest;
use example_tonic::api::invoices_client::InvoicesClient;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Status};
use tower_m2m::testing::{AUDIENCE, DpopClient, LocalIssuer};
use tower_m2m::{ProofOfPossession, Verifier};

/// The public base URL. Clients call another address here, as behind a proxy.
const BASE: &str = "https://grpc.acme.com";
const LIST: &str = "https://grpc.acme.com/invoices.v1.Invoices/List";

async fn serve(issuer: &LocalIssuer, nonce_key: Option<[u8; 32]>) -> InvoicesClient<Channel> {
    let trusted = Verifier::kinde("acme")
        .audience(AUDIENCE)
        .jwk_set(issuer.jwks())
        .proof_of_possession(ProofOfPossession::dpop(BASE));
    let builder = Verifier::builder([trusted]);
    let builder = nonce_key
        .into_iter()
        .fold(builder, |builder, key| builder.dpop_nonce_key(key));
    let routes = example_tonic::routes(&builder.build().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let incoming = TcpListenerStream::new(listener);
    tokio::spawn(
        Server::builder()
            .add_routes(routes)
            .serve_with_incoming(incoming),
    );
    InvoicesClient::new(Endpoint::from_shared(url).unwrap().connect().await.unwrap())
}

fn call(scheme: &str, token: &str, proof: Option<&str>) -> Request<ListRequest> {
    let mut request = Request::new(ListRequest {});
    let metadata = request.metadata_mut();
    metadata.insert(
        "authorization",
        format!("{scheme} {token}").parse().unwrap(),
    );
    if let Some(proof) = proof {
        metadata.insert("dpop", proof.parse().unwrap());
    }
    request
}

fn challenges(status: &Status) -> Vec<&str> {
    let values = status.metadata().get_all("www-authenticate").iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

#[tokio::test]
async fn grpc_call_needs_a_new_proof_each_time() {
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let mut client = serve(&issuer, None).await;
    let key = DpopClient::new().unwrap();
    let token = issuer
        .org("org_a")
        .scopes(["read:invoices"])
        .bound_to(&key)
        .token();
    let proof = key.proof("POST", LIST, &token).sign();

    let reply = client
        .list(call("DPoP", &token, Some(&proof)))
        .await
        .unwrap();
    assert_eq!(reply.into_inner().invoices, ["invoice 1 of org_a"]);

    let other_method = key
        .proof("POST", &LIST.replace("List", "Watch"), &token)
        .sign();
    for (scheme, proof) in [
        ("DPoP", Some(proof.as_str())),
        ("DPoP", Some(&other_method)),
        ("DPoP", None),
        ("Bearer", None),
    ] {
        let status = client.list(call(scheme, &token, proof)).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{scheme} {proof:?}");
        let [bearer, dpop] = challenges(&status)[..] else {
            panic!("{:?}", challenges(&status));
        };
        assert!(
            bearer.starts_with("Bearer ") && dpop.starts_with("DPoP "),
            "{bearer} {dpop}"
        );
        assert_eq!(
            dpop.contains(r#"error="invalid_dpop_proof""#),
            scheme == "DPoP",
            "{dpop}"
        );
        assert_eq!(
            bearer.contains(r#"error="invalid_token""#),
            scheme == "Bearer",
            "{bearer}"
        );
    }
}

#[tokio::test]
async fn grpc_client_receives_a_nonce() {
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let mut client = serve(&issuer, Some([7; 32])).await;
    let key = DpopClient::new().unwrap();
    let token = issuer
        .org("org_a")
        .scopes(["read:invoices"])
        .bound_to(&key)
        .token();
    let proof = key.proof("POST", LIST, &token);

    let status = client
        .list(call("DPoP", &token, Some(&proof.sign())))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert!(challenges(&status)[1].contains(r#"error="use_dpop_nonce""#));
    let nonce = status
        .metadata()
        .get("dpop-nonce")
        .unwrap()
        .to_str()
        .unwrap();

    let proof = proof.nonce(nonce).sign();
    client
        .list(call("DPoP", &token, Some(&proof)))
        .await
        .unwrap();
}
