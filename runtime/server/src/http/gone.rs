//! A client over HTTP/1 that is gone while its request is open.
//!
//! hyper hears of the end of a connection only as long as it reads from it, and it reads nothing while it has bytes of a
//! further request. One such byte would keep the request of a client that is gone, for ever if need be. So the
//! connection is looked at now and then.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// A stream that knows whether its other end sends no more.
pub trait HasEnd {
    fn is_at_end(&self) -> bool;
}

impl HasEnd for TcpStream {
    fn is_at_end(&self) -> bool {
        let ready = pin!(self.ready(Interest::READABLE));
        match ready.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(ready)) => ready.is_read_closed(),
            Poll::Ready(Err(_)) | Poll::Pending => false,
        }
    }
}

impl HasEnd for TlsStream<TcpStream> {
    fn is_at_end(&self) -> bool {
        self.get_ref().0.is_at_end()
    }
}

/// A stream that breaks when it is asked to look, its other end sends no more, and nothing was read of it since it was
/// asked before: who still reads finds the end alone. It looks when it is polled next.
pub struct Watched<S> {
    stream: S,
    look: Arc<AtomicBool>,
    is_read: bool,
}

impl<S: HasEnd> Watched<S> {
    pub fn new(stream: S, look: Arc<AtomicBool>) -> Self {
        Self { stream, look, is_read: false }
    }

    fn check(&mut self) -> io::Result<()> {
        let is_asked = self.look.load(Ordering::Relaxed) && self.look.swap(false, Ordering::Relaxed);
        if is_asked && !std::mem::take(&mut self.is_read) && self.stream.is_at_end() {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the client is gone"));
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.is_read |= read.is_ready();
        read
    }
}

impl<S: AsyncWrite + HasEnd + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Each poll of a connection ends with this, whether or not there is something to write.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
