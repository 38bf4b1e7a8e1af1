//! A future that is polled again at once when it was woken while it was polled.
//!
//! hyper wakes the task of a connection for each request with a body, from within that task: reading the body tells its
//! writer, which is the same task, that there is room. The scheduler would put the connection behind all that waits and
//! wake another thread to take it.

use parking_lot::Mutex;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Polls in a row, before others have their turn.
const POLLS_MAX: u32 = 4;

const IDLE: u8 = 0;
const POLLED: u8 = 1;
/// It was woken, and has not been polled since.
const WOKEN: u8 = 2;

/// Stands between the future and whoever polls it.
struct Doorman {
    state: AtomicU8,
    outer: Mutex<Waker>,
}

impl Wake for Doorman {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Changed in any case, so that whoever polls next sees what was done before this wake-up.
        if self.state.swap(WOKEN, Ordering::AcqRel) == IDLE {
            self.outer.lock().wake_by_ref();
        }
    }
}

/// Runs the future. No wake-up is lost: one that comes while it is polled makes for one more poll.
pub async fn eagerly<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let doorman = Arc::new(Doorman { state: AtomicU8::new(IDLE), outer: Mutex::new(Waker::noop().clone()) });
    let waker = Waker::from(doorman.clone());
    poll_fn(move |context| {
        doorman.outer.lock().clone_from(context.waker());
        for _ in 0..POLLS_MAX {
            doorman.state.swap(POLLED, Ordering::AcqRel);
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Poll::Ready(output);
            }
            let rests = doorman.state.compare_exchange(POLLED, IDLE, Ordering::AcqRel, Ordering::Acquire);
            if rests.is_ok() {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;
    use tokio::sync::mpsc;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Outer(AtomicUsize);

    impl Wake for Outer {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Is over when it was polled so often; wakes itself each time until then.
    fn restless(polls: u32) -> impl Future<Output = ()> {
        let mut left = polls;
        poll_fn(move |context| {
            left -= 1;
            if left == 0 {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
    }

    #[test]
    fn who_wakes_itself_is_polled_at_once_and_others_have_their_turn_in_the_end() {
        let outer = Arc::new(Outer::default());
        let waker = Waker::from(outer.clone());
        let mut context = Context::from_waker(&waker);
        let mut poll = |polls| {
            let mut future = pin!(eagerly(restless(polls)));
            let before = outer.0.load(Ordering::SeqCst);
            let turns = (1..).find(|_| future.as_mut().poll(&mut context).is_ready());
            (turns, outer.0.load(Ordering::SeqCst) - before)
        };
        assert_eq!(poll(1), (Some(1), 0));
        assert_eq!(poll(POLLS_MAX), (Some(1), 0));
        assert_eq!(poll(POLLS_MAX + 1), (Some(2), 1));
        assert_eq!(poll(3 * POLLS_MAX), (Some(3), 2));
    }

    #[test]
    fn who_is_woken_between_polls_wakes_the_outer_task_once() {
        let outer = Arc::new(Outer::default());
        let waker = Waker::from(outer.clone());
        let (send, mut receive) = mpsc::unbounded_channel();
        let mut future = pin!(eagerly(async { (receive.recv().await, receive.recv().await) }));
        let mut poll = || future.as_mut().poll(&mut Context::from_waker(&waker));
        assert_eq!(poll(), Poll::Pending);
        send.send(1).unwrap();
        assert_eq!((outer.0.load(Ordering::SeqCst), poll()), (1, Poll::Pending));
        send.send(2).unwrap();
        assert_eq!((outer.0.load(Ordering::SeqCst), poll()), (2, Poll::Ready((Some(1), Some(2)))));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_wake_up_of_other_threads_is_lost() {
        const ROUNDS: u32 = 20_000;
        let (ask, mut asked) = mpsc::channel::<u32>(1);
        let (answer, mut answered) = mpsc::channel::<u32>(1);
        let echo = tokio::spawn(eagerly(async move {
            while let Some(number) = asked.recv().await {
                answer.send(number).await.unwrap();
            }
        }));
        let caller = eagerly(async move {
            for number in 0..ROUNDS {
                ask.send(number).await.unwrap();
                assert_eq!(answered.recv().await, Some(number));
            }
        });
        tokio::time::timeout(Duration::from_secs(60), tokio::spawn(caller)).await.unwrap().unwrap();
        echo.await.unwrap();
    }
}
