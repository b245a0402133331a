//! The spans of the crate, which show durations (feature `tracing`), in addition to the
//! [events](super::events).
//!
//! Names and fields are stable. All spans have level DEBUG. A disabled span allocates no memory and
//! reads no data.

#[cfg(feature = "tracing")]
use tracing::{Instrument as _, Span, debug_span, field::Empty};

use crate::token::Claims;
#[cfg(feature = "tracing")]
use crate::token::{CompactJws, DecodeBuffer, JoseHeader};

/// The longest part of a string that is recorded before a signature is verified, such as a `kid`.
const KID_MAX: usize = 64;

/// `fetch_keys`: one fetch of an issuer's keys, from the request for the metadata to the current
/// key set.
pub(crate) struct FetchSpan {
    #[cfg(feature = "tracing")]
    span: Span,
}

impl FetchSpan {
    pub(crate) fn begin(issuer: &str, cause: &'static str) -> Self {
        let _ = (issuer, cause);
        Self {
            #[cfg(feature = "tracing")]
            span: debug_span!(target: "tower_m2m::jwks", parent: None, "fetch_keys", issuer, cause, outcome = Empty),
        }
    }

    pub(crate) async fn instrument<T>(&self, fetch: impl Future<Output = T>) -> T {
        #[cfg(feature = "tracing")]
        let fetch = fetch.instrument(self.span.clone());
        fetch.await
    }

    /// Records the outcome and runs the work that follows the fetch within the span.
    pub(crate) fn finish<T>(self, outcome: &'static str, conclude: impl FnOnce() -> T) -> T {
        let _ = (&self, outcome);
        #[cfg(feature = "tracing")]
        return self.span.record("outcome", outcome).in_scope(conclude);
        #[cfg(not(feature = "tracing"))]
        conclude()
    }
}

/// `wait_for_keys`: a request waits for a key that is not in the current key set.
pub(crate) async fn key_wait_span<T>(
    issuer: &str,
    kid: Option<&str>,
    wait: impl Future<Output = T>,
) -> T {
    let _ = (issuer, kid);
    #[cfg(feature = "tracing")]
    let wait = wait.instrument(
        debug_span!(target: "tower_m2m", "wait_for_keys", issuer, kid = kid.map(printable)),
    );
    wait.await
}

/// `verify_token`: a verification without a cache hit.
pub(crate) fn verification_span<E>(
    token: &[u8],
    verify: impl FnOnce() -> Result<Claims, E>,
    verdict: impl FnOnce(&E) -> &'static str,
) -> Result<Claims, E> {
    let _ = (token, &verdict);
    #[cfg(feature = "tracing")]
    {
        let span = debug_span!(target: "tower_m2m", "verify_token", kid = Empty, algorithm = Empty, issuer = Empty, outcome = Empty);
        if !span.is_disabled() {
            record_header(&span, token);
            let result = span.in_scope(verify);
            match &result {
                Ok(claims) => span
                    .record("issuer", claims.issuer())
                    .record("outcome", "verified"),
                Err(error) => span.record("outcome", verdict(error)),
            };
            return result;
        }
    }
    verify()
}

/// Records the key and algorithm of the header, which is parsed again only for the span.
#[cfg(feature = "tracing")]
fn record_header(span: &Span, token: &[u8]) {
    let mut buf = DecodeBuffer::for_token(token);
    let header =
        CompactJws::split(token).and_then(|compact| compact.decode_header(&mut buf.as_mut_slice()));
    let Ok(header) = header.and_then(JoseHeader::parse) else {
        return;
    };
    span.record("algorithm", header.algorithm().name());
    if let Some(kid) = header.kid() {
        span.record("kid", printable(kid));
    }
}

/// Escapes line breaks and other characters that a log reader might interpret. Returns at most 64
/// characters.
pub(crate) fn printable(kid: &str) -> String {
    kid.escape_debug().take(KID_MAX).collect()
}
