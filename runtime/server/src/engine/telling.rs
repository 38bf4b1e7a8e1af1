//! What a driver tells of a step, for traces. Asked only while traces are told.

use super::tally::About;
use crate::traces::{Completed, Event, Note, Operation, Reason, TraceContext, Traces};
use abide_core::command::{Command, End, Ended};
use abide_core::effect::Effect;
use abide_core::entry::{Answer, Outcome};
use abide_core::ids::{CANCEL_OP, InvocationId};
use abide_core::invocation::InvocationRow;
use abide_core::rows::{Row, RowKey, Rows};
use abide_core::time::Timestamp;

/// Tells what a command says, if its step takes it: one of an attempt that is over is not told.
pub fn command(traces: &Traces, now: Timestamp, command: &Command, rows: &Rows) {
    let runs = |id, attempt| {
        rows.find_invocation(id).filter(|row: &&InvocationRow| row.running_attempt() == Some(attempt))
    };
    match command {
        Command::Ended(Ended { invocation, attempt, end, .. }) => {
            let Some(row) = runs(*invocation, *attempt) else { return };
            let (how, reason) = end_of(end);
            let event = Event::AttemptEnded { attempt: *attempt, seen_at: row.modified_at, how, reason };
            traces.tell(Note { invocation: *invocation, at: now, event });
        }
        Command::Append(append) if runs(append.invocation, append.attempt).is_some() => {
            for failed in &append.failed {
                let event = Event::RunFailed { op: failed.op, message: Reason::of(&failed.message).message };
                traces.tell(Note { invocation: append.invocation, at: now, event });
            }
        }
        _ => {}
    }
}

fn end_of(end: &End) -> (&'static str, Option<Reason>) {
    match end {
        End::Returned(_) => ("returned", None),
        End::Failed(failure) => ("failed", Some(failure.into())),
        End::Suspended { .. } | End::AwaitsRetry { .. } => ("suspended", None),
        End::Crashed { message, .. } => ("crashed", Some(Reason::of(message))),
        End::Mismatched(report) => {
            let text = format!("the code does not match the journal at operation {}", report.op);
            ("mismatched", Some(Reason::of(&text)))
        }
        End::Lost => ("lost", Some(Reason::of("the process that ran it is gone"))),
        End::Stopped => ("stopped", Some(Reason::of("the server was stopped in order"))),
        End::PutOff { message } => ("put off", Some(Reason::of(message))),
    }
}

pub fn effect(traces: &Traces, now: Timestamp, effect: &Effect) {
    let (invocation, event) = match effect {
        Effect::StartAttempt(start) => (start.invocation, Event::AttemptStarted(start.attempt)),
        Effect::StopAttempt { invocation, attempt } => {
            let (attempt, how, reason) = (*attempt, "stopped", None);
            (*invocation, Event::AttemptEnded { attempt, seen_at: now, how, reason })
        }
        _ => return,
    };
    traces.tell(Note { invocation, at: now, event });
}

/// Tells what a step wrote.
pub fn writes(traces: &Traces, now: Timestamp, about: About, writes: &[(RowKey, Option<Row>)]) {
    let tell = |invocation: InvocationId, event| traces.tell(Note { invocation, at: now, event });
    // What a restart takes over of a journal was told when it happened.
    let is_new = !matches!(about, About::Submit(_));
    let mut is_over = false;
    for (key, row) in writes {
        match (key, row) {
            (RowKey::Input(id), Some(Row::Input(input))) if about == About::Submit(*id) => {
                tell(*id, Event::Accepted(TraceContext::of(&input.headers)));
            }
            (RowKey::Entry(id, op), Some(Row::Entry(row))) if is_new => {
                if let Some(operation) = Operation::of(&row.entry) {
                    tell(*id, Event::Asked(*op, operation));
                }
            }
            (RowKey::Outcome(id, op), Some(Row::Outcome(row))) if is_new && *op != CANCEL_OP => {
                tell(*id, Event::Settled(*op, failure_of(&row.outcome)));
            }
            (RowKey::Invocation(_), None) => is_over = true,
            (RowKey::Completed(id), Some(Row::Invocation(row))) if is_over => {
                let outcome = about.result(row).word();
                let reason = answer_of(writes, *id);
                tell(*id, Event::Completed(Box::new(completed(row, outcome, reason))));
            }
            _ => {}
        }
    }
}

fn completed(row: &InvocationRow, outcome: &'static str, reason: Option<Reason>) -> Completed {
    Completed {
        target: row.target.clone(),
        origin: row.origin.clone(),
        deployment: row.deployment.clone(),
        created_at: row.created_at,
        attempts: row.tries(),
        outcome,
        reason,
    }
}

fn failure_of(outcome: &Outcome) -> Option<Reason> {
    match outcome {
        Outcome::Failure(failure) => Some(failure.into()),
        Outcome::Empty | Outcome::Value(_) | Outcome::Names(_) => None,
    }
}

/// Returns why the invocation failed, from the answer that the same step wrote.
fn answer_of(writes: &[(RowKey, Option<Row>)], id: InvocationId) -> Option<Reason> {
    let answer = writes.iter().find(|(key, _)| *key == RowKey::Answer(id));
    match answer {
        Some((_, Some(Row::Answer(Answer::Failure(failure))))) => Some(failure.into()),
        _ => None,
    }
}
