//! An issuer, a verifier with a denylist, and streams that a test feeds.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_m2m::testing::{AUDIENCE, LocalIssuer, SigningAlgorithm, TokenBuilder};
use tower_m2m::{
    Algorithm, AuthorizeLayer, BoxError, Claims, Clock, Denylist, DenylistEntry, EntryExpiry,
    InvalidationReason, Issuer, ResponseBody, StreamEnded, Verifier, VerifierBuilder,
};

pub(crate) const NOW: i64 = 1_750_000_000;
pub(crate) const ISSUER: &str = "https://acme.kinde.com";

pub(crate) struct Fixture {
    pub(crate) issuer: Arc<LocalIssuer>,
    pub(crate) clock: Clock,
    pub(crate) denylist: Denylist,
    pub(crate) verifier: Verifier,
    /// What the issuer sends in place of its keys.
    pub(crate) document: Document,
}

pub(crate) type Document = Arc<Mutex<Option<&'static str>>>;

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(|issuer| issuer)
    }

    /// Creates a fixture whose keys are fetched again every 10 s.
    pub(crate) fn with(settings: impl FnOnce(Issuer) -> Issuer) -> Self {
        let clock = Clock::manual(NOW);
        let issuer = local_issuer(ISSUER, &clock);
        let trusted = Verifier::kinde("acme")
            .audience(AUDIENCE)
            .keys_time_to_live(Duration::from_secs(10));
        let document = Document::default();
        let trusted = settings(with_keys_of(trusted, &issuer, &document));
        let denylist = Denylist::new();
        let builder = Verifier::builder([trusted]).denylist(denylist.clone());
        let verifier = built(builder, &clock);
        Self {
            issuer,
            clock,
            denylist,
            verifier,
            document,
        }
    }

    /// Denies an organization.
    pub(crate) fn deny(&self, organization: &str) {
        self.deny_entry(DenylistEntry::organization(ISSUER, organization));
    }

    pub(crate) fn deny_entry(&self, entry: DenylistEntry) {
        self.denylist.deny(entry, EntryExpiry::Never).unwrap();
    }

    /// Opens a stream of `org_a`.
    pub(crate) async fn open(&self) -> OpenStream {
        self.open_with(&self.verifier.layer(), &self.token()).await
    }

    /// Opens a stream on a layer that ends streams.
    pub(crate) async fn open_with(
        &self,
        layer: &AuthorizeLayer,
        token: &TokenBuilder,
    ) -> OpenStream {
        open(layer.clone().end_streams(), token, Response::new(())).await
    }

    pub(crate) fn token(&self) -> TokenBuilder {
        self.issuer
            .org("org_a")
            .expires_in(Duration::from_secs(3600))
    }

    pub(crate) async fn claims(&self) -> Claims {
        self.verifier.verify(&self.token().token()).await.unwrap()
    }

    /// Returns the seconds after which a stream ended, and why, or `None` if it stays open for this
    /// many seconds.
    pub(crate) async fn end_of(
        &self,
        stream: &mut OpenStream,
        seconds: u64,
    ) -> Option<(u64, InvalidationReason)> {
        for second in 0..seconds {
            if let Ok(frame) = timeout(Duration::from_secs(1), stream.body.frame()).await {
                return Some((second, reason(&frame.unwrap().unwrap_err())));
            }
            self.clock.advance(Duration::from_secs(1));
        }
        None
    }
}

pub(crate) fn local_issuer(iss: &str, clock: &Clock) -> Arc<LocalIssuer> {
    let builder = LocalIssuer::builder()
        .algorithm(SigningAlgorithm::EdDsa)
        .clock(clock.clone());
    Arc::new(builder.in_process(iss).unwrap())
}

/// Fetches the keys of a local issuer without a socket.
pub(crate) fn with_keys_of(
    trusted: Issuer,
    issuer: &Arc<LocalIssuer>,
    document: &Document,
) -> Issuer {
    let url = issuer.url().to_owned();
    let (issuer, document) = (Arc::clone(issuer), Arc::clone(document));
    trusted
        .algorithms([Algorithm::EdDSA])
        .jwks_url(format!("{url}/jwks"))
        .fetch_with(move |_| {
            let sent = document.lock().unwrap().map(str::to_owned);
            let keys = sent.unwrap_or_else(|| issuer.jwks()).into_bytes();
            async move { Ok::<_, BoxError>(Response::new(keys)) }
        })
}

pub(crate) fn built(builder: VerifierBuilder, clock: &Clock) -> Verifier {
    builder.clock(clock.clone()).build().unwrap()
}

/// A stream that a client reads, with the sender of its data.
pub(crate) struct OpenStream {
    pub(crate) sender: UnboundedSender<Bytes>,
    pub(crate) body: ResponseBody<ChannelBody>,
}

/// Opens a stream through a layer. The response of the inner service has the head of `head`.
pub(crate) async fn open(
    layer: AuthorizeLayer,
    token: &TokenBuilder,
    head: Response<()>,
) -> OpenStream {
    open_with_headers(layer, &[], token, head).await
}

pub(crate) async fn open_with_headers(
    layer: AuthorizeLayer,
    headers: &[(&str, &str)],
    token: &TokenBuilder,
    head: Response<()>,
) -> OpenStream {
    let (sender, receiver) = unbounded_channel();
    let response = Arc::new(Mutex::new(Some(head.map(|()| ChannelBody(receiver)))));
    let inner = service_fn(move |_: Request<String>| {
        let response = response.lock().unwrap().take().expect("one request");
        async move { Ok::<_, Infallible>(response) }
    });
    let mut request = Request::get("/").header("authorization", token.bearer());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = layer
        .layer(inner)
        .oneshot(request.body(String::new()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    OpenStream {
        sender,
        body: response.into_body(),
    }
}

pub(crate) fn reason(error: &BoxError) -> InvalidationReason {
    let ended = error.downcast_ref::<StreamEnded>();
    ended.expect("the error of this crate").reason()
}

/// A body whose data a test sends.
pub(crate) struct ChannelBody(UnboundedReceiver<Bytes>);

impl Body for ChannelBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(cx)
            .map(|data| data.map(|data| Ok(Frame::data(data))))
    }
}
