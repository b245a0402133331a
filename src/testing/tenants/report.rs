//! The result of an isolation check.

use std::fmt;

use super::assessment::IsolationResult;

/// The result of an isolation check of two tenants. `Display` prints a table, failures first.
#[derive(Clone, Debug)]
#[must_use = "the report fails no test unless it is read"]
pub struct IsolationReport {
    rows: Vec<IsolationRow>,
}

#[derive(Clone, Debug)]
pub(super) struct IsolationRow {
    pub(super) route: String,
    pub(super) caller: String,
    pub(super) what: String,
    pub(super) names_other: bool,
    pub(super) result: IsolationResult,
    pub(super) got: Option<u16>,
}

impl IsolationReport {
    pub(super) fn new(rows: Vec<IsolationRow>) -> Self {
        Self { rows }
    }

    /// Asserts that each tenant reached its own data and no data of the other one.
    ///
    /// # Panics
    ///
    /// Panics with the whole table if this is not the case, and if no request was sent.
    #[track_caller]
    pub fn assert_isolated(&self) {
        assert!(!self.rows.is_empty(), "no request was made");
        assert_eq!(self.failures(), 0, "{self}");
    }

    /// Returns the number of requests that got a wrong response.
    #[must_use]
    pub fn failures(&self) -> usize {
        self.rows
            .iter()
            .filter(|row| row.result != IsolationResult::Correct)
            .count()
    }

    /// Returns the routes that compare no part of the request with the token: each request that
    /// names the other tenant was admitted.
    ///
    /// Such a route is isolated only if its handler takes the organization from the token alone.
    pub fn uncompared(&self) -> impl Iterator<Item = &str> {
        let mut routes: Vec<&str> = self.rows.iter().map(|row| row.route.as_str()).collect();
        routes.dedup();
        routes.into_iter().filter(|route| {
            let mut rows = self.rows.iter().filter(|row| row.route == *route);
            !rows.any(|row| row.names_other && matches!(row.got, Some(401 | 403 | 404)))
        })
    }

    /// Returns the number of requests.
    #[must_use]
    pub fn sent(&self) -> usize {
        self.rows.len()
    }
}

impl fmt::Display for IsolationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} requests, {} wrong responses",
            self.sent(),
            self.failures()
        )?;
        for route in self.uncompared() {
            writeln!(f, "nothing was compared with the token: {route}")?;
        }
        let mut rows: Vec<&IsolationRow> = self.rows.iter().collect();
        rows.sort_by_key(|row| row.result == IsolationResult::Correct);
        for IsolationRow {
            route,
            caller,
            what,
            result: verdict,
            got,
            ..
        } in rows
        {
            let got = got.map_or("-".to_owned(), |got| got.to_string());
            writeln!(
                f,
                "{got:>4}  {route:<40} as {caller:<16} {what:<44} {verdict}"
            )?;
        }
        Ok(())
    }
}
