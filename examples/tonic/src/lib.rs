//! A gRPC service that the layer protects: the same layer as for HTTP handlers.
//!
//! With [`grpc`](tower_m2m::AuthorizeLayer::grpc), rejections have the form of gRPC:
//! `UNAUTHENTICATED` (16), `PERMISSION_DENIED` (7), `UNAVAILABLE` (14) if no keys are available,
//! and `NOT_FOUND` (5) if organizations are hidden. The challenge is in the metadata, under
//! `www-authenticate`.

use std::pin::Pin;

use tonic::codegen::http::{self, HeaderName};
use tonic::codegen::tokio_stream::{self, Stream, StreamExt as _};
use tonic::service::{LayerExt as _, Routes};
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};
use tonic::{Request, Response, Status};
use tower_m2m::{
    ClientCertificate, OrganizationSource, PeerAddress, RequestExt as _, Scope, Verifier,
};

/// The client and the server, which the build script generates.
pub mod api {
    include!(concat!(env!("OUT_DIR"), "/invoices.v1.Invoices.rs"));
}

use api::invoices_server::{Invoices, InvoicesServer};

#[derive(Clone, PartialEq, prost::Message)]
pub struct ListRequest {}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ListReply {
    #[prost(string, repeated, tag = "1")]
    pub invoices: Vec<String>,
}

const READ_INVOICES: Scope = Scope::from_static("read:invoices");

/// Returns the services of this server. Health checks and reflection belong here, outside the
/// layer.
pub fn routes(verifier: &Verifier) -> Routes {
    // If a client names an organization in the metadata, its token must be of that organization.
    let layer = verifier
        .layer()
        .grpc()
        .require(READ_INVOICES)
        .organization_from(OrganizationSource::header(HeaderName::from_static(
            "x-organization",
        )))
        // tonic selects by path and not by method, and browsers send it no preflights.
        .reject_preflights()
        .hide_organizations()
        // A stream ends when its token expires or is denied: `UNAUTHENTICATED` in its trailers.
        .end_streams();
    Routes::new(layer.named_layer(InvoicesServer::new(Service)))
}

/// Passes what tonic knows about the connection on, for tokens that are bound to a client
/// certificate (RFC 8705). Add it to the server: `.layer(MapRequestLayer::new(pass_certificate))`.
pub fn pass_certificate<B>(mut request: http::Request<B>) -> http::Request<B> {
    let Some(info) = request.extensions().get::<TlsInfo>().cloned() else {
        return request;
    };
    let extensions = request.extensions_mut();
    if let Some(address) = info.get_ref().remote_addr() {
        extensions.insert(PeerAddress::new(address));
    }
    // The client's own certificate is the first one.
    let chain = info.peer_certs().unwrap_or_default();
    if let Some(certificate) = chain.first() {
        extensions.insert(ClientCertificate::from_der(certificate));
    }
    request
}

type TlsInfo = TlsConnectInfo<TcpConnectInfo>;

type ReplyStream = Pin<Box<dyn Stream<Item = Result<ListReply, Status>> + Send>>;

struct Service;

#[tonic::async_trait]
impl Invoices for Service {
    type WatchStream = ReplyStream;

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListReply>, Status> {
        // tonic's extensions are those of the `http` crate, so they contain the layer's.
        let org = request.extensions().org_code().map_err(|_| {
            Status::unauthenticated("the call has no valid token of an organization")
        })?;
        Ok(Response::new(ListReply {
            invoices: vec![format!("invoice 1 of {org}")],
        }))
    }

    /// Sends the current invoices, and would send the later ones.
    async fn watch(&self, request: Request<ListRequest>) -> Result<Response<ReplyStream>, Status> {
        let current = self.list(request).await?.into_inner();
        let stream = tokio_stream::once(Ok(current)).chain(tokio_stream::pending());
        Ok(Response::new(Box::pin(stream)))
    }
}
