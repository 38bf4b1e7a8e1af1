//! What a guest writes, and logs: lines of its invocation, silent while replaying.

use crate::clock::{Clock, SystemClock};
use crate::logs::{GuestLogs, Level, Line, Source};
use abide_core::ids::{Attempt, InvocationId};
use abide_core::limits::cut;
use abide_core::target::Target;
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tracing::Span;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// Bytes of stderr kept for the message of a panic.
const TAIL_BYTES_MAX: usize = 4 << 10;
/// Bytes of one line; a longer one that is printed is split, one that is logged is cut.
pub const LINE_BYTES_MAX: usize = 16 << 10;
/// What a line counts apart from its text: the server writes before it when it came, and whose it is.
const LINE_OVERHEAD_BYTES: usize = 32;
/// Bytes a guest may write in one call.
const WRITE_BYTES_MAX: usize = 64 << 10;
/// Room that is kept for the next line.
const PARTIAL_BYTES_KEPT: usize = 1 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// Where lines are kept, and whose they are.
pub struct Keep {
    pub logs: GuestLogs,
    pub invocation: InvocationId,
    pub attempt: Attempt,
    pub target: Arc<Target>,
}

/// The output of one attempt.
pub struct Output {
    /// None: it belongs to no invocation, and only the server's log shows it.
    keep: Option<Keep>,
    is_silent: AtomicBool,
    budget: AtomicUsize,
    tail: Mutex<VecDeque<u8>>,
}

impl Output {
    pub fn new(keep: Option<Keep>, bytes_max: usize) -> Arc<Self> {
        Arc::new(Self {
            keep,
            is_silent: AtomicBool::new(false),
            budget: AtomicUsize::new(bytes_max),
            tail: Mutex::default(),
        })
    }

    pub fn set_silent(&self, is_silent: bool) {
        self.is_silent.store(is_silent, Ordering::Relaxed);
    }

    /// Returns the last lines the guest wrote to stderr.
    pub fn stderr_tail(&self) -> String {
        let mut tail = self.tail.lock();
        String::from_utf8_lossy(tail.make_contiguous()).trim().to_owned()
    }

    pub fn writer(self: &Arc<Self>, stream: Stream) -> Writer {
        Writer { output: self.clone(), stream }
    }

    /// Says whether a log line of so many bytes may be written; says once that the budget is used up.
    pub fn may_log(&self, bytes: usize) -> bool {
        let bytes = bytes.saturating_add(LINE_OVERHEAD_BYTES);
        if self.is_silent.load(Ordering::Relaxed) {
            return false;
        }
        let spend = |budget: usize| (budget > 0).then(|| budget.saturating_sub(bytes));
        match self.budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend) {
            Ok(before) if before <= bytes => {
                let notice = "the guest's log is full (guest log_bytes_max); what follows is dropped";
                self.whose().in_scope(|| tracing::warn!("{notice}"));
                self.keep(Level::Warn, Source::Log, notice.to_owned());
                true
            }
            Ok(_) => true,
            Err(_) => false,
        }
    }

    fn line(&self, stream: Stream, line: &[u8]) {
        if !self.may_log(line.len()) {
            return;
        }
        // What is no UTF-8 takes more room as text.
        let line = cut(String::from_utf8_lossy(line).into_owned(), LINE_BYTES_MAX);
        let _whose = self.whose().entered();
        match stream {
            Stream::Stdout => tracing::info!(target: "guest", "{line}"),
            Stream::Stderr => tracing::warn!(target: "guest", "{line}"),
        }
        let (level, source) = match stream {
            Stream::Stdout => (Level::Info, Source::Stdout),
            Stream::Stderr => (Level::Warn, Source::Stderr),
        };
        self.keep(level, source, line);
    }

    /// Keeps a line that may be written with the invocation.
    pub fn keep(&self, level: Level, source: Source, message: String) {
        let Some(Keep { logs, invocation, attempt, target }) = &self.keep else { return };
        let line = Line { at: SystemClock.now(), attempt: *attempt, level, source, message };
        logs.record(*invocation, target, line);
    }

    /// Says whose the log lines are that follow. A span stands before them, where fields would come
    /// after: what a guest prints can be copied up to its end.
    pub fn whose(&self) -> Span {
        let Some(Keep { invocation, attempt, target, .. }) = &self.keep else { return Span::none() };
        tracing::error_span!(target: "guest", "attempt", %invocation, attempt, handler = %target)
    }

    fn remember(&self, bytes: &[u8]) {
        let mut tail = self.tail.lock();
        tail.extend(&bytes[bytes.len().saturating_sub(TAIL_BYTES_MAX)..]);
        let extra = tail.len().saturating_sub(TAIL_BYTES_MAX);
        tail.drain(..extra);
    }
}

/// One of the two streams, as WASI wants it.
#[derive(Clone)]
pub struct Writer {
    output: Arc<Output>,
    stream: Stream,
}

impl IsTerminal for Writer {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Writer {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Lines { writer: self.clone(), partial: Vec::new() })
    }
}

/// Cuts what is written into lines.
struct Lines {
    writer: Writer,
    partial: Vec<u8>,
}

impl Lines {
    fn put(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = piece.strip_suffix(b"\n");
            let mut rest = text.unwrap_or(piece);
            while self.partial.len() + rest.len() > LINE_BYTES_MAX {
                let (now, later) = rest.split_at(LINE_BYTES_MAX - self.partial.len());
                self.partial.extend_from_slice(now);
                self.end_line();
                rest = later;
            }
            self.partial.extend_from_slice(rest);
            if text.is_some() {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        self.writer.output.line(self.writer.stream, &self.partial);
        self.partial.clear();
        // There may be many of these, and nearly all lines are short.
        self.partial.shrink_to(PARTIAL_BYTES_KEPT);
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.partial.is_empty() {
            self.end_line();
        }
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > WRITE_BYTES_MAX {
            let message = format!(
                "the guest writes {} bytes at once, {WRITE_BYTES_MAX} are allowed (WRITE_BYTES_MAX)",
                bytes.len()
            );
            return Err(StreamError::trap(&message));
        }
        if self.writer.stream == Stream::Stderr {
            self.writer.output.remember(&bytes);
        }
        self.put(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(stream: Stream) -> Lines {
        Lines { writer: Output::new(None, 0).writer(stream), partial: Vec::new() }
    }

    #[test]
    fn more_than_is_allowed_at_once_is_a_trap() {
        let mut lines = lines(Stream::Stdout);
        lines.write(vec![b'x'; WRITE_BYTES_MAX].into()).unwrap();
        let refused = lines.write(vec![b'x'; WRITE_BYTES_MAX + 1].into()).unwrap_err();
        assert!(matches!(&refused, StreamError::Trap(_)), "{refused}");
        assert!(refused.to_string().contains("WRITE_BYTES_MAX"), "{refused}");
    }

    #[test]
    fn an_empty_line_counts_too() {
        let output = Output::new(None, 3 * LINE_OVERHEAD_BYTES);
        let written = (0..100).filter(|_| output.may_log(0)).count();
        assert_eq!(written, 3);
    }

    #[test]
    fn what_a_guest_writes_is_in_memory_for_one_line_only() {
        let mut lines = lines(Stream::Stderr);
        for _ in 0..10 {
            lines.write(vec![b'x'; WRITE_BYTES_MAX].into()).unwrap();
            assert!(lines.partial.len() <= LINE_BYTES_MAX);
        }
        let tail = lines.writer.output.tail.lock().capacity();
        assert!(tail <= 4 * TAIL_BYTES_MAX, "{tail} bytes for the tail");
        lines.write(Bytes::from_static(b"\nshort\n")).unwrap();
        assert!(lines.partial.capacity() <= PARTIAL_BYTES_KEPT);
        assert!(lines.writer.output.stderr_tail().ends_with("short"));
    }
}
