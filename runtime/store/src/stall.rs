//! Waiting for a thread that may never end, for as long as it gets on: sled can loop for ever over a damaged folder.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

const WATCH_EVERY: Duration = Duration::from_millis(50);

/// Goes up while a thread does something.
pub type Progress = Arc<AtomicU64>;

/// Why a thread has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoResult {
    /// It did nothing for too long. It may go on for ever, and ends only with the process.
    Stalled,
    Panicked,
}

/// Returns what a thread sends. It may take its time, but not do nothing for longer than `stall_max`.
pub fn result_of<T>(results: &Receiver<T>, progress: &AtomicU64, stall_max: Duration) -> Result<T, NoResult> {
    let mut stall = Stall::at(Instant::now());
    loop {
        match results.recv_timeout(WATCH_EVERY) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Disconnected) => return Err(NoResult::Panicked),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if stall.lasts(progress.load(Ordering::Relaxed), Instant::now()) > stall_max {
            return Err(NoResult::Stalled);
        }
    }
}

/// Since when there is no progress.
struct Stall {
    seen: u64,
    since: Instant,
}

impl Stall {
    fn at(now: Instant) -> Self {
        Self { seen: 0, since: now }
    }

    fn lasts(&mut self, progress: u64, now: Instant) -> Duration {
        if progress != self.seen {
            (self.seen, self.since) = (progress, now);
        }
        now.duration_since(self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn only_the_time_without_progress_counts() {
        let begin = Instant::now();
        let mut stall = Stall::at(begin);
        let seconds = [(10, 0), (20, 1), (29, 1), (30, 2), (90, 3), (95, 3)];
        let lasts = seconds
            .map(|(second, progress)| stall.lasts(progress, begin + Duration::from_secs(second)).as_secs());
        assert_eq!(lasts, [10, 0, 9, 0, 0, 5]);
    }

    #[test]
    fn a_thread_answers_stalls_or_panics() {
        let (result, results) = mpsc::channel();
        let wait = || result_of(&results, &AtomicU64::new(0), Duration::ZERO);
        result.send(1).unwrap();
        assert_eq!(wait(), Ok(1));
        assert_eq!(wait(), Err(NoResult::Stalled));
        drop(result);
        assert_eq!(wait(), Err(NoResult::Panicked));
    }
}
