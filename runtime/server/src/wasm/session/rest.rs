//! How a guest waits for which nothing is next: in memory, without its instance, or not at all.

use super::{Beyond, Halt, Session};
use abide_core::invocation::WaitSet;
use abide_core::time::Timestamp;

/// How to wait when nothing is next.
#[derive(Debug)]
pub enum Rest {
    /// Something is under way: a write, a read, live I/O. A held run block may start at `until`.
    Busy { until: Option<Timestamp> },
    /// Only durable operations can wake the guest: it may be suspended.
    Idle,
}

impl Session {
    /// Says how to wait, or halts the attempt when waiting in memory makes no sense.
    pub fn rest(&self, has_io: bool, now: Timestamp) -> wasmtime::Result<Rest> {
        if self.is_check() && !has_io {
            return Err(self.end_of_record()?.into());
        }
        // A prompt operation that was forgotten counts too: its outcome would only start the attempt again.
        if has_io || !self.prompt.is_empty() || self.runs.are_under_way(now) {
            return Ok(Rest::Busy { until: self.runs.first_retry().filter(|until| *until > now) });
        }
        self.cursor.finish().map_err(Halt::Mismatched)?;
        if self.runs.are_waiting() {
            // The held blocks are among those waited for: where they are listed the core looks up when they may start.
            let waiting_on = WaitSet::of(self.open.iter().collect());
            let outcomes_seen = self.deliveries.handed_out();
            let retry_at = self.runs.first_retry().unwrap_or(now);
            return Err(Halt::AwaitsRetry { waiting_on, outcomes_seen, retry_at }.into());
        }
        self.check_can_wake()?;
        if self.sleeps_long(now) {
            return Err(self.suspension().into());
        }
        Ok(Rest::Idle)
    }

    /// Says why a check ends where the guest waits. In no check is a run block executed, so all that are
    /// open wait, as in an attempt before their entries are durable.
    fn end_of_record(&self) -> wasmtime::Result<Halt> {
        self.cursor.finish().map_err(Halt::Mismatched)?;
        if !self.runs.are_waiting() {
            self.check_can_wake()?;
        }
        Ok(Halt::Recorded(Beyond::Waits))
    }

    fn check_can_wake(&self) -> wasmtime::Result<()> {
        if self.open.len() == self.runs.len() {
            wasmtime::bail!(
                "the handler waits for something that is neither a durable operation nor I/O of a run block, \
                 so nothing can wake it"
            );
        }
        Ok(())
    }

    /// Says whether nothing can happen for longer than an idle attempt is kept.
    fn sleeps_long(&self, now: Timestamp) -> bool {
        let horizon = now.plus_millis(self.around.suspend_after_ms);
        let first = self.wake_ups.first();
        self.sleeps.len() == self.open.len() && first.is_some_and(|(wake_at, _)| *wake_at > horizon)
    }

    pub fn suspension(&self) -> Halt {
        Halt::Suspended { waiting_on: self.waiting_on(), outcomes_seen: self.deliveries.handed_out() }
    }

    fn waiting_on(&self) -> WaitSet {
        WaitSet::of(self.open.iter().filter(|op| !self.runs.contains(*op)).collect())
    }
}
