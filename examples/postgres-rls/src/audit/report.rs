//! The findings of an audit.

use std::fmt;

use crate::error::DbError;

/// The findings of an audit. `Display` prints them, and after the findings of one fix the fix.
///
/// If the fixes are executed in this order, each by an owner of its object, the next audit has no
/// findings. A fix that ends without `;` is not a statement, and `<…>` in a fix is a value that
/// only the reader knows.
#[derive(Clone, Debug, Default)]
pub struct AuditReport(Vec<Finding>);

/// An object that the audit does not accept.
#[derive(Clone, Debug)]
pub struct Finding {
    object: String,
    problem: String,
    fix: String,
}

/// A role such as a superuser has one finding per object.
const PRINTED: usize = 100;

impl AuditReport {
    /// Returns the findings.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn push(&mut self, object: &str, problem: &str, fix: &str) {
        self.0.push(Finding {
            object: object.to_owned(),
            problem: problem.to_owned(),
            fix: fix.to_owned(),
        });
    }

    /// Adds rows of (object, problem, fix). A missing column does not hide a finding.
    pub(super) fn extend(&mut self, rows: Vec<[Option<String>; 3]>) {
        for row in rows {
            let [object, problem, fix] = row.map(|column| column.unwrap_or_else(|| "?".to_owned()));
            self.push(&object, &problem, &fix);
        }
    }

    pub(super) fn into_result(self) -> Result<(), DbError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(DbError::Unprotected(self))
        }
    }
}

impl Finding {
    /// Returns the object that the audit does not accept.
    pub fn object(&self) -> &str {
        &self.object
    }

    /// Returns the problem.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// Returns the statements, which end with `;` and perhaps a comment, or in other words the
    /// change that removes the problem.
    pub fn fix(&self) -> &str {
        &self.fix
    }
}

impl fmt::Display for AuditReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the audit rejects the database:")?;
        let mut findings = self.0.iter().take(PRINTED).peekable();
        while let Some(finding) = findings.next() {
            write!(f, "\n  {}: {}", finding.object, finding.problem)?;
            if findings.peek().is_none_or(|next| next.fix != finding.fix) {
                write!(f, "\n    fix: {}", finding.fix)?;
            }
        }
        match self.0.len().saturating_sub(PRINTED) {
            0 => {}
            more => write!(f, "\n  and {more} more findings, after these fixes")?,
        }
        f.write_str("\nrun the fixes in this order, as the owner of each object or as a superuser")
    }
}
