//! A timer is a row and an effect: neither without the other.

use crate::command::Timer;
use crate::effect::Effect;
use crate::rows::{Row, RowKey, Rows};

pub fn arm(rows: &mut Rows, timer: Timer, effects: &mut Vec<Effect>) {
    rows.put(RowKey::Timer(timer), Row::Timer);
    effects.push(Effect::ArmTimer(timer));
}

/// Nobody waits for it any more. The shell may bring it all the same: whoever it was for looks whether it still counts.
pub fn disarm(rows: &mut Rows, timer: Timer) {
    rows.delete(RowKey::Timer(timer));
}
