//! The socket. It accepts connections, and closes all of them on a stop signal.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use super::routes;
use super::state::IssuerState;

/// A running server. If it is dropped, it stops.
pub(super) struct Server {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) fn spawn(listener: TcpListener, shared: Arc<IssuerState>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(accept(listener, shared, stopped));
        Self {
            stop: Some(stop),
            task,
        }
    }

    /// Stops the server and waits until the port and every connection are closed.
    pub(super) async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            // An error means that the task has already ended.
            let _ = stop.send(());
        }
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    shared: Arc<IssuerState>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&shared)));
                }
                // Probably out of file descriptors: wait until other connections are closed.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn serve(stream: TcpStream, shared: Arc<IssuerState>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { routes::answer(&shared, request).await }
    });
    // The connection is closed, by the client or by a fault.
    let _: Result<(), _> = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
