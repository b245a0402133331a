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

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
#[cfg(feature = "reqwest")]
mod tests;
