//! Changed characters. None of these strings is a credential that the issuer has issued.

use super::opaque_forgeries;
use crate::testing::encoding::{hex, random};
use crate::testing::forged::forge::other_case;

opaque_forgeries! {
    /// Returns every forgery of this file for a valid API key or opaque token.
    fn (good: &str) = (good);

    /// It is well-formed, but the issuer never issued it.
    unknown_credential -> INVALID_TOKEN {
        let (prefix, secret) = split(good);
        let digits = hex(&random::<32>().unwrap_or_default(), "");
        format!("{prefix}{}", digits.get(..secret.len().min(digits.len())).unwrap_or_default())
    }

    /// The last character is missing.
    truncated_credential -> INVALID_TOKEN {
        let mut token = good.to_owned();
        token.pop();
        token
    }

    /// There is one more character at the end.
    extended_credential -> INVALID_TOKEN { format!("{good}0") }

    /// The last character is another one.
    changed_credential -> INVALID_TOKEN {
        let mut token = good.to_owned();
        let last = token.pop();
        token.push(if last == Some('0') { '1' } else { '0' });
        token
    }

    /// The letters have another case.
    credential_in_other_case -> INVALID_TOKEN { other_case(good) }

    /// The prefix is missing.
    credential_without_prefix -> INVALID_TOKEN { changed_prefix(good, "") }

    /// The prefix is that of another environment.
    credential_with_other_prefix -> INVALID_TOKEN { changed_prefix(good, "k_test_") }

    /// There is no credential after the prefix.
    prefix_alone -> INVALID_TOKEN {
        let (prefix, _) = split(good);
        if prefix.is_empty() { "k_live_".into() } else { prefix.to_owned() }
    }

    /// The credential is repeated without a separator.
    doubled_credential -> INVALID_TOKEN { good.repeat(2) }

    /// A dot follows the credential.
    credential_with_a_dot -> INVALID_TOKEN { format!("{good}.") }

    /// The credential is repeated with dots, so it has the three segments of a JWT.
    three_credentials_with_dots -> INVALID_TOKEN { format!("{good}.{good}.{good}") }

    /// The credential has base64 padding.
    padded_credential -> INVALID_TOKEN { format!("{good}==") }

    /// The credential has 300 characters.
    long_credential -> INVALID_TOKEN {
        let padding = "0".repeat(300_usize.saturating_sub(good.len()));
        format!("{good}{padding}")
    }

    /// The last character is percent-encoded.
    percent_encoded_credential -> UNREADABLE {
        let mut token = good.to_owned();
        let last = token.pop().map(u32::from).unwrap_or_default();
        format!("{token}%{last:02X}")
    }

    /// The credential is in quotes.
    quoted_credential -> UNREADABLE { format!("\"{good}\"") }

    /// There is a space in the credential.
    space_in_credential -> UNREADABLE {
        let (start, end) = good.split_at_checked(good.len() / 2).unwrap_or_default();
        format!("{start} {end}")
    }

    /// There are two credentials in one header.
    two_credentials -> UNREADABLE { format!("{good}, Bearer {good}") }

    /// The credential is longer than 64 KiB.
    oversized_credential -> TOO_LONG { format!("{good}{}", "0".repeat(64 * 1024)) }
}

/// Returns the prefix with its last underscore, and the rest. A string without underscores has no
/// prefix.
fn split(good: &str) -> (&str, &str) {
    let start = good.strip_prefix("k_live_").map_or(0, |_| "k_live_".len());
    good.split_at_checked(start).unwrap_or_default()
}

/// Returns the credential with another prefix. If it has none, a character in front is changed.
fn changed_prefix(good: &str, prefix: &str) -> String {
    match split(good) {
        ("", secret) => format!("{prefix}0{secret}"),
        (_, secret) => format!("{prefix}{secret}"),
    }
}
