//! A sleep arms a timer.

use super::Asked;
use crate::command::{Timer, TimerKind};
use crate::effect::Effect;
use crate::limits::OPEN_SLEEPS_KEPT;
use crate::rows::Rows;
use crate::steps::timers;

pub fn sleep(asked: Asked<'_>, rows: &mut Rows, duration_ms: u64, effects: &mut Vec<Effect>) {
    let at = asked.place.now.plus_millis(duration_ms);
    let timer = Timer { at, invocation: asked.id, kind: TimerKind::Sleep { op: asked.op } };
    timers::arm(rows, timer, effects);
    if let Some(row) = rows.invocation_mut(asked.id)
        && row.open_sleeps.len() < OPEN_SLEEPS_KEPT
    {
        row.open_sleeps.insert(asked.op, at);
    }
}
