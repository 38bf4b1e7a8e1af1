//! Stopping in order: first no new work, then a while for what is accepted, then the end, between two steps.
//!
//! What is not done by then goes on at the next start: everything acknowledged is in the journal. This here only saves work
//! that would be done once more, such as a run block whose outcome is on its way.

use super::handle::{EngineError, EngineHandle};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;

const REASON: &str = "the server is stopping and takes no new work";

/// The drivers, and what tells them to stop.
#[derive(Default)]
pub struct Stopping {
    is_closed: watch::Sender<bool>,
    is_over: watch::Sender<bool>,
    drivers: Mutex<Vec<JoinHandle<()>>>,
}

impl Stopping {
    /// Remembers a driver, which ends when it is told to.
    pub fn add(&self, driver: JoinHandle<()>) {
        self.drivers.lock().push(driver);
    }

    /// Returns what becomes true when a driver has to apply what it has got, and end.
    pub fn end(&self) -> watch::Receiver<bool> {
        self.is_over.subscribe()
    }
}

impl EngineHandle {
    /// Refuses new work from now on. What is accepted goes on.
    pub fn close(&self) {
        self.inner.stopping.is_closed.send_replace(true);
    }

    /// Returns when new work is refused.
    pub async fn closed(&self) {
        // An error means that the engine is gone altogether.
        let _ = self.inner.stopping.is_closed.subscribe().wait_for(|is_closed| *is_closed).await;
    }

    /// Says why new work is refused, if it is.
    #[must_use]
    pub fn closing(&self) -> Option<&'static str> {
        self.inner.stopping.is_closed.borrow().then_some(REASON)
    }

    /// Says whether new work is taken now.
    ///
    /// # Errors
    /// It is not: the server stops, or the store refuses it.
    pub fn check_open(&self) -> Result<(), EngineError> {
        let reason = self.closing().map(str::to_owned).or_else(|| self.refusal());
        reason.map_or(Ok(()), |reason| Err(EngineError::Stopped { reason }))
    }

    /// Lets attempts that only wait leave memory, and returns how many are left in it, and of how many something is on its
    /// way to their drivers.
    #[must_use]
    pub fn suspend_idle(&self) -> usize {
        let executor = &self.inner.executor;
        executor.suspend_idle();
        executor.in_memory() + self.inner.inboxes.aside()
    }

    /// Ends the drivers, once what reached them is committed. Nothing more is told to anybody.
    pub async fn end(&self) {
        let stopping = &self.inner.stopping;
        stopping.is_over.send_replace(true);
        let drivers = std::mem::take(&mut *stopping.drivers.lock());
        for driver in drivers {
            if let Err(error) = driver.await {
                tracing::error!(%error, "a driver did not end in order");
            }
        }
        self.inner.executor.close();
    }
}
