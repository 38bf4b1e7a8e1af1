//! Phases and effects as short text.

use crate::script::World;
use abide_core::command::{Message, Timer, TimerKind};
use abide_core::effect::{Effect, Gate};
use abide_core::entry::{Answer, Outcome};
use abide_core::invocation::{InvocationRow, PauseReason, Phase, WaitSet};

/// Returns `!` for an effect that waits for the disk.
pub fn mark(effect: &Effect) -> &'static str {
    match effect.gate() {
        Gate::Open => "    ",
        Gate::Durable => "  ! ",
    }
}

pub fn effect(world: &World, effect: &Effect) -> String {
    let guest = |id, attempt| format!("{}#{attempt}", world.name(id));
    match effect {
        Effect::Then(command) => unreachable!("handled by the script: {command:?}"),
        Effect::StartAttempt(start) => {
            let journal = format!("journal {}/{}", start.entries_len, start.outcomes_len);
            let input = if start.input.is_some() { " with input" } else { "" };
            let held: Vec<String> =
                start.held.iter().map(|(op, at)| format!(" held {op}@{}", at.0)).collect();
            format!("start {} {journal}{input}{}", guest(start.invocation, start.attempt), held.concat())
        }
        Effect::StopAttempt { invocation, attempt } => format!("stop {}", guest(*invocation, *attempt)),
        Effect::Deliver { invocation, attempt, settled } => format!(
            "deliver {} op {} order {} at {}: {}",
            guest(*invocation, *attempt),
            settled.op,
            settled.order,
            settled.at.0,
            outcome(&settled.outcome)
        ),
        Effect::HoldRun { invocation, attempt, op, retry_at } => {
            format!("hold {} op {op} until {}", guest(*invocation, *attempt), retry_at.0)
        }
        Effect::Release { invocation, attempt, until } => {
            format!("release {} below {until}", guest(*invocation, *attempt))
        }
        Effect::ArmTimer(due) => format!("arm {}", timer(world, due)),
        Effect::Accepted { invocation } => format!("accepted {}", world.name(*invocation)),
        Effect::Reply { invocation, answer: said } => {
            format!("reply {}: {}", world.name(*invocation), answer(said))
        }
        Effect::Transmit { to, sequence, message: said } => {
            format!("transmit to {} #{sequence}: {}", to.0, message(world, said))
        }
        Effect::Acknowledge { to, sequence } => format!("acknowledge to {} #{sequence}", to.0),
    }
}

fn timer(world: &World, timer: &Timer) -> String {
    let kind = match timer.kind {
        TimerKind::Begin => "begin".to_owned(),
        TimerKind::Retry { attempt } => format!("retry {attempt}"),
        TimerKind::Sleep { op } => format!("sleep {op}"),
    };
    format!("{} {kind} at {}", world.name(timer.invocation), timer.at.0)
}

fn message(world: &World, message: &Message) -> String {
    match message {
        Message::Submit(submission) => {
            let delay = submission.begin_at.map_or(String::new(), |at| format!(" at {}", at.0));
            format!("submit {} {}{delay}", world.name(submission.invocation), submission.target)
        }
        Message::Settle { invocation, op, outcome: said } => {
            format!("settle {} op {op}: {}", world.name(*invocation), outcome(said))
        }
    }
}

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Empty => "empty".to_owned(),
        Outcome::Value(value) => String::from_utf8_lossy(value).into_owned(),
        Outcome::Failure(failure) => failure.to_string(),
    }
}

fn answer(answer: &Answer) -> String {
    outcome(&answer.clone().into())
}

/// Returns the phase, the length of the journal, and what failed where something did.
pub fn invocation(row: &InvocationRow) -> String {
    let mut text = format!("{} {}/{}", phase(&row.phase), row.entries_len, row.outcomes_len);
    if row.failures > 0 {
        text.push_str(&format!(", {} failures", row.failures));
    }
    for (op, tries) in &row.run_tries {
        text.push_str(&format!(", op {op} tried {}", tries.failures));
    }
    text
}

fn phase(phase: &Phase) -> String {
    match phase {
        Phase::Scheduled { at } => format!("scheduled at {}", at.0),
        Phase::Running { attempt } => format!("running #{attempt}"),
        Phase::Suspended { waiting_on } => format!("suspended on {}", wait_set(waiting_on)),
        Phase::BackingOff { attempt, until, waiting_on } => {
            let early = waiting_on.as_ref().map_or(String::new(), |on| format!(" or {}", wait_set(on)));
            format!("backing off after #{attempt} until {}{early}", until.0)
        }
        Phase::Paused { reason } => match reason {
            PauseReason::AttemptsExhausted => "paused, attempts exhausted".to_owned(),
            PauseReason::JournalMismatch(report) => format!("paused, mismatch at op {}", report.op),
            PauseReason::LimitReached(text) => format!("paused, {text}"),
        },
        Phase::Completed { is_failure: false, .. } => "completed".to_owned(),
        Phase::Completed { is_failure: true, .. } => "completed as failure".to_owned(),
    }
}

fn wait_set(waiting_on: &WaitSet) -> String {
    match waiting_on {
        WaitSet::Any => "any".to_owned(),
        WaitSet::Ops(ops) => format!("{ops:?}"),
    }
}
