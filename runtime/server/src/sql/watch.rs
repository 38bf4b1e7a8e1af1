//! When a query stops: its time is up, nobody waits for it, or something happened that SQLite cannot say.

use super::source::Fault;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
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
            fault: Mutex::default(),
            refusal: Mutex::default(),
        }
    }

    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    pub fn is_late(&self) -> bool {
        self.elapsed() >= self.time_max
    }

    /// Says whether the query has to stop.
    pub fn is_over(&self) -> bool {
        self.is_given_up.load(Ordering::Relaxed) || self.is_late()
    }

    pub fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
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
