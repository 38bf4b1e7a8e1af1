//! A backup of the server, as a stream.

use crate::engine::EngineError;
use crate::http::admin::blocking;
use crate::http::error::AdminError;
use crate::http::limits::{BACKUP_PACE_BYTES, BACKUP_STALL_TIMEOUT};
use crate::http::{AppState, OpenRequest};
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header;
use http_body::Frame;
use std::convert::Infallible;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

const CONTENT_TYPE: &str = "application/x-abide-backup";
/// Pieces that wait for the client; its reading sets the pace.
const PIECES_WAITING: usize = 4;
const PIECE_BYTES: usize = 256 << 10;

/// Makes a backup of everything, while the server works.
///
/// The answer is a stream of frames, which `abide backup` makes a folder of. It holds everything that was acknowledged before
/// it began. One at a time. When the client reads too slowly, or the disk becomes nearly full, the backup is given up. A
/// stop of the server waits for it as for any request.
#[utoipa::path(
    post,
    path = "/backup",
    tag = "server",
    responses((status = 200, body = [u8], content_type = "application/x-abide-backup")),
)]
pub async fn take(State(state): State<AppState>) -> Result<Response, AdminError> {
    if let Some(reason) = state.engine.closing() {
        return Err(EngineError::Stopped { reason: reason.into() }.into());
    }
    let open = state.open.enter();
    // It waits for what is being applied to the index.
    let begun = blocking(move || state.backups.begin().map_err(AdminError::Backup)).await?;
    let begun = begun.ok_or(AdminError::NothingToBackUp)?;
    let (pieces, waiting) = mpsc::channel(PIECES_WAITING);
    let mut out = Out::new(pieces, BACKUP_STALL_TIMEOUT, BACKUP_PACE_BYTES);
    tokio::task::spawn_blocking(move || match begun.send(&mut out) {
        Ok(manifest) => {
            let (last, bytes) = (manifest.last, manifest.bytes());
            tracing::info!(last, bytes, "a backup was taken");
        }
        Err(error) => tracing::warn!(%error, "a backup was not finished"),
    });
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], Body::new(Pieces { waiting, _open: open })).into_response())
}

/// Where a backup is written to: pieces for the client, which gets some time for so many bytes of them.
struct Out {
    pieces: mpsc::Sender<Bytes>,
    pending: Vec<u8>,
    patience: Duration,
    pace_bytes: usize,
    /// Since the client had read `pace_bytes` the last time: how long it was waited for, and what it read.
    waited: Duration,
    read_bytes: usize,
    runtime: Handle,
}

impl Out {
    fn new(pieces: mpsc::Sender<Bytes>, patience: Duration, pace_bytes: usize) -> Self {
        let (pending, runtime) = (Vec::new(), Handle::current());
        Self { pieces, pending, patience, pace_bytes, waited: Duration::ZERO, read_bytes: 0, runtime }
    }

    fn note(&mut self, waited: Duration, bytes: usize) {
        self.waited += waited;
        self.read_bytes += bytes;
        if self.read_bytes >= self.pace_bytes {
            (self.waited, self.read_bytes) = (Duration::ZERO, 0);
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(&mut self.pending));
        let (bytes, since) = (piece.len(), Instant::now());
        let sending = self.pieces.send_timeout(piece, self.patience.saturating_sub(self.waited));
        self.runtime.block_on(sending).map_err(|error| match error {
            mpsc::error::SendTimeoutError::Timeout(_) => {
                let (kib, seconds) = (self.pace_bytes >> 10, self.patience.as_secs());
                let why = format!("the client read less than {kib} KiB in {seconds} s");
                io::Error::new(io::ErrorKind::TimedOut, why)
            }
            mpsc::error::SendTimeoutError::Closed(_) => {
                io::Error::new(io::ErrorKind::BrokenPipe, "the client went away")
            }
        })?;
        self.note(since.elapsed(), bytes);
        Ok(())
    }
}

/// The body that the client gets.
struct Pieces {
    waiting: mpsc::Receiver<Bytes>,
    _open: OpenRequest,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.waiting.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_that_does_not_read_is_given_up() {
        let (pieces, mut waiting) = mpsc::channel(1);
        let mut out = Out::new(pieces, Duration::from_millis(20), 1);
        let written = tokio::task::spawn_blocking(move || {
            let first = out.write(&[1; PIECE_BYTES]).and_then(|_| out.flush());
            let second = out.write(&[2; PIECE_BYTES]).map(drop);
            (first.is_ok(), second.unwrap_err().kind())
        });
        assert_eq!(written.await.unwrap(), (true, io::ErrorKind::TimedOut));
        assert_eq!(waiting.recv().await.unwrap().len(), PIECE_BYTES);
        assert_eq!(waiting.recv().await, None);
    }

    /// Writes so many pieces to a client that takes its time for each; returns why it was given up, if it was.
    async fn read_slowly(pace_bytes: usize, count: usize) -> Option<io::ErrorKind> {
        let (pieces, mut waiting) = mpsc::channel(1);
        let mut out = Out::new(pieces, Duration::from_millis(500), pace_bytes);
        let written = tokio::task::spawn_blocking(move || {
            (0..count).try_for_each(|_| out.write(&[1; PIECE_BYTES]).map(drop))
        });
        while waiting.recv().await.is_some() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        written.await.unwrap().err().map(|error| error.kind())
    }

    /// No single piece takes long.
    #[tokio::test]
    async fn a_client_that_reads_by_drops_is_given_up_too() {
        assert_eq!(read_slowly(usize::MAX, 100).await, Some(io::ErrorKind::TimedOut));
        assert_eq!(read_slowly(PIECE_BYTES, 40).await, None, "it keeps the pace");
    }
}
