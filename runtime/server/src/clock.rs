//! The clock: the only place that reads the time of the machine.

use crate::faults;
use abide_core::time::Timestamp;
use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// Longest single wait; after it the clock is read again, so that a clock that was set is noticed.
const NAP_MAX: Duration = Duration::from_secs(2);
/// A clock that was set back by more than this is worth a line in the log.
const STEP_TOLD_MICROS: i64 = 1_000_000;

/// Tells the time and waits for it. Tests bring one that they move.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Timestamp;
    /// Ends at `at` or somewhat earlier; the caller looks at the time again.
    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The clock of the machine, made to go on: when it is set forward it is followed, when it is set back time goes on from
/// where it was, until the next start. A clock that stood still instead would hold up every timer of the server.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        static STEADY: Steady = Steady::new();
        static START: OnceLock<Instant> = OnceLock::new();
        let start = START.get_or_init(Instant::now);
        // The machine's clock first: a pause between the two readings then makes nothing of the future.
        let machine = machine_micros();
        let elapsed = i64::try_from(start.elapsed().as_micros()).unwrap_or(i64::MAX);
        Timestamp(STEADY.at(machine, elapsed).max(0) as u64 / 1000)
    }

    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let nap = Duration::from_millis(at.millis_since(self.now())).min(NAP_MAX);
        Box::pin(tokio::time::sleep(nap))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the place that reads the clock")]
fn machine_micros() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let micros = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
    micros.saturating_add(faults::clock_offset_ms().saturating_mul(1000))
}

/// Returns for how long this thread has had a processor; None where that is not told.
pub fn worked() -> Option<Duration> {
    #[cfg(target_os = "linux")]
    {
        let worked = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Some(Duration::new(u64::try_from(worked.tv_sec).ok()?, u32::try_from(worked.tv_nsec).ok()?))
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// Makes a time that never runs backwards and never stands still of one that people set.
#[derive(Debug)]
struct Steady {
    /// The most that the machine's clock was ahead of the time since the start.
    lead: AtomicI64,
    is_told: AtomicBool,
}

impl Steady {
    const fn new() -> Self {
        Self { lead: AtomicI64::new(i64::MIN), is_told: AtomicBool::new(false) }
    }

    /// Returns the time when the machine says `machine` and `elapsed` went by since the start, in microseconds.
    fn at(&self, machine: i64, elapsed: i64) -> i64 {
        let lead = machine - elapsed;
        let known = self.lead.load(Ordering::Relaxed);
        if lead > known {
            self.lead.fetch_max(lead, Ordering::Relaxed);
            return machine;
        }
        let back = known - lead;
        if back > STEP_TOLD_MICROS && !self.is_told.swap(true, Ordering::Relaxed) {
            let seconds = back / 1_000_000;
            tracing::warn!(
                seconds,
                "the clock of the machine was set back; time goes on from where it was until the next start"
            );
        }
        known + elapsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_follows_the_machine_forwards_and_goes_on_when_it_is_set_back() {
        let steady = Steady::new();
        assert_eq!(steady.at(1_000, 0), 1_000);
        assert_eq!(steady.at(1_010, 10), 1_010);
        assert_eq!(steady.at(5_020, 20), 5_020, "set forward by 4,000");
        assert_eq!(steady.at(1_030, 30), 5_030, "set back: it goes on");
        assert_eq!(steady.at(1_040, 40), 5_040);
        assert_eq!(steady.at(5_060, 60), 5_060, "set right again");
        assert_eq!(steady.at(9_070, 70), 9_070);
    }

    #[test]
    fn a_pause_between_two_readings_changes_nothing_for_good() {
        let steady = Steady::new();
        assert_eq!(steady.at(1_000, 0), 1_000);
        // The machine was read 50 before the time since the start.
        assert_eq!(steady.at(1_010, 60), 1_060);
        assert_eq!(steady.at(1_070, 70), 1_070);
    }
}
