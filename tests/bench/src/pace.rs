//! When each of many requests is due: at even distances, whatever became of those before.

use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub start: Instant,
    pub per_second: f64,
    pub calls: usize,
}

impl Pace {
    /// Returns a pace that begins now, and goes on for so long.
    pub fn from_now(per_second: f64, time: Duration) -> Self {
        Self { start: Instant::now(), per_second, calls: (per_second * time.as_secs_f64()) as usize }
    }

    pub fn due(&self, nth: usize) -> Instant {
        self.start + Duration::from_secs_f64(nth as f64 / self.per_second)
    }
}
