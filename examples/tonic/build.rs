//! Generates client and server of the service. The service is described here and not in a `.proto`
//! file, so that no `protoc` is needed. If you have one, `tonic-prost-build` generates the same.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let list = Method::builder()
        .name("list")
        .route_name("List")
        .input_type("crate::ListRequest")
        .output_type("crate::ListReply")
        .codec_path("tonic_prost::ProstCodec")
        .build();
    let watch = Method::builder()
        .name("watch")
        .route_name("Watch")
        .input_type("crate::ListRequest")
        .output_type("crate::ListReply")
        .codec_path("tonic_prost::ProstCodec")
        .server_streaming()
        .build();
    let invoices = Service::builder()
        .name("Invoices")
        .package("invoices.v1")
        .method(list)
        .method(watch)
        .build();
    Builder::new().compile(&[invoices]);
}
