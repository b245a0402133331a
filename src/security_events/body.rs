//! Reads the body of a request: at most 64 KiB, within a time, also if it has no end.

use std::pin::pin;
use std::time::Duration;

use bytes::Buf;
use http_body::Body;

use super::error::EventError;
use crate::util::has_timers;

/// The largest body, in bytes.
pub(super) const MAX_BODY: usize = 64 * 1024;
/// The largest number of frames without data. A body of such frames would never end.
const MAX_EMPTY_FRAMES: usize = 1024;

pub(super) async fn read_body<B: Body>(body: B, timeout: Duration) -> Result<Vec<u8>, EventError> {
    let is_larger = |bytes: u64| usize::try_from(bytes).is_ok_and(|bytes| bytes > MAX_BODY);
    if is_larger(body.size_hint().lower()) {
        return Err(EventError::TooLarge);
    }
    // Without a timer the wait has no limit.
    if !has_timers() {
        return Err(EventError::Busy);
    }
    let read = tokio::time::timeout(timeout, collect(body)).await;
    read.map_err(|_| EventError::BodyTimedOut)?
}

async fn collect<B: Body>(body: B) -> Result<Vec<u8>, EventError> {
    let mut body = pin!(body);
    let mut collected = Vec::new();
    let mut empty_frames = 0;
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = frame.map_err(|_| EventError::BodyFailed)?;
        let mut data = frame.into_data().ok().filter(Buf::has_remaining);
        let Some(data) = &mut data else {
            empty_frames += 1;
            if empty_frames > MAX_EMPTY_FRAMES {
                return Err(EventError::BodyFailed);
            }
            continue;
        };
        if data.remaining() > MAX_BODY - collected.len() {
            return Err(EventError::TooLarge);
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            let len = chunk.len();
            if len == 0 {
                return Err(EventError::BodyFailed);
            }
            collected.extend_from_slice(chunk);
            data.advance(len);
        }
    }
    Ok(collected)
}
