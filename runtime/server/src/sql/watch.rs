//! When a query stops: its time is up, nobody waits for it, or something happened that SQLite cannot say.

use super::limits::SQL_CLOCK_TIMES;
use super::source::Fault;
use crate::clock::worked;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Why a statement was refused before it ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It would change something, or is about what there is none of here: files, transactions.
    ReadOnly { what: String },
    /// It uses a function that is not answered.
    Function { name: String },
}

/// Watches over one query; its tables, its functions and whoever asked share it.
pub struct Watch {
    began: Instant,
    time_max: Duration,
    is_given_up: AtomicBool,
    /// Stored rows that its tables have read.
    rows_read: AtomicU64,
    /// The first thing that went wrong while reading.
    fault: Mutex<Option<Fault>>,
    /// The first thing that is not allowed.
    refusal: Mutex<Option<Refusal>>,
}

impl Watch {
    pub fn new(time_max: Duration) -> Self {
        Self {
            began: Instant::now(),
            time_max,
            is_given_up: AtomicBool::new(false),
            rows_read: AtomicU64::new(0),
            fault: Mutex::default(),
            refusal: Mutex::default(),
        }
    }

    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Says whether the query has worked for too long, or takes too long by the clock. Asked on the thread
    /// of the query, which does nothing else.
    fn is_late(&self) -> bool {
        self.elapsed() >= self.time_max
            && (worked().is_none_or(|worked| worked >= self.time_max)
                || self.elapsed() >= self.time_max.saturating_mul(SQL_CLOCK_TIMES))
    }

    /// Says whether the query has to stop.
    pub fn is_over(&self) -> bool {
        self.is_given_up.load(Ordering::Relaxed) || self.is_late()
    }

    pub fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
    }

    pub fn note_rows(&self, rows: usize) {
        self.rows_read.fetch_add(rows as u64, Ordering::Relaxed);
    }

    pub fn rows_read(&self) -> u64 {
        self.rows_read.load(Ordering::Relaxed)
    }

    pub fn note_fault(&self, fault: Fault) {
        self.fault.lock().get_or_insert(fault);
    }

    pub fn take_fault(&self) -> Option<Fault> {
        self.fault.lock().take()
    }

    pub fn refuse(&self, refusal: Refusal) {
        self.refusal.lock().get_or_insert(refusal);
    }

    pub fn take_refusal(&self) -> Option<Refusal> {
        self.refusal.lock().take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_in_which_a_query_could_not_work_does_not_count() {
        let time_max = Duration::from_millis(50);
        let on_its_own = std::thread::spawn(move || {
            let watch = Watch::new(time_max);
            std::thread::sleep(2 * time_max);
            let was_late_by_waiting = watch.is_over();
            while !watch.is_over() {
                std::hint::spin_loop();
            }
            (was_late_by_waiting, worked(), watch.elapsed())
        });
        let (was_late_by_waiting, worked, elapsed) = on_its_own.join().unwrap();
        assert_eq!(was_late_by_waiting, worked.is_none());
        let is_by_clock = elapsed >= time_max * SQL_CLOCK_TIMES;
        assert!(worked.is_none_or(|worked| worked >= time_max) || is_by_clock, "{worked:?} {elapsed:?}");
    }

    #[test]
    fn who_waits_does_not_wait_for_good() {
        let time_max = Duration::from_millis(10);
        let on_its_own = std::thread::spawn(move || {
            let watch = Watch::new(time_max);
            std::thread::sleep(time_max * SQL_CLOCK_TIMES);
            watch.is_over()
        });
        assert!(on_its_own.join().unwrap());
    }
}
