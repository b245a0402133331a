use std::time::Duration;

use super::super::http::{Addresses, Proxy};
use super::*;

#[test]
fn http_client_is_shared_by_equal_settings_and_bounded() {
    let clients = HttpClients::default();
    for second in (1..=10).chain(1..=10) {
        let settings = HttpSettings {
            timeout: Duration::from_secs(second),
            connect_timeout: None,
            proxy: Proxy::Disabled,
            ca_certificates_pem: Vec::new(),
            addresses: Addresses::Any,
        };
        assert!(clients.client(&settings).is_ok());
    }
    let kept = clients.0.lock().unwrap();
    let seconds: Vec<u64> = kept
        .iter()
        .map(|(settings, _)| settings.timeout.as_secs())
        .collect();
    assert_eq!(seconds, [1, 2, 3, 4, 5, 6, 7, 8]);
}
