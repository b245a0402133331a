//! HTTP clients that issuers of the same settings share: each has its own connections and certificates in memory.

use std::sync::Mutex;

use super::http::{Fetcher, HttpSettings};
use super::lock::lock;

#[derive(Default)]
pub(crate) struct HttpClients(Mutex<Vec<(HttpSettings, Fetcher)>>);

const KEPT: usize = 8;

impl HttpClients {
    pub(crate) fn client(&self, settings: &HttpSettings) -> Result<Fetcher, String> {
        let mut made = lock(&self.0);
        if let Some((_, client)) = made.iter().find(|(same, _)| same == settings) {
            return Ok(client.clone());
        }
        let client = Fetcher::http(settings)?;
        if made.len() < KEPT {
            made.push((settings.clone(), client.clone()));
        }
        Ok(client)
    }
}

#[cfg(all(test, feature = "reqwest"))]
mod tests {
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
}
