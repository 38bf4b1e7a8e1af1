//! A submission becomes an invocation that begins now or later.
//!
//! Invariant: an id is one invocation; a repeated submit changes nothing.

use crate::command::{Command, Submission, Timer, TimerKind};
use crate::effect::Effect;
use crate::invocation::{InvocationRow, Phase};
use crate::retry::HandlerRetry;
use crate::rows::{Row, RowKey, Rows};
use crate::step::Place;
use std::collections::BTreeMap;

pub fn apply(place: Place, rows: &mut Rows, submission: Submission, effects: &mut Vec<Effect>) {
    let id = submission.invocation;
    if submission.is_acknowledged {
        effects.push(Effect::Accepted { invocation: id });
    }
    let is_known = rows.contains(&RowKey::Invocation(id)) || rows.contains(&RowKey::Completed(id));
    if is_known {
        return;
    }
    let begin_at = submission.begin_at.unwrap_or(place.now).max(place.now);
    let service = submission.target.service.clone();
    rows.put(RowKey::Invocation(id), Row::Invocation(Box::new(new_row(place, &submission))));
    rows.put(RowKey::Input(id), Row::Input(submission.input.clone()));
    if begin_at > place.now {
        let timer = Timer { at: begin_at, invocation: id, kind: TimerKind::Begin };
        rows.put(RowKey::Timer(timer), Row::Timer);
        effects.push(Effect::ArmTimer(timer));
    } else {
        let input = Some(submission.input);
        effects.push(Effect::Then(Command::Begin { invocation: id, service, input }));
    }
}

fn new_row(place: Place, submission: &Submission) -> InvocationRow {
    InvocationRow {
        target: submission.target.clone(),
        origin: submission.origin.clone(),
        created_at: place.now,
        modified_at: place.now,
        begun_at: None,
        deployment: None,
        retry: HandlerRetry::default(),
        phase: Phase::Scheduled { at: submission.begin_at.unwrap_or(place.now) },
        attempts: 0,
        entries_len: 0,
        outcomes_len: 0,
        failures: 0,
        first_failed_at: None,
        last_failures: Vec::new(),
        run_tries: BTreeMap::new(),
        open_sleeps: BTreeMap::new(),
    }
}
