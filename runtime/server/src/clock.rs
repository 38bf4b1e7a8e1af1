//! The clock: the only place that reads the time of the machine.

use abide_core::time::Timestamp;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// Longest single wait; after it the clock is read again, so that a clock that was set is noticed.
const NAP_MAX: Duration = Duration::from_secs(60);

/// Tells the time and waits for it. Tests bring one that they move.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Timestamp;
    /// Ends at `at` or somewhat earlier; the caller looks at the time again.
    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the place that reads the clock")]
    fn now(&self) -> Timestamp {
        let since_epoch =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }

    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let nap = Duration::from_millis(at.millis_since(self.now())).min(NAP_MAX);
        Box::pin(tokio::time::sleep(nap))
    }
}
