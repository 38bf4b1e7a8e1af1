//! Answers over HTTP/2 that their client does not take.
//!
//! Over HTTP/1.1 a client that does not read stops the connection, and [`super::patience`] notices. Over HTTP/2 it can keep
//! the connection busy and open no window for an answer, which would be in memory for ever. So large answers are given
//! in portions, and a connection with one of which the next portion was not asked for in time is closed.

use axum::body::{Body, Bytes};
use http_body::{Body as _, Frame, SizeHint};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A portion of an answer: as much as a client takes of a stream at once, by default of the protocol. What is smaller is
/// with the connection at once, as long as that lives.
const PORTION_BYTES: usize = 64 << 10;

/// The answers of one connection that wait for their client.
#[derive(Default)]
pub struct Unread {
    state: Mutex<State>,
    /// Somebody waits, and nobody did before.
    begins: Notify,
}

#[derive(Default)]
struct State {
    next: u64,
    /// Since when, by the number of the answer.
    waiting: BTreeMap<u64, Instant>,
}

impl Unread {
    /// Returns the body as one whose portions are watched.
    pub fn watch(self: &Arc<Self>, body: Body) -> Body {
        let number = {
            let mut state = self.state.lock();
            state.next += 1;
            state.next
        };
        Body::new(Portions { body, rest: Bytes::new(), number, unread: self.clone() })
    }

    /// Returns once an answer has waited so long for its client.
    pub async fn has_waited(&self, patience: Duration) {
        loop {
            match self.oldest() {
                None => self.begins.notified().await,
                Some(since) => match patience.saturating_sub(since.elapsed()) {
                    Duration::ZERO => return,
                    left => tokio::time::sleep(left).await,
                },
            }
        }
    }

    /// Returns since when the answer waits that has waited for longest.
    fn oldest(&self) -> Option<Instant> {
        self.state.lock().waiting.values().min().copied()
    }

    fn waits(&self, number: u64) {
        let mut state = self.state.lock();
        if state.waiting.is_empty() {
            self.begins.notify_one();
        }
        state.waiting.insert(number, Instant::now());
    }

    fn goes_on(&self, number: u64) {
        self.state.lock().waiting.remove(&number);
    }
}

struct Portions {
    body: Body,
    /// What is left of a frame.
    rest: Bytes,
    number: u64,
    unread: Arc<Unread>,
}

impl Portions {
    fn poll_portion(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)).transpose()?.map(Frame::into_data) {
                None => return Poll::Ready(None),
                Some(Err(trailers)) => return Poll::Ready(Some(Ok(trailers))),
                Some(Ok(data)) => self.rest = data,
            }
        }
        let portion = self.rest.split_to(self.rest.len().min(PORTION_BYTES));
        Poll::Ready(Some(Ok(Frame::data(portion))))
    }
}

impl http_body::Body for Portions {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.unread.goes_on(self.number);
        let portion = ready!(self.poll_portion(context));
        if matches!(portion, Some(Ok(_))) {
            self.unread.waits(self.number);
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

impl Drop for Portions {
    fn drop(&mut self) {
        self.unread.goes_on(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use std::convert::Infallible;
    use std::task::Waker;
    use tokio::sync::oneshot;

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

    fn at_once(body: &mut Body) -> Option<Frame<Bytes>> {
        let polled = Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()));
        match polled {
            Poll::Ready(frame) => frame.transpose().unwrap(),
            Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn portions_are_the_whole_and_wait_for_their_client() {
        let unread = Arc::new(Unread::default());
        let whole: Bytes = (0..PORTION_BYTES * 2 + 10).map(|at| at.to_le_bytes()[0]).collect();
        let mut body = unread.watch(Body::from(whole.clone()));
        let mut read = Vec::new();
        for left in [whole.len(), PORTION_BYTES + 10, 10] {
            assert_eq!((body.is_end_stream(), body.size_hint().exact()), (false, Some(left as u64)));
            let portion = body.frame().await.unwrap().unwrap().into_data().unwrap();
            assert_eq!((portion.len(), unread.oldest().is_some()), (left.min(PORTION_BYTES), true));
            read.extend_from_slice(&portion);
        }
        assert_eq!((read, body.is_end_stream()), (whole.to_vec(), true));
        drop(body);
        assert_eq!(unread.oldest(), None, "who is gone waits no more");
    }

    #[tokio::test]
    async fn a_stream_that_has_nothing_to_say_does_not_wait_for_its_client() {
        let unread = Arc::new(Unread::default());
        let (told, tells) = oneshot::channel();
        let mut body = unread.watch(Body::new(Late(tells)));
        assert!(at_once(&mut body).is_none() && unread.oldest().is_none());
        told.send("late".into()).unwrap();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "late");
        assert!(unread.oldest().is_some());
    }

    #[tokio::test]
    async fn the_one_that_waits_for_longest_counts() {
        const PATIENCE: Duration = Duration::from_millis(50);
        let unread = Arc::new(Unread::default());
        let begins = Instant::now();
        let watching = tokio::spawn({
            let unread = unread.clone();
            async move { unread.has_waited(PATIENCE).await }
        });
        tokio::task::yield_now().await;
        let mut bodies = [(); 2].map(|()| unread.watch(Body::from("an answer")));
        for body in &mut bodies {
            body.frame().await.unwrap().unwrap();
        }
        bodies[0].frame().await.transpose().unwrap();
        watching.await.unwrap();
        assert!(begins.elapsed() >= PATIENCE);
    }
}
