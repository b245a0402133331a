use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use http::Response;

use super::*;

/// What a waiting request finds at the moment at which it is woken.
struct OnWake {
    tokens: Arc<AccessTokens>,
    found: Mutex<Vec<&'static str>>,
}

impl Wake for OnWake {
    fn wake(self: Arc<Self>) {
        let found = match (self.tokens.cached(), &*lock(&self.tokens.last_failure)) {
            (Some(_), _) => "token",
            (None, Some(_)) => "failure",
            (None, None) => "neither",
        };
        lock(&self.found).push(found);
    }
}

/// Returns tokens of an endpoint that responds late, with this status, and counts its requests.
fn tokens(status: StatusCode) -> (Arc<AccessTokens>, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    let fetcher = Fetcher::function(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let body = br#"{"access_token":"t","expires_in":100}"#;
            Ok(Response::builder().status(status).body(body.to_vec())?)
        }
    });
    let tokens = AccessTokens::new(
        "https://acme.kinde.com/oauth2/token".to_owned(),
        "https://acme.kinde.com/api".to_owned(),
        ClientSecret::new("m2m-client", "s3cret"),
        fetcher,
    );
    (Arc::new(tokens), requests)
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(1)
}

/// A request that waits for the fetch of another one is woken after its result is stored, so that
/// it does not request a second token.
#[tokio::test(start_paused = true)]
async fn waiting_request_finds_the_result_of_the_fetch() {
    for (status, expected, is_ok) in [
        (StatusCode::OK, "token", true),
        (StatusCode::INTERNAL_SERVER_ERROR, "failure", false),
    ] {
        let (tokens, requests) = tokens(status);
        let observer = Arc::new(OnWake {
            tokens: Arc::clone(&tokens),
            found: Mutex::default(),
        });
        let waker = Waker::from(Arc::clone(&observer));
        let mut fetching = pin!(tokens.authorization(deadline()));
        let mut waiting = pin!(tokens.authorization(deadline()));
        assert!(poll(fetching.as_mut(), Waker::noop()).is_pending());
        assert!(poll(waiting.as_mut(), &waker).is_pending());
        assert_eq!(fetching.await.is_ok(), is_ok, "{status}");
        assert_eq!(*lock(&observer.found), [expected], "{status}");
        assert_eq!(waiting.await.is_ok(), is_ok, "{status}");
        assert_eq!(requests.load(Ordering::SeqCst), 1, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn new_token_is_kept_after_a_rejection() {
    let (tokens, requests) = tokens(StatusCode::OK);
    for (seconds, expected) in [(0, 1), (59, 1), (1, 2), (59, 2), (1, 3)] {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        let token = tokens.authorization(deadline()).await.unwrap();
        tokens.invalidate_older(&token, MIN_TOKEN_AGE);
        tokens.authorization(deadline()).await.unwrap();
        assert_eq!(requests.load(Ordering::SeqCst), expected, "{seconds}");
    }
}

fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}
