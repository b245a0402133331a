//! HTTP clients that issuers with the same settings share, because each has its own connections and
//! certificates in memory.

use std::sync::Mutex;

use super::http::{Fetcher, HttpSettings};
use crate::util::lock;

#[derive(Default)]
pub(crate) struct HttpClients(Mutex<Vec<(HttpSettings, Fetcher)>>);

const KEPT: usize = 8;

impl HttpClients {
    pub(crate) fn client(&self, settings: &HttpSettings) -> Result<Fetcher, String> {
        let find = |made: &[(HttpSettings, Fetcher)]| {
            let found = made.iter().find(|(same, _)| same == settings);
            found.map(|(_, client)| client.clone())
        };
        if let Some(client) = find(&lock(&self.0)) {
            return Ok(client);
        }
        // Without the lock, because a new client writes to the log of the application.
        let client = Fetcher::http(settings)?;
        let mut made = lock(&self.0);
        // Another thread may have created it meanwhile.
        if let Some(earlier) = find(&made) {
            return Ok(earlier);
        }
        if made.len() < KEPT {
            made.push((settings.clone(), client.clone()));
        }
        Ok(client)
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
#[cfg(feature = "reqwest")]
mod tests;
