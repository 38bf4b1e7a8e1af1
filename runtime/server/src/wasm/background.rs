//! Where long computations go on: on threads that stand back behind all others.
//!
//! An attempt begins on the threads that serve everybody. When it computes for long without waiting, it
//! is handed over to these, and comes back when it waits.

use super::threads::{Stand, Threads};
use crate::clock;
use std::io;
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::{Instrument, Span};

/// Says whether an attempt belongs in the background, because it computes for long. Its budget sets it, whoever
/// polls it looks.
#[derive(Clone, Debug, Default)]
pub struct Heavy(Arc<Told>);

#[derive(Debug, Default)]
struct Told {
    computes: AtomicBool,
    ticks: AtomicU32,
    /// What the thread had worked when the guest went on; 0 where nobody says so.
    went_on_nanos: AtomicU64,
}

impl Heavy {
    pub fn set(&self, computes: bool) {
        self.0.computes.store(computes, Ordering::Relaxed);
    }

    pub fn get(&self) -> bool {
        self.0.computes.load(Ordering::Relaxed)
    }

    /// The guest stops for a tick in the middle of its computation.
    pub fn tick(&self) {
        self.0.ticks.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how often it did.
    pub fn ticks(&self) -> u32 {
        self.0.ticks.load(Ordering::Relaxed)
    }

    /// Polls a guest. Before it goes on after a tick, what its thread had worked is noted; most come to a wait without
    /// one, and to ask the system takes time.
    pub async fn note<T>(&self, guest: impl Future<Output = T>) -> T {
        let mut guest = pin!(guest);
        let mut seen = self.ticks();
        std::future::poll_fn(|context| {
            let ticks = self.ticks();
            if std::mem::replace(&mut seen, ticks) == ticks {
                self.0.went_on_nanos.store(0, Ordering::Relaxed);
            } else {
                self.goes_on();
            }
            guest.as_mut().poll(context)
        })
        .await
    }

    /// The guest goes on, on this thread.
    pub fn goes_on(&self) {
        self.0.went_on_nanos.store(worked_nanos(), Ordering::Relaxed);
    }

    /// Returns how long the guest has worked since it went on, or since it was asked; None where that is not known. Other
    /// than the time that went by, it does not count what others did meanwhile.
    pub fn worked(&self) -> Option<Duration> {
        let went_on = self.0.went_on_nanos.load(Ordering::Relaxed);
        if went_on == 0 {
            return None;
        }
        self.goes_on();
        let now = self.0.went_on_nanos.load(Ordering::Relaxed);
        Some(Duration::from_nanos(now.saturating_sub(went_on)))
    }
}

fn worked_nanos() -> u64 {
    clock::worked().map_or(0, |worked| u64::try_from(worked.as_nanos()).unwrap_or(u64::MAX))
}

/// Something that is polled, wherever.
pub type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The threads, as many as there are processors.
pub struct Background {
    heavy: Threads,
}

impl Background {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system has no threads left.
    pub fn start() -> io::Result<Self> {
        Ok(Self { heavy: Threads::start("guest-heavy", Stand::Back, || {})? })
    }

    /// Polls the work to its end: here, and on the threads in the background while it is heavy. When this
    /// is dropped, the work is dropped as well, there at its next yield.
    pub async fn drive<T: Send + 'static>(&self, work: Work<T>, heavy: &Heavy) -> T {
        let mut work = work;
        loop {
            if !heavy.get() {
                work = match stretch(work, Handle::current(), heavy.clone(), false).await {
                    Stretch::Done(value) => return value,
                    Stretch::Elsewhere(work) => work,
                };
                tracing::debug!("computes for long and goes on in the background");
            }
            work = match self.hand_over(work, heavy.clone()).await {
                Stretch::Done(value) => return value,
                Stretch::Elsewhere(work) => work,
            };
        }
    }

    async fn hand_over<T: Send + 'static>(&self, work: Work<T>, heavy: Heavy) -> Stretch<T> {
        let stretch = stretch(work, Handle::current(), heavy, true).instrument(Span::current());
        let mut handed_over = HandedOver(self.heavy.runtime().spawn(stretch));
        match (&mut handed_over.0).await {
            Ok(stretch) => stretch,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The server stops; nobody hears of it.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

struct HandedOver<T>(JoinHandle<Stretch<T>>);

impl<T> Drop for HandedOver<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How a stretch on the one or the other threads came to its end.
enum Stretch<T> {
    Done(T),
    Elsewhere(Work<T>),
}

/// Polls the work as long as it is heavy, or is not. Timers and sockets that it makes are of `home`.
async fn stretch<T>(mut work: Work<T>, home: Handle, heavy: Heavy, is_heavy: bool) -> Stretch<T> {
    let done = std::future::poll_fn(|context| {
        let _at_home = home.enter();
        match work.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            // Whoever goes on with it polls it at once, so no wake-up is lost.
            Poll::Pending if heavy.get() != is_heavy => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    });
    match done.await {
        Some(value) => Stretch::Done(value),
        None => Stretch::Elsewhere(work),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_behind() -> bool {
        std::thread::current().name() == Some("guest-heavy")
    }

    /// Says on which threads it is polled while it is heavy, and after that.
    async fn hop(heavy: Heavy) -> (bool, bool) {
        heavy.set(true);
        tokio::task::yield_now().await;
        let then = is_behind();
        heavy.set(false);
        tokio::task::yield_now().await;
        (then, is_behind())
    }

    #[tokio::test]
    async fn what_is_heavy_goes_and_comes_back() {
        let (background, heavy) = (Background::start().unwrap(), Heavy::default());
        for _ in 0..100 {
            assert_eq!(background.drive(Box::pin(hop(heavy.clone())), &heavy).await, (true, false));
        }
    }

    #[tokio::test]
    async fn there_it_may_wait_for_timers_of_here() {
        let (background, heavy) = (Background::start().unwrap(), Heavy::default());
        let work = {
            let heavy = heavy.clone();
            async move {
                heavy.set(true);
                tokio::task::yield_now().await;
                tokio::time::sleep(Duration::from_millis(1)).await;
                tokio::spawn(async { is_behind() }).await.unwrap()
            }
        };
        assert!(!background.drive(Box::pin(work), &heavy).await);
    }

    #[tokio::test]
    async fn a_panic_there_is_a_panic_here() {
        let background = Arc::new(Background::start().unwrap());
        let task = tokio::spawn(async move {
            let heavy = Heavy::default();
            let work = {
                let heavy = heavy.clone();
                async move {
                    heavy.set(true);
                    tokio::task::yield_now().await;
                    assert!(!is_behind(), "as it should be");
                }
            };
            background.drive(Box::pin(work), &heavy).await;
        });
        assert!(task.await.unwrap_err().is_panic());
    }

    #[tokio::test]
    async fn who_is_dropped_takes_along_what_was_handed_over() {
        let (background, heavy) = (Background::start().unwrap(), Heavy::default());
        let (held, released) = tokio::sync::oneshot::channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let work = {
            let heavy = heavy.clone();
            async move {
                let _held = held;
                heavy.set(true);
                tokio::task::yield_now().await;
                begun.send(()).unwrap();
                loop {
                    tokio::task::yield_now().await;
                }
            }
        };
        tokio::select! {
            () = background.drive(Box::pin(work), &heavy) => unreachable!("it is endless"),
            begins = begins => begins.unwrap(),
        }
        assert!(released.await.is_err(), "dropped, not sent");
    }
}
