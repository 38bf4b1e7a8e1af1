//! Answers over HTTP/2 that their client does not take.
//!
//! Over HTTP/1.1 a client that does not read stops the connection, and [`super::patience`] notices. Over HTTP/2 it can keep
//! the connection busy and open no window for an answer, which would be in memory for ever. So large answers are given
//! in portions, and a stream whose next portion was not asked for in time is dropped. That resets this stream, and leaves
//! the others of the connection alone: a proxy may let many users share one.

use axum::body::{Body, Bytes};
use http_body::{Body as _, Frame, SizeHint};
use hyper::rt::Executor;
use parking_lot::Mutex;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// A portion of an answer: as much as a client takes of a stream at once, by default of the protocol. What is smaller is
/// with the connection at once, as long as that lives.
const PORTION_BYTES: usize = 64 << 10;

/// Since when a stream waits for its client to take more of its answer.
type Waiting = Arc<Mutex<Option<Instant>>>;

tokio::task_local! {
    /// That of the stream whose task it is.
    static WAITING: Waiting;
}

/// Runs streams, each as a task of its own, for as long as they do not wait for their client beyond all patience.
#[derive(Clone)]
pub struct Streams {
    patience: Duration,
}

impl Streams {
    #[must_use]
    pub fn new(patience: Duration) -> Self {
        Self { patience }
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let waiting = Waiting::default();
        tokio::spawn(WAITING.scope(waiting.clone(), patiently(stream, waiting, self.patience)));
    }
}

/// Runs a stream until it ends, or has waited so long for its client. A timer is made only when it has to wait.
async fn patiently(stream: impl Future<Output = ()>, waiting: Waiting, patience: Duration) {
    let mut stream = pin!(stream);
    let mut stalled: Option<(Instant, Pin<Box<Sleep>>)> = None;
    let patient = poll_fn(|context| {
        if stream.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let waits_since = *waiting.lock();
        let Some(since) = waits_since else {
            stalled = None;
            return Poll::Pending;
        };
        // It went on meanwhile, and waits again.
        if stalled.as_ref().is_some_and(|(of, _)| *of != since) {
            stalled = None;
        }
        let (_, timer) = stalled.get_or_insert_with(|| (since, Box::pin(tokio::time::sleep(patience))));
        ready!(timer.as_mut().poll(context));
        tracing::debug!("a client does not take its answer");
        Poll::Ready(())
    });
    patient.await;
}

/// Returns the body of an answer as one of which its stream knows whether it waits. Over HTTP/1.1 there is no such stream.
pub fn watched(body: Body) -> Body {
    match WAITING.try_with(Arc::clone) {
        Ok(waiting) => Body::new(Portions { body, rest: Bytes::new(), waiting }),
        Err(_) => body,
    }
}

struct Portions {
    body: Body,
    /// What is left of a frame of more than a portion.
    rest: Bytes,
    waiting: Waiting,
}

impl Portions {
    fn poll_portion(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)).transpose()?.map(Frame::into_data) {
                None => return Poll::Ready(None),
                Some(Err(trailers)) => return Poll::Ready(Some(Ok(trailers))),
                Some(Ok(data)) if data.len() <= PORTION_BYTES => {
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Ok(data)) => self.rest = data,
            }
        }
        // A copy: the connection may keep the last of them as long as it lives, and with a part of the whole all of it.
        let portion = self.rest.split_to(self.rest.len().min(PORTION_BYTES));
        Poll::Ready(Some(Ok(Frame::data(Bytes::copy_from_slice(&portion)))))
    }
}

impl http_body::Body for Portions {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        *self.waiting.lock() = None;
        let portion = ready!(self.poll_portion(context));
        if matches!(portion, Some(Ok(_))) {
            *self.waiting.lock() = Some(Instant::now());
        }
        Poll::Ready(portion)
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, body) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(rest + body.lower());
        if let Some(upper) = body.upper() {
            hint.set_upper(rest + upper);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use std::convert::Infallible;
    use std::task::Waker;
    use tokio::sync::oneshot;
    use tokio::sync::oneshot::error::TryRecvError;

    /// A body whose only frame comes from elsewhere.
    struct Late(oneshot::Receiver<Bytes>);

    impl http_body::Body for Late {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Pin::new(&mut self.0).poll(context).map(|told| told.ok().map(|data| Ok(Frame::data(data))))
        }
    }

    /// Bytes whose owner tells when nobody has of them any more.
    struct Owned {
        bytes: Vec<u8>,
        _lives: oneshot::Sender<()>,
    }

    impl AsRef<[u8]> for Owned {
        fn as_ref(&self) -> &[u8] {
            &self.bytes
        }
    }

    /// Returns the body as in the task of a stream that waits as this says.
    fn watched_by(waiting: &Waiting, body: Body) -> Body {
        WAITING.sync_scope(waiting.clone(), || watched(body))
    }

    fn waits(waiting: &Waiting) -> bool {
        waiting.lock().is_some()
    }

    fn at_once(body: &mut Body) -> Option<Frame<Bytes>> {
        let polled = Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()));
        match polled {
            Poll::Ready(frame) => frame.transpose().unwrap(),
            Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn portions_are_the_whole_and_wait_for_their_client() {
        let waiting = Waiting::default();
        let whole: Bytes = (0..PORTION_BYTES * 2 + 10).map(|at| at.to_le_bytes()[0]).collect();
        let mut body = watched_by(&waiting, Body::from(whole.clone()));
        let mut read = Vec::new();
        for left in [whole.len(), PORTION_BYTES + 10, 10] {
            assert_eq!((body.is_end_stream(), body.size_hint().exact()), (false, Some(left as u64)));
            let portion = body.frame().await.unwrap().unwrap().into_data().unwrap();
            assert_eq!((portion.len(), waits(&waiting)), (left.min(PORTION_BYTES), true));
            read.extend_from_slice(&portion);
        }
        assert_eq!((read, body.is_end_stream()), (whole.to_vec(), true));
        assert!(body.frame().await.is_none() && !waits(&waiting), "there is nothing to wait for");
    }

    #[tokio::test]
    async fn who_keeps_portions_does_not_keep_the_whole() {
        let (lives, mut gone) = oneshot::channel();
        let whole = Bytes::from_owner(Owned { bytes: vec![7; PORTION_BYTES * 2 + 10], _lives: lives });
        let mut body = watched_by(&Waiting::default(), Body::from(whole));
        let mut kept = Vec::new();
        for _ in 0..3 {
            assert_eq!(gone.try_recv(), Err(TryRecvError::Empty));
            kept.push(body.frame().await.unwrap().unwrap());
        }
        assert!(body.is_end_stream());
        assert_eq!((kept.len(), gone.try_recv()), (3, Err(TryRecvError::Closed)));
    }

    #[tokio::test]
    async fn a_stream_that_has_nothing_to_say_does_not_wait_for_its_client() {
        let waiting = Waiting::default();
        let (told, tells) = oneshot::channel();
        let mut body = watched_by(&waiting, Body::new(Late(tells)));
        assert!(at_once(&mut body).is_none() && !waits(&waiting));
        told.send("late".into()).unwrap();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "late");
        assert!(waits(&waiting));
    }

    #[tokio::test]
    async fn who_waits_too_long_for_its_client_is_dropped_and_who_goes_on_is_not() {
        const PATIENCE: Duration = Duration::from_millis(20);
        let (waiting, (lives, dropped)) = (Waiting::default(), oneshot::channel::<()>());
        let stream = {
            let waiting = waiting.clone();
            async move {
                let _lives = lives;
                for _ in 0..4 {
                    *waiting.lock() = Some(Instant::now());
                    tokio::time::sleep(PATIENCE / 2).await;
                }
                *waiting.lock() = None;
                tokio::time::sleep(PATIENCE * 2).await;
                *waiting.lock() = Some(Instant::now());
                std::future::pending().await
            }
        };
        let begins = Instant::now();
        patiently(stream, waiting, PATIENCE).await;
        assert!(begins.elapsed() >= PATIENCE * 5, "{:?}", begins.elapsed());
        assert!(dropped.await.is_err());
    }
}
