//! A real client calls the real server over a channel.

use std::time::Duration;

use example_tonic::ListRequest;
use example_tonic::api::invoices_client::InvoicesClient;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Status};
use tower_m2m::testing::{AUDIENCE, LocalIssuer, forged};
use tower_m2m::{Denylist, DenylistEntry, EntryExpiry, Verifier};

async fn serve(verifier: Verifier) -> InvoicesClient<Channel> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = example_tonic::routes(&verifier);
    tokio::spawn(
        Server::builder()
            .add_routes(routes)
            .serve_with_incoming(TcpListenerStream::new(listener)),
    );
    InvoicesClient::new(Endpoint::from_shared(url).unwrap().connect().await.unwrap())
}

async fn server() -> (LocalIssuer, InvoicesClient<Channel>) {
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let verifier = Verifier::kinde("acme")
        .audience(AUDIENCE)
        .jwk_set(issuer.jwks())
        .build()
        .unwrap();
    (issuer, serve(verifier).await)
}

fn call(metadata: &[(&'static str, &str)]) -> Request<ListRequest> {
    let mut request = Request::new(ListRequest {});
    for (name, value) in metadata {
        request.metadata_mut().insert(*name, value.parse().unwrap());
    }
    request
}

async fn rejected(
    client: &mut InvoicesClient<Channel>,
    metadata: &[(&'static str, &str)],
) -> Status {
    client
        .list(call(metadata))
        .await
        .expect_err("the call was accepted")
}

fn challenge(status: &Status) -> &str {
    status
        .metadata()
        .get("www-authenticate")
        .map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn grpc_handler_receives_calling_organization() {
    let (issuer, mut client) = server().await;
    let token = issuer.org("org_a").scopes(["read:invoices"]).bearer();
    let reply = client
        .list(call(&[("authorization", &token)]))
        .await
        .unwrap();
    assert_eq!(reply.into_inner().invoices, ["invoice 1 of org_a"]);
    let reply = client
        .list(call(&[
            ("authorization", &token),
            ("x-organization", "org_a"),
        ]))
        .await
        .unwrap();
    assert_eq!(reply.into_inner().invoices, ["invoice 1 of org_a"]);
}

#[tokio::test]
async fn rejection_is_a_grpc_status_with_challenge() {
    let (issuer, mut client) = server().await;

    let status = rejected(&mut client, &[]).await;
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unauthenticated, "An access token is required")
    );
    assert_eq!(challenge(&status), r#"Bearer realm="api""#);

    let status = rejected(&mut client, &[("authorization", "Bearer a, Bearer b")]).await;
    assert_eq!(status.code(), Code::Unauthenticated);
    assert!(challenge(&status).contains(r#"error="invalid_request""#));

    let status = rejected(
        &mut client,
        &[("authorization", &issuer.org("org_a").bearer())],
    )
    .await;
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(challenge(&status).contains(r#"scope="read:invoices""#));

    let status = rejected(
        &mut client,
        &[(
            "authorization",
            &issuer.global().scopes(["read:invoices"]).bearer(),
        )],
    )
    .await;
    assert_eq!(status.code(), Code::PermissionDenied);

    let other = issuer.org("org_a").scopes(["read:invoices"]).bearer();
    let status = rejected(
        &mut client,
        &[("authorization", &other), ("x-organization", "org_b")],
    )
    .await;
    assert_eq!(
        (status.code(), status.message(), challenge(&status)),
        (Code::NotFound, "Not Found", "")
    );
}

#[tokio::test]
async fn grpc_service_rejects_forged_tokens() {
    let (issuer, mut client) = server().await;
    let good = issuer.org("org_a").scopes(["read:invoices"]);
    // A client cannot send the longest forgeries: its own limit on headers is lower.
    let forgeries: Vec<_> = forged::all(&good)
        .into_iter()
        .filter(|forgery| forgery.authorization().len() < 8192)
        .collect();
    assert!(forgeries.len() > 50);
    for forgery in forgeries {
        let status = rejected(&mut client, &[("authorization", forgery.authorization())]).await;
        assert_eq!(status.code(), Code::Unauthenticated, "{}", forgery.name());
        let error = format!("error=\"{}\"", forgery.expected().error());
        assert!(
            challenge(&status).contains(&error),
            "{}: {}",
            forgery.name(),
            challenge(&status)
        );
    }
}

#[tokio::test]
async fn grpc_service_is_unavailable_without_keys() {
    let issuer = LocalIssuer::start().await.unwrap();
    issuer.go_down().await;
    let verifier = Verifier::kinde(issuer.url())
        .audience(AUDIENCE)
        .build()
        .unwrap();
    let mut client = serve(verifier).await;
    let token = issuer.org("org_a").scopes(["read:invoices"]).bearer();
    let status = rejected(&mut client, &[("authorization", &token)]).await;
    assert_eq!((status.code(), challenge(&status)), (Code::Unavailable, ""));
}

/// Rules 200, 201.
///
/// Over HTTP/2, a stream ends with trailers within a second after the denial.
#[tokio::test]
async fn server_stream_ends_when_its_organization_is_denied() {
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let denylist = Denylist::new();
    let verifier = Verifier::kinde("acme")
        .audience(AUDIENCE)
        .jwk_set(issuer.jwks())
        .denylist(denylist.clone())
        .build()
        .unwrap();
    let mut client = serve(verifier).await;
    let token = |org: &str| issuer.org(org).scopes(["read:invoices"]).bearer();
    let mut streams = Vec::new();
    for org in ["org_a", "org_b"] {
        let request = call(&[("authorization", &token(org))]);
        let mut stream = client.watch(request).await.unwrap().into_inner();
        let first = stream.message().await.unwrap().unwrap();
        assert_eq!(first.invoices, [format!("invoice 1 of {org}")]);
        streams.push(stream);
    }
    let entry = DenylistEntry::organization(issuer.url(), "org_a");
    denylist.deny(entry, EntryExpiry::Never).unwrap();
    let second = Duration::from_secs(1);
    let end = timeout(second, streams[0].message()).await.unwrap();
    let status = end.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(
        status.message(),
        "the client or the organization is suspended"
    );
    // The streams share a connection. The other organization's stays open.
    assert!(timeout(second / 4, streams[1].message()).await.is_err());
}
