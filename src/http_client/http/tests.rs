use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use super::*;

/// A name is checked by the address that the client would connect to.
#[tokio::test]
async fn client_for_public_addresses_does_not_connect_to_others() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // One connection is accepted. A second one would time out.
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]).unwrap();
        let response = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        stream.write_all(response).unwrap();
    });
    for (addresses, expected) in [
        (Addresses::Public, Err(HttpFailure::PrivateAddress)),
        (Addresses::Any, Ok(200)),
    ] {
        let fetcher = Fetcher::http(&HttpSettings {
            timeout: Duration::from_secs(30),
            connect_timeout: None,
            proxy: Proxy::Disabled,
            ca_certificates_pem: Vec::new(),
            addresses,
        })
        .unwrap();
        let url = format!("http://localhost:{port}/jwks");
        let request = Request::get(url).body(Vec::new()).unwrap();
        let response = fetcher.send(request, Duration::from_secs(30), 1024).await;
        let status = response.map(|response| response.status().as_u16());
        let status = status.map_err(|error| error.failure);
        assert_eq!(status, expected, "{addresses:?}");
    }
}
