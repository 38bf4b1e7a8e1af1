//! A guest that runs ahead of the core: it hears what its run blocks came to, and what its state holds, before the core
//! does.
//!
//! The core decides in which order outcomes come. While nothing is open but run blocks of this very attempt, it has nothing to
//! decide, and asking it would double the messages of a handler that goes from step to step. The places are those that
//! the core would give. A cancellation is what it may have in between, or a person who replaces the state under a
//! handler; it finds that out, and begins another attempt.

use super::{Next, Session};
use abide_core::command::ReadAhead;
use abide_core::entry::Entry;
use abide_core::ids::OpId;

impl Session {
    /// Reads a value of the state that the guest asks for, if nobody else changes it and nothing can come before it: the
    /// core is told together with what the guest does next.
    pub(super) fn reads_itself(&mut self, op: OpId, entry: &Entry) -> Option<ReadAhead> {
        let (Entry::GetState { name }, Some(object)) = (entry, &self.object) else { return None };
        let is_alone = self.foreign.is_empty() && self.failed.is_empty() && self.deliveries.is_settled();
        let is_as_stored = self.permit.has_state_to_itself() && self.overlay.remembers_all();
        if !is_as_stored || !is_alone || self.is_replaying() {
            return None;
        }
        let outcome = (self.around.read_ahead)(object, name)?;
        self.read_ahead = Some(op);
        Some(self.deliveries.take_as_read(op, outcome, self.around.clock.now()))
    }

    /// Returns what comes next for the guest, if that is known without the core.
    pub fn next_known(&mut self) -> wasmtime::Result<Option<Next>> {
        if self.read_ahead.is_some() && self.read_ahead == self.deliveries.next_op() {
            self.outside_run("waiting")?;
            self.read_ahead = None;
            let read = self.deliveries.next().expect("it is the next");
            if let Some(next) = self.deliver(read) {
                return Ok(Some(next));
            }
        }
        if self.hears_itself() { self.next_outcome() } else { Ok(None) }
    }

    /// Has the guest hear what its run blocks came to, if nothing can come before that: the core is told together with what
    /// the guest does next. Says whether there was something.
    pub(super) fn hears_itself(&mut self) -> bool {
        let is_alone = self.foreign.is_empty() && self.entries.is_empty() && self.failed.is_empty();
        if !is_alone || self.is_replaying() || !self.deliveries.is_settled() {
            return false;
        }
        let at = self.around.clock.now();
        let mut hears = false;
        for run in self.finished.iter_mut().filter(|run| run.heard.is_none()) {
            self.deliveries.take_for_granted(run, at);
            hears = true;
        }
        hears
    }

    /// The guest computes on: what its run blocks came to does not wait for what comes of that.
    pub fn tells_results(&mut self) {
        if !self.finished.is_empty() {
            self.tells_in_passing();
        }
    }
}
