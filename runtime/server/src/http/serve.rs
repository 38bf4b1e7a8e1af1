//! One port: HTTP/1.1 and HTTP/2, with prior knowledge or chosen by TLS, with limits against slow and greedy clients.

use crate::config::DoorLimits;
use crate::http::eager::eagerly;
use crate::http::error::IngressError;
use crate::http::gone::{HasEnd, Watched};
use crate::http::ingress::IDEMPOTENCY_KEY;
use crate::http::limits::{
    HEADER_BYTES_MAX, HTTP2_PING_INTERVAL, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES,
    SHUTDOWN_GRACE,
};
use crate::http::patience::Patient;
use crate::http::unread::{self, Streams};
use crate::tls::Certificate;
use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{Method, Request, Uri};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustix::net::sockopt;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::ServiceExt;

/// Pause after a failed accept: the process has no file descriptors left, and some have to close.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Requests that are not answered yet, of all ports, and streams that are not at their end. Cheap to clone.
#[derive(Clone, Default)]
pub struct OpenRequests {
    count: Arc<AtomicUsize>,
}

impl OpenRequests {
    #[must_use]
    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// Counts one more, as long as the guard lives.
    #[must_use]
    pub fn enter(&self) -> OpenRequest {
        self.count.fetch_add(1, Ordering::SeqCst);
        OpenRequest(self.clone())
    }
}

/// One that is open.
pub struct OpenRequest(OpenRequests);

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What is left of a request once it was handed over, to say in the end whether it may be asked again.
pub struct Asked {
    pub method: Method,
    pub uri: Uri,
    pub has_idempotency_key: bool,
}

impl Asked {
    fn of<B>(request: &Request<B>) -> Self {
        let has_idempotency_key = request.headers().contains_key(IDEMPOTENCY_KEY);
        Self { method: request.method().clone(), uri: request.uri().clone(), has_idempotency_key }
    }
}

/// Says of a request that was handed over whether nothing is done twice when it comes again.
pub type IsRepeatable = Arc<dyn Fn(&Asked) -> bool + Send + Sync>;

/// Serves the router on the listener until `shutdown` ends; open requests are then told that the server stops.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    is_repeatable: IsRepeatable,
    certificate: Option<Arc<Certificate>>,
    limits: DoorLimits,
    open: OpenRequests,
    shutdown: impl Future<Output = ()>,
) {
    let connection = Connections::new(router, is_repeatable, certificate, limits, open);
    let mut tasks = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let permit = connection.places.clone().acquire_owned();
        let accepted = async { (permit.await, listener.accept().await) };
        tokio::select! {
            () = &mut shutdown => break,
            // Finished tasks are collected, so that the set does not grow.
            Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
            (permit, accepted) = accepted => match (permit, accepted) {
                (Ok(permit), Ok((stream, peer))) => {
                    tasks.spawn(eagerly(connection.clone().run(stream, Peer(peer), permit)));
                }
                (_, Err(error)) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                (Err(_), _) => unreachable!("the semaphore is never closed"),
            },
        }
    }
    drop(listener);
    connection.is_stopping.send_replace(true);
    let drained = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(SHUTDOWN_GRACE, drained).await.is_err() {
        tracing::info!("closing connections whose requests are still open; their invocations go on");
    }
}

/// Who is at the other end of the connection that a request came over.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

#[derive(Clone)]
struct Connections {
    router: Router,
    is_repeatable: IsRepeatable,
    http: Builder<Streams>,
    places: Arc<Semaphore>,
    is_stopping: watch::Sender<bool>,
    certificate: Option<Arc<Certificate>>,
    limits: DoorLimits,
    open: OpenRequests,
}

impl Connections {
    fn new(
        router: Router,
        is_repeatable: IsRepeatable,
        certificate: Option<Arc<Certificate>>,
        limits: DoorLimits,
        open: OpenRequests,
    ) -> Self {
        let mut http = Builder::new(Streams::new(limits.answer_timeout));
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .max_buf_size(HEADER_BYTES_MAX);
        http.http2()
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(HEADER_BYTES_MAX).expect("the limit is small"))
            .max_concurrent_streams(limits.streams_max)
            .keep_alive_interval(HTTP2_PING_INTERVAL);
        let places = Arc::new(Semaphore::new(limits.connections_max));
        let is_stopping = watch::Sender::new(false);
        Self { router, is_repeatable, http, places, is_stopping, certificate, limits, open }
    }

    async fn run(self, stream: TcpStream, peer: Peer, _permit: OwnedSemaphorePermit) {
        // Answers are small and complete: waiting for more to send would only add latency.
        let _ = stream.set_nodelay(true);
        let _ = keep_alive(&stream);
        match self.certificate.clone() {
            None => self.talk(stream, peer).await,
            // Apart, so that a plain connection does not take the memory of a handshake.
            Some(certificate) => Box::pin(self.talk_safely(certificate, stream, peer)).await,
        }
    }

    async fn talk_safely(self, certificate: Arc<Certificate>, stream: TcpStream, peer: Peer) {
        let handshake = certificate.acceptor().accept(stream);
        match tokio::time::timeout(self.limits.handshake_timeout, handshake).await {
            Ok(Ok(stream)) => self.talk(stream, peer).await,
            Ok(Err(error)) => tracing::debug!(from = %peer.0, %error, "a TLS handshake failed"),
            Err(_) => tracing::debug!(from = %peer.0, "a TLS handshake took too long"),
        }
    }

    async fn talk(self, stream: impl AsyncRead + AsyncWrite + HasEnd + Unpin + 'static, peer: Peer) {
        let has_spoken = Arc::new(AtomicBool::new(false));
        let service = {
            let (router, has_spoken, is_stopping) =
                (self.router, has_spoken.clone(), self.is_stopping.clone());
            let (is_repeatable, open) = (self.is_repeatable, self.open.clone());
            hyper::service::service_fn(move |mut request: Request<Incoming>| {
                has_spoken.store(true, Ordering::Relaxed);
                request.extensions_mut().insert(peer);
                let (router, is_repeatable) = (router.clone(), is_repeatable.clone());
                let answer = answer(router, is_repeatable, request, open.enter(), is_stopping.subscribe());
                async move { Ok::<_, Infallible>(answer.await?.map(unread::watched)) }
            })
        };
        let look = Arc::new(AtomicBool::new(false));
        let stream = Patient::new(Watched::new(stream, look.clone()), self.limits.answer_timeout);
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let mut is_stopping = self.is_stopping.subscribe();
        // The builder's own timeout starts once it knows the version; this one covers all before. Later it says when to
        // look whether the client is gone.
        let (begun, pause) = (Instant::now(), self.limits.look_interval.min(self.limits.header_timeout));
        let mut silence = std::pin::pin!(tokio::time::sleep(pause));
        let mut is_told = false;
        loop {
            tokio::select! {
                // What goes wrong here concerns the client, and is too common to log.
                _ = connection.as_mut() => return,
                () = &mut silence => {
                    let is_silent = !has_spoken.load(Ordering::Relaxed);
                    if is_silent && begun.elapsed() >= self.limits.header_timeout {
                        return;
                    }
                    look.store(true, Ordering::Relaxed);
                    silence.as_mut().reset(Instant::now() + pause);
                }
                _ = is_stopping.wait_for(|is_stopping| *is_stopping), if !is_told => {
                    is_told = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// Has the system find out that a client is gone without a word: calls wait for their answer for days.
fn keep_alive(stream: &TcpStream) -> rustix::io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, KEEPALIVE_PROBES)
}

/// Answers a request. One that is still open when the server stops is told so in the end: calls wait
/// for their handlers, and those go on only after the next start.
async fn answer(
    router: Router,
    is_repeatable: IsRepeatable,
    request: Request<Incoming>,
    _open: OpenRequest,
    mut is_stopping: watch::Receiver<bool>,
) -> Result<Response, Infallible> {
    let asked = Asked::of(&request);
    tokio::select! {
        biased;
        response = router.oneshot(request.map(Body::new)) => response,
        // An error means that the server is gone altogether.
        _ = is_stopping.wait_for(|is_stopping| *is_stopping) => {
            Ok(IngressError::Stopping { is_repeatable: is_repeatable(&asked) }.into_response())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    async fn until(is_so: impl Fn() -> bool) {
        let waiting = async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("it comes to that");
    }

    /// That every connection is looked after is seen from the outside, by the e2e `slow_clients`; how, only from here.
    #[tokio::test]
    async fn a_silent_client_is_asked_after_a_minute_and_gone_after_another() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        assert!(!sockopt::socket_keepalive(&accepted).unwrap());
        keep_alive(&accepted).unwrap();
        assert!(sockopt::socket_keepalive(&accepted).unwrap());
        assert_eq!(sockopt::tcp_keepidle(&accepted).unwrap(), Duration::from_secs(60));
        assert_eq!(sockopt::tcp_keepintvl(&accepted).unwrap(), Duration::from_secs(15));
        assert_eq!(sockopt::tcp_keepcnt(&accepted).unwrap(), 4);
    }

    #[tokio::test]
    async fn a_client_that_is_gone_is_noticed_though_it_left_a_byte_of_a_further_request() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(std::future::pending::<Response>);
        let limits = DoorLimits { look_interval: Duration::from_millis(100), ..DoorLimits::default() };
        let open = OpenRequests::default();
        let is_repeatable: IsRepeatable = Arc::new(|_: &Asked| true);
        let stop = std::future::pending();
        tokio::spawn(serve(listener, router, is_repeatable, None, limits, open.clone(), stop));
        let requests =
            ["GET / HTTP/1.1\r\nhost: localhost\r\n\r\n", "GET / HTTP/1.1\r\nhost: localhost\r\n\r\nG"];
        for request in requests {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(request.as_bytes()).await.unwrap();
            until(|| open.count() == 1).await;
            // Who waits is not taken for gone.
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert_eq!(open.count(), 1, "{request}");
            drop(client);
            until(|| open.count() == 0).await;
        }
    }
}
