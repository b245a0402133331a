//! Sends forgeries and reports the responses.

use std::fmt;

use super::assessment::Assessment;
use super::corpus::all;
use super::forgery::Forgery;
use crate::testing::assertions::TestResponse;
use crate::testing::mint::TokenBuilder;

/// Sends the valid token once, then every forgery of it, one after the other.
///
/// `send` takes the value of an `Authorization` header and returns a [`TestResponse`]: an
/// `http::Response` with a body of bytes, or a tuple of status, `WWW-Authenticate` and body. If the
/// server rejects the valid token, the report fails, because the other rejections prove nothing.
pub async fn attack<A: Into<TestResponse>>(
    good: &TokenBuilder,
    send: impl AsyncFn(String) -> A,
) -> CorpusReport {
    attack_credential(good.bearer(), &all(good), send).await
}

/// Sends a valid value of the `Authorization` header once, then these forgeries. Use it for the
/// [`opaque`](super::opaque) ones.
///
/// The rest is as in [`attack`].
pub async fn attack_credential<A: Into<TestResponse>>(
    good: String,
    forgeries: &[Forgery],
    send: impl AsyncFn(String) -> A,
) -> CorpusReport {
    let answer: TestResponse = send(good).await.into();
    let verdict = if answer.status() < 400 {
        CorpusResult::ValidTokenAccepted
    } else {
        CorpusResult::ValidTokenRejected
    };
    let control = CorpusRow {
        name: "(the good token)",
        description: "",
        expected: 200,
        got: answer.status(),
        result: verdict,
    };
    let mut report = attack_with(forgeries, send).await;
    report.rows.insert(0, control);
    report
}

/// Sends only these forgeries, without the valid token.
pub async fn attack_with<A: Into<TestResponse>>(
    forgeries: &[Forgery],
    send: impl AsyncFn(String) -> A,
) -> CorpusReport {
    let mut rows = Vec::new();
    for forgery in forgeries {
        let answer: TestResponse = send(forgery.authorization().to_owned()).await.into();
        rows.push(CorpusRow {
            name: forgery.name(),
            description: forgery.description(),
            expected: forgery.expected().status(),
            got: answer.status(),
            result: CorpusResult::Assessed(forgery.assess(&answer)),
        });
    }
    CorpusReport { rows }
}

/// The responses of a server to forgeries. `Display` prints a table, wrong responses first.
#[derive(Clone, Debug)]
#[must_use = "the report fails no test unless it is read"]
pub struct CorpusReport {
    rows: Vec<CorpusRow>,
}

impl CorpusReport {
    /// Asserts that every forgery was rejected correctly and that the valid token was accepted.
    ///
    /// # Panics
    ///
    /// Panics with the whole table if a response was wrong.
    #[track_caller]
    pub fn assert_all_rejected(&self) {
        assert!(self.failures().next().is_none(), "{self}");
    }

    /// Returns the names of the requests that got a wrong response.
    pub fn failures(&self) -> impl Iterator<Item = &'static str> {
        let wrong = self.rows.iter().filter(|row| !row.result.is_correct());
        wrong.map(|row| row.name)
    }

    /// Returns the number of requests, including the valid token.
    #[must_use]
    pub fn sent(&self) -> usize {
        self.rows.len()
    }
}

impl fmt::Display for CorpusReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrong = self.failures().count();
        writeln!(f, "{} requests, {wrong} wrong responses", self.sent())?;
        writeln!(
            f,
            "{:<28} {:>8} {:>4}  result",
            "request", "expected", "got"
        )?;
        let mut rows: Vec<&CorpusRow> = self.rows.iter().collect();
        rows.sort_by_key(|row| row.result.is_correct());
        for row in rows {
            write!(
                f,
                "{:<28} {:>8} {:>4}  {}",
                row.name, row.expected, row.got, row.result
            )?;
            if !row.result.is_correct() && !row.description.is_empty() {
                write!(f, ": {}", row.description)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug)]
struct CorpusRow {
    name: &'static str,
    description: &'static str,
    expected: u16,
    got: u16,
    result: CorpusResult,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum CorpusResult {
    ValidTokenAccepted,
    ValidTokenRejected,
    Assessed(Assessment),
}

impl CorpusResult {
    fn is_correct(self) -> bool {
        matches!(
            self,
            Self::ValidTokenAccepted | Self::Assessed(Assessment::Rejected)
        )
    }
}

impl fmt::Display for CorpusResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ValidTokenAccepted => f.write_str("ok"),
            Self::ValidTokenRejected => f.write_str("REJECTED, so the other rows prove nothing"),
            Self::Assessed(assessment) => assessment.fmt(f),
        }
    }
}
