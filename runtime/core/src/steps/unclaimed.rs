//! Promises that were completed while their workflow has no run: the run takes them over if it comes,
//! else they are forgotten, a bounded part at a time.
//!
//! Invariant: as long as such a promise is stored, there is a run of its workflow or a timer.

use crate::command::{Command, Timer, TimerKind};
use crate::effect::Effect;
use crate::ids::InvocationId;
use crate::invocation::InvocationRow;
use crate::limits::{PURGED_AT_ONCE, STATE_NAMES_MAX, UNCLAIMED_KEPT_MIN_MS};
use crate::manifest::{HandlerMode, ServiceRow};
use crate::object::UnclaimedRow;
use crate::rows::{NamesOf, Row, RowKey, Rows};
use crate::step::Place;
use crate::steps::timers;
use crate::target::ObjectKey;
use std::ops::Bound;

/// A promise was completed by another than the run. All of one workflow share a timer, which moves on
/// when it is due and something was completed meanwhile.
pub fn keep(place: Place, rows: &mut Rows, run: InvocationId, object: ObjectKey, effects: &mut Vec<Effect>) {
    if Run::of(rows, run) == Run::Keeps {
        return;
    }
    let until = place.now.plus_millis(kept_ms(rows.service(&object.service)));
    let row = match rows.unclaimed(run).cloned() {
        Some(row) => UnclaimedRow { until: until.max(row.until), ..row },
        None => {
            timers::arm(rows, Timer { at: until, invocation: run, kind: TimerKind::PurgeUnclaimed }, effects);
            UnclaimedRow { object, until, looked_at: until, after: None }
        }
    };
    rows.put(RowKey::Unclaimed(run), Row::Unclaimed(row));
}

/// As long as the run would keep them, but at least so long that it can come late.
fn kept_ms(service: Option<&ServiceRow>) -> u64 {
    let handlers = service.iter().flat_map(|service| &service.manifest.handlers);
    let mut runs = handlers.filter(|handler| handler.mode == HandlerMode::Exclusive);
    let kept_ms = runs.next().map_or(0, |run| run.options.retention.workflow_ms);
    kept_ms.max(UNCLAIMED_KEPT_MIN_MS)
}

/// What the run of a workflow means to its promises.
#[derive(PartialEq, Eq)]
enum Run {
    Absent,
    /// It will begin.
    Expected,
    /// It has begun, or ended, and promises are purged with it.
    Keeps,
}

impl Run {
    fn of(rows: &Rows, run: InvocationId) -> Self {
        let (live, completed) = (rows.invocation(run), rows.completed(run));
        // Of one that never began nothing is purged but itself.
        if live.or(completed).is_some_and(InvocationRow::is_workflow_run) {
            Self::Keeps
        } else if live.is_some() {
            Self::Expected
        } else {
            Self::Absent
        }
    }
}

/// The timer is due: the promises go, unless the run is there by now, or something was completed.
pub fn due(place: Place, rows: &mut Rows, timer: Timer, effects: &mut Vec<Effect>) {
    let run = timer.invocation;
    let Some(row) = rows.unclaimed(run).filter(|row| row.looked_at == timer.at).cloned() else { return };
    let until = match Run::of(rows, run) {
        Run::Keeps => return rows.delete(RowKey::Unclaimed(run)),
        Run::Expected => row.until.max(place.now.plus_millis(UNCLAIMED_KEPT_MIN_MS)),
        Run::Absent => row.until,
    };
    if until > place.now {
        look_at(rows, run, UnclaimedRow { until, looked_at: until, after: None, ..row }, effects);
    } else {
        effects.push(Effect::Then(Command::PurgeUnclaimed { run, object: row.object }));
    }
}

/// Promises that somebody waits for stay, and whoever completes one keeps it anew.
pub fn purge(place: Place, rows: &mut Rows, run: InvocationId, object: ObjectKey, effects: &mut Vec<Effect>) {
    let Some(row) = rows.unclaimed(run).cloned() else { return };
    let names = rows.names(&NamesOf::Promises(object.clone()));
    let is_cut = names.len() > STATE_NAMES_MAX;
    let after = row.after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let mut left = names.range::<str, _>((after, Bound::Unbounded));
    let part: Vec<String> = left.by_ref().take(PURGED_AT_ONCE as usize).cloned().collect();
    let is_done = left.next().is_none();
    let last = part.last().cloned();
    effects.extend(part.into_iter().map(|name| {
        let object = object.clone();
        Effect::Then(Command::ForgetPromise { object, name })
    }));
    match (is_done, is_cut) {
        (true, false) => rows.delete(RowKey::Unclaimed(run)),
        (false, _) => look_at(rows, run, UnclaimedRow { looked_at: place.now, after: last, ..row }, effects),
        // There are more than can be listed, and somebody may wait for all that were.
        (true, true) => {
            let until = place.now.plus_millis(UNCLAIMED_KEPT_MIN_MS);
            look_at(rows, run, UnclaimedRow { until, looked_at: until, after: None, ..row }, effects);
        }
    }
}

/// Forgets a promise, if it was completed.
pub fn forget(rows: &mut Rows, object: ObjectKey, name: String) {
    if rows.promise(&object, &name).outcome.is_some() {
        rows.delete(RowKey::Promise(object, name));
    }
}

fn look_at(rows: &mut Rows, run: InvocationId, row: UnclaimedRow, effects: &mut Vec<Effect>) {
    let timer = Timer { at: row.looked_at, invocation: run, kind: TimerKind::PurgeUnclaimed };
    rows.put(RowKey::Unclaimed(run), Row::Unclaimed(row));
    timers::arm(rows, timer, effects);
}
