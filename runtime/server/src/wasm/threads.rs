//! Threads that stand back: what runs there leaves the processors to others.

use std::io;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// How far threads stand back.
#[derive(Clone, Copy, Debug)]
pub enum Stand {
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

/// Have neither timers nor sockets of their own: those of an attempt stay with the others. Taken when this is dropped.
pub struct Threads(Option<Runtime>);

impl Threads {
    /// Starts as many as there are processors. One that has nothing to do calls `rests` before it sleeps.
    ///
    /// # Errors
    /// The system has no threads left.
    pub fn start(
        name: &'static str,
        stand: Stand,
        rests: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name(name)
            .on_thread_start(move || stand.take())
            .on_thread_park(rests)
            .build()?;
        Ok(Self(Some(runtime)))
    }

    pub fn runtime(&self) -> &Runtime {
        self.0.as_ref().expect("it is there until this is dropped")
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // What computes is left to itself: waiting for it is not allowed where this may be dropped.
        self.0.take().map(Runtime::shutdown_background).unwrap_or_default();
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
        let stand_of = async |stand: Stand| {
            let threads = Threads::start("guest-test", stand, || {}).unwrap();
            threads.runtime().spawn(async { self::stand() }).await.unwrap()
        };
        // Whoever starts the tests may stand back already.
        let back = (stand().0 + NICENESS).min(NICENESS_OF_CROWD);
        assert_eq!(stand_of(Stand::Back).await, (back, libc::SCHED_OTHER));
        assert_eq!(stand_of(Stand::Behind).await, (NICENESS_OF_CROWD, libc::SCHED_OTHER));
        assert_eq!(stand().1, libc::SCHED_OTHER);
    }
}
