//! Kinde's timestamps: ISO 8601 strings, with or without a fraction and an offset.

use std::time::UNIX_EPOCH;

/// Returns the milliseconds since the Unix epoch, or `None` if the string is no timestamp with an
/// offset.
///
/// Kinde writes `2026-02-03T12:00:00.000Z`, and in other places offsets without minutes (`+11`).
pub(super) fn parse_timestamp(text: &str) -> Option<i64> {
    // The offset comes after the time, so the dashes of the date are not searched.
    let time_at = text.find(['T', 't'])?;
    let offset_at = text.get(time_at..)?.find(['Z', 'z', '+', '-'])? + time_at;
    let (local, offset) = text.split_at_checked(offset_at)?;
    let offset = parse_offset(offset)?;
    if local.ends_with('.') {
        return None;
    }
    let utc = humantime::parse_rfc3339(&format!("{local}Z")).ok()?;
    let since = utc.duration_since(UNIX_EPOCH).ok()?;
    let local = i64::try_from(since.as_millis()).ok()?;
    let at = local.checked_sub(offset)?;
    (at >= 0).then_some(at)
}

/// Returns the milliseconds of `Z`, `+11`, `+1130` or `+11:30`.
fn parse_offset(text: &str) -> Option<i64> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("Z" | "z", "") => return Some(0),
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.len() {
        2 => (digits, "00"),
        4 => digits.split_at_checked(2)?,
        5 => digits.split_once(':')?,
        _ => return None,
    };
    let hours = two_digits(hours).filter(|hours| *hours < 24)?;
    let minutes = two_digits(minutes).filter(|minutes| *minutes < 60)?;
    Some(sign * (hours * 60 + minutes) * 60_000)
}

fn two_digits(text: &str) -> Option<i64> {
    let is_digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| text.parse().ok())?
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
