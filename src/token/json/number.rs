//! Numbers (RFC 8259 §6).

use super::NodeValue;
use super::cursor::Cursor;
use super::error::JsonError;

#[inline]
pub(super) fn number(cursor: &mut Cursor<'_>) -> Result<NodeValue, JsonError> {
    let start = cursor.at();
    cursor.take(b'-');
    if !cursor.take(b'0') {
        cursor.skip_digits()?;
    }
    let mut whole = true;
    if cursor.take(b'.') {
        whole = false;
        cursor.skip_digits()?;
    }
    if cursor.take(b'e') || cursor.take(b'E') {
        whole = false;
        if !cursor.take(b'+') {
            cursor.take(b'-');
        }
        cursor.skip_digits()?;
    }
    let text = cursor.since(start).unwrap_or_default();
    if whole && let Ok(whole) = text.parse() {
        return Ok(NodeValue::Integer(whole));
    }
    match text.parse::<f64>() {
        Ok(float) if float.is_finite() => Ok(NodeValue::Float(float)),
        _ => Err(JsonError::Syntax),
    }
}
