//! Where long computations go on: on threads that stand back behind all others.
//!
//! An attempt begins on the threads that serve everybody. When it computes for long without waiting, it
//! is handed over to these, and comes back when it waits. One of very many that a service asks for begins on others
//! like them, further behind, and stays. So what others need for a call is theirs.

use std::io;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;
use tracing::{Instrument, Span};

/// How far threads stand back.
#[derive(Clone, Copy, Debug)]
enum Stand {
    /// About a quarter of a busy machine is left to them, so that a long computation comes to its end.
    Back,
    /// As little as a thread can ask for, and in short slices. A low priority alone is not enough: since Linux 6.6 who is
    /// running keeps the processor for the rest of its slice, some milliseconds. Running only when nobody else does
    /// (`SCHED_IDLE`) would be too little: beside another program that keeps the processors busy, such a thread that is
    /// interrupted while it holds a lock keeps the whole server waiting, for 0.3 to 0.4 s as measured.
    Behind,
}

const NICENESS: i32 = 5;
const NICENESS_OF_CROWD: i32 = 19;
/// The least that Linux gives. Before 6.12 it takes no notice.
const SLICE_OF_CROWD: Duration = Duration::from_micros(100);

/// Says whether an attempt belongs in the background, because it computes for long. Its budget sets it, whoever
/// polls it looks.
#[derive(Clone, Debug, Default)]
pub struct Heavy(Arc<AtomicBool>);

impl Heavy {
    pub fn set(&self, computes: bool) {
        self.0.store(computes, Ordering::Relaxed);
    }

    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Something that is polled, wherever.
pub type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The threads, twice as many as there are processors.
pub struct Background {
    heavy: Threads,
    crowd: Threads,
}

/// Have neither timers nor sockets of their own: those of an attempt stay with the others. Taken when this is dropped.
struct Threads(Option<Runtime>);

impl Threads {
    fn start(name: &'static str, stand: Stand) -> io::Result<Self> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name(name)
            .on_thread_start(move || stand.take())
            .build()?;
        Ok(Self(Some(runtime)))
    }

    fn runtime(&self) -> &Runtime {
        self.0.as_ref().expect("it is there until this is dropped")
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // What computes is left to itself: waiting for it is not allowed where this may be dropped.
        self.0.take().map(Runtime::shutdown_background).unwrap_or_default();
    }
}

impl Background {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system has no threads left.
    pub fn start() -> io::Result<Self> {
        let heavy = Threads::start("guest-heavy", Stand::Back)?;
        Ok(Self { heavy, crowd: Threads::start("guest-crowd", Stand::Behind)? })
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

    /// Polls work of a crowd to its end, on the threads for that. Timers and sockets that it makes are of `home`. When
    /// this is dropped, the work is dropped as well, at its next yield.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static, home: Handle) {
        let mut work = Box::pin(work);
        self.crowd.runtime().spawn(std::future::poll_fn(move |context| {
            let _at_home = home.enter();
            work.as_mut().poll(context)
        }));
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

impl Stand {
    /// Lets this thread stand there, where the system can do that for a thread.
    fn take(self) {
        if !cfg!(target_os = "linux") {
            return;
        }
        let niceness = match self {
            Self::Back => NICENESS,
            Self::Behind => NICENESS_OF_CROWD,
        };
        if let Err(error) = rustix::process::nice(niceness) {
            tracing::warn!(%error, "guests in the background get the priority of all others");
        }
        if let Self::Behind = self
            && let Err(error) = run_in_slices(SLICE_OF_CROWD, niceness)
        {
            tracing::warn!(%error, "guests of a crowd keep the processor for longer than they should");
        }
    }
}

/// Asks for slices of this length for this thread.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the system speaks C")]
fn run_in_slices(slice: Duration, niceness: i32) -> io::Result<()> {
    let attributes = libc::sched_attr {
        size: u32::try_from(size_of::<libc::sched_attr>()).expect("it is small"),
        sched_policy: libc::SCHED_OTHER.cast_unsigned(),
        sched_flags: 0,
        sched_nice: niceness,
        sched_priority: 0,
        sched_runtime: u64::try_from(slice.as_nanos()).expect("a slice is short"),
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the kernel reads the attributes during the call, and no more than their size.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(target_os = "linux"))]
fn run_in_slices(_: Duration, _: i32) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_behind() -> bool {
        std::thread::current().name() == Some("guest-heavy")
    }

    fn is_of_crowd() -> bool {
        std::thread::current().name() == Some("guest-crowd")
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

    /// Returns niceness and policy of this thread, as the kernel tells them.
    #[cfg(target_os = "linux")]
    fn stand() -> (i32, i32) {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        // Fields 19 and 41, counted from the first; the name in brackets is the second.
        (fields[16].parse().unwrap(), fields[38].parse().unwrap())
    }

    /// Returns the slices of this thread, where the kernel tells them, and lets threads choose: since 6.12.
    #[cfg(target_os = "linux")]
    fn slice() -> Option<Duration> {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        let version: Vec<u32> =
            release.split(['.', '-']).map_while(|part| part.trim().parse().ok()).collect();
        let known = std::fs::read_to_string("/proc/thread-self/sched").ok()?;
        let line = known.lines().find(|line| line.starts_with("se.slice"))?;
        let nanos = line.rsplit(':').next()?.trim().parse().ok()?;
        (version >= vec![6, 12]).then_some(Duration::from_nanos(nanos))
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_can_ask_for_short_slices() {
        let thread = std::thread::spawn(|| (run_in_slices(SLICE_OF_CROWD, NICENESS_OF_CROWD), slice()));
        let (asked, slice) = thread.join().unwrap();
        asked.unwrap();
        assert!(slice.is_none_or(|slice| slice == SLICE_OF_CROWD), "{slice:?}");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn threads_stand_where_they_should() {
        let background = Background::start().unwrap();
        let (tell, told) = tokio::sync::oneshot::channel();
        background.spawn(async { tell.send(stand()).unwrap() }, Handle::current());
        assert_eq!(told.await, Ok((NICENESS_OF_CROWD, libc::SCHED_OTHER)));
        let heavy = background.heavy.runtime().spawn(async { stand() });
        assert_eq!((heavy.await.unwrap(), stand().1), ((NICENESS, libc::SCHED_OTHER), libc::SCHED_OTHER));
    }

    #[tokio::test]
    async fn what_begins_there_stays_there_with_timers_of_here() {
        let background = Background::start().unwrap();
        let (done, is_done) = tokio::sync::oneshot::channel();
        let work = async {
            let begins = is_of_crowd();
            tokio::time::sleep(Duration::from_millis(1)).await;
            let elsewhere = tokio::spawn(async { is_of_crowd() }).await.unwrap();
            done.send((begins, is_of_crowd(), elsewhere)).unwrap();
        };
        background.spawn(work, Handle::current());
        assert_eq!(is_done.await, Ok((true, true, false)));
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
