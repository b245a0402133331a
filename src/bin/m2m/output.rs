//! Standard output. A closed pipe, as with `| head`, is no error.

use std::io::{self, Write as _};

use serde::Serialize;

use crate::exit::Failure;

/// Prints text, and flushes it.
pub(crate) fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Returns a value as JSON that ends with a line break.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    let json = serde_json::to_string_pretty(value);
    let json = json.map_err(|error| Failure::undecided(format!("cannot write JSON: {error}")))?;
    Ok(json + "\n")
}
