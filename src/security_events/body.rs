//! Reads the body of a request: at most 64 KiB, within a time, also if it has no end.

use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::Buf;
use http_body::Body;
use tokio::time::timeout;

use super::error::EventError;
use crate::util::has_timers;

/// The largest body, in bytes.
pub(super) const MAX_BODY: usize = 64 * 1024;
/// The largest number of frames without data. A body of such frames would never end.
const MAX_EMPTY_FRAMES: usize = 1024;

/// How long a sender may take.
#[derive(Clone, Copy)]
pub(super) struct BodyTimeouts {
    pub(super) first_byte: Duration,
    /// For the whole body.
    pub(super) body: Duration,
}

pub(super) async fn read_body<B: Body>(
    body: B,
    timeouts: BodyTimeouts,
) -> Result<Vec<u8>, EventError> {
    let is_larger = |bytes: u64| usize::try_from(bytes).is_ok_and(|bytes| bytes > MAX_BODY);
    if is_larger(body.size_hint().lower()) {
        return Err(EventError::TooLarge);
    }
    // Without a timer the wait has no limit.
    if !has_timers() {
        return Err(EventError::Busy);
    }
    let read = async {
        let mut body = pin!(body);
        let (mut collected, mut empty_frames) = (Vec::new(), 0);
        let first = next_data(body.as_mut(), &mut empty_frames);
        let first = timeout(timeouts.first_byte, first).await;
        let mut next = first.map_err(|_| EventError::BodyTimedOut)??;
        while let Some(data) = next {
            append(&mut collected, data)?;
            next = next_data(body.as_mut(), &mut empty_frames).await?;
        }
        Ok(collected)
    };
    let read = timeout(timeouts.body, read).await;
    read.map_err(|_| EventError::BodyTimedOut)?
}

/// Returns the next frame that has data, or `None` at the end.
async fn next_data<B: Body>(
    mut body: Pin<&mut B>,
    empty_frames: &mut usize,
) -> Result<Option<B::Data>, EventError> {
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = frame.map_err(|_| EventError::BodyFailed)?;
        if let Some(data) = frame.into_data().ok().filter(Buf::has_remaining) {
            return Ok(Some(data));
        }
        *empty_frames += 1;
        if *empty_frames > MAX_EMPTY_FRAMES {
            return Err(EventError::BodyFailed);
        }
    }
    Ok(None)
}

fn append(collected: &mut Vec<u8>, mut data: impl Buf) -> Result<(), EventError> {
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
    Ok(())
}
