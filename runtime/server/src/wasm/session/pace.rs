//! A guest that tells much, or often, without a wait is held up while the core does not keep up with it.

use super::{CatchesUp, Session};

/// Messages to the core in a row, each because the guest asked for an event that was there already, before it is looked
/// whether the core keeps up with them.
pub(super) const TOLD_IN_PASSING_MAX: u32 = 16;

impl Session {
    /// Returns what the guest has to wait for before it goes on, when it told much just now, or often, and the core is
    /// behind.
    pub fn catches_up(&mut self) -> Option<CatchesUp> {
        if std::mem::take(&mut self.runs_ahead) { (self.around.catches_up)() } else { None }
    }

    /// Tells what there is to tell although it is little.
    pub fn tells_in_passing(&mut self) {
        self.told_in_passing += u32::from(self.flush());
        if self.told_in_passing >= TOLD_IN_PASSING_MAX {
            self.told_in_passing = 0;
            self.runs_ahead = true;
        }
    }

    /// The guest waited for something.
    pub fn has_waited(&mut self) {
        (self.told_in_passing, self.runs_ahead) = (0, false);
    }
}
