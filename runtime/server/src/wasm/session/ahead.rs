//! A guest that runs ahead of the core: it hears what its run blocks came to before the core does.
//!
//! The core decides in which order outcomes come. While nothing is open but run blocks of this very attempt, it has nothing to
//! decide, and asking it would double the messages of a handler that goes from step to step. The places are those that
//! the core would give. A cancellation is what it may have in between; it finds that out, and begins another attempt.

use super::Session;

impl Session {
    /// Has the guest hear what its run blocks came to, if nothing can come before that: the core is told together with what
    /// the guest does next. Says whether there was something.
    pub fn hears_itself(&mut self) -> bool {
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
            self.flush();
        }
    }
}
