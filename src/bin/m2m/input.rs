//! What is read from standard input: a token, or a secret.

use std::env;
use std::io::{self, IsTerminal as _, Read as _};

use crate::exit::Failure;

/// Longer than any token.
const MAX_BYTES: u64 = 256 * 1024;

/// Returns the first word, or the word after the scheme if the input is an `Authorization` header.
pub(crate) fn token() -> Result<String, Failure> {
    let text = standard_input("the token")?;
    let prefixes = ["Authorization:", "Bearer", "DPoP"];
    let is_prefix = |part: &&str| {
        let mut prefixes = prefixes.iter();
        prefixes.any(|prefix| part.eq_ignore_ascii_case(prefix))
    };
    let mut words = text.split_whitespace().skip_while(is_prefix);
    let token = words
        .next()
        .ok_or_else(|| Failure::usage("there is no token on standard input"))?;
    Ok(token.to_owned())
}

/// Returns the secret from `M2M_CLIENT_SECRET`, or the first line of standard input.
pub(crate) fn client_secret() -> Result<String, Failure> {
    if let Some(secret) = env::var_os("M2M_CLIENT_SECRET").filter(|secret| !secret.is_empty()) {
        let secret = secret.into_string();
        return secret.map_err(|_| Failure::usage("M2M_CLIENT_SECRET is not UTF-8"));
    }
    let text = standard_input("the client secret")?;
    let line = text.lines().next().unwrap_or_default().trim();
    if line.is_empty() {
        return Err(Failure::usage(
            "there is no client secret: set M2M_CLIENT_SECRET, or write it to standard input",
        ));
    }
    Ok(line.to_owned())
}

fn standard_input(what: &str) -> Result<String, Failure> {
    if io::stdin().is_terminal() {
        eprintln!("reading {what} from standard input, until Ctrl-D");
    }
    let mut text = String::new();
    io::stdin()
        .take(MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| Failure::usage(format!("cannot read standard input: {error}")))?;
    Ok(text)
}
