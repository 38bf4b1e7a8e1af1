//! A guest that tells much, or often, without a wait is held up while the core does not keep up with it.

use super::{CatchesUp, Session};

/// Messages to the core that are not full, told without a wait in between, before it is looked whether the core keeps up.
pub(super) const TOLD_IN_PASSING_MAX: u32 = 16;

impl Session {
    /// Returns what the guest has to wait for before it goes on, when it told much just now, or often, and the core is
    /// behind.
    pub fn catches_up(&mut self) -> Option<CatchesUp> {
        if std::mem::take(&mut self.runs_ahead) { (self.around.catches_up)() } else { None }
    }

    /// Tells what there is although the message is not full: the guest asks for an event, or computes on with a result.
    pub fn tells_in_passing(&mut self) {
        self.told_in_passing += u32::from(self.flush());
        if self.told_in_passing >= TOLD_IN_PASSING_MAX {
            self.told_in_passing = 0;
            self.runs_ahead = true;
        }
    }

    /// The guest waited for the core.
    pub fn has_waited(&mut self) {
        (self.told_in_passing, self.runs_ahead) = (0, false);
    }
}
