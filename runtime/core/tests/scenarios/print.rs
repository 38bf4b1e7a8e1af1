//! Phases and effects as short text.

use crate::parse::DAY_MS;
use crate::world::World;
use abide_core::command::{HowToEnd, Message, Timer, TimerKind};
use abide_core::effect::{Effect, Gate, Notice, Refusal};
use abide_core::entry::{Answer, Outcome};
use abide_core::ids::DeploymentId;
use abide_core::invocation::{InvocationRow, Listener, PauseReason, Phase, WaitSet};
use abide_core::time::Timestamp;

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
        Effect::Then(command) => unreachable!("handled by the world: {command:?}"),
        Effect::StartAttempt(start) => {
            let journal = format!("journal {}/{}", start.entries_len, start.outcomes_len);
            let input = if start.input.is_some() { " with input" } else { "" };
            let held: Vec<String> =
                start.held.iter().map(|(op, at)| format!(" held {op}@{}", time(*at))).collect();
            let on = (2..10).find(|number| DeploymentId::from_digest(*number) == start.deployment);
            let on = on.map_or(String::new(), |number| format!(" on {number}"));
            format!("start {} {journal}{input}{on}{}", guest(start.invocation, start.attempt), held.concat())
        }
        Effect::StopAttempt { invocation, attempt } => format!("stop {}", guest(*invocation, *attempt)),
        Effect::Deliver { invocation, attempt, settled } => format!(
            "deliver {} {} order {} at {}: {}",
            guest(*invocation, *attempt),
            op(settled.op),
            settled.order,
            time(settled.at),
            outcome(&settled.outcome)
        ),
        Effect::HoldRun { invocation, attempt, op, retry_at } => {
            format!("hold {} op {op} until {}", guest(*invocation, *attempt), time(*retry_at))
        }
        Effect::AllowRuns { invocation, attempt, until } => {
            format!("allow runs of {} below {until}", guest(*invocation, *attempt))
        }
        Effect::ArmTimer(due) => format!("arm {}", timer(world, due)),
        Effect::Notice { ticket, notice: said } => {
            assert_eq!(*ticket, world.ticket, "the ticket of another request");
            format!("notice {}", notice(*said))
        }
        Effect::Reply { invocation, answer: said } => {
            format!("reply {}: {}", world.name(*invocation), answer(said))
        }
        Effect::Transmit { to, sequence, message: said } => {
            format!("transmit to {} #{sequence}: {}", to.0, message(world, said))
        }
        Effect::Acknowledge { to, sequence } => format!("acknowledge to {} #{sequence}", to.0),
    }
}

pub fn op(op: u32) -> String {
    if op == abide_core::ids::CANCEL_OP { "cancellation".to_owned() } else { format!("op {op}") }
}

/// Returns a time in milliseconds, with the days apart.
pub fn time(at: Timestamp) -> String {
    match (at.0 / DAY_MS, at.0 % DAY_MS) {
        _ if at.0 == u64::MAX => "the end of time".to_owned(),
        (0, millis) => millis.to_string(),
        (days, 0) => format!("{days}d"),
        (days, millis) => format!("{days}d+{millis}"),
    }
}

fn notice(notice: Notice) -> String {
    let text = match notice {
        Notice::Done => "done",
        Notice::Known => "known",
        Notice::Absent => "absent",
        Notice::Completed => "completed",
        Notice::Unfit => "unfit",
        Notice::Full => "full",
        Notice::Changed => "changed",
        Notice::Held => "held",
        Notice::Refused(refusal) => return format!("refused, {}", refused(refusal)),
    };
    text.to_owned()
}

fn refused(refusal: Refusal) -> String {
    let text = match refusal {
        Refusal::UnknownDeployment => "unknown deployment",
        Refusal::NotOffered => "not offered",
        Refusal::OtherKind => "of another kind",
        Refusal::WorkflowRun => "a workflow run",
        Refusal::JournalPurged => "journal purged",
        Refusal::BeyondEnd => "beyond the end",
        Refusal::TooLong => "too long",
        Refusal::Open(op) => return format!("op {op} is open"),
        Refusal::Cancelled => "after a cancellation",
        Refusal::WentOn => "it went on",
        Refusal::Overfull => "overfull",
    };
    text.to_owned()
}

pub fn timer(world: &World, timer: &Timer) -> String {
    let kind = match timer.kind {
        TimerKind::Begin => "begin".to_owned(),
        TimerKind::Retry { attempt } => format!("retry {attempt}"),
        TimerKind::Sleep { op } => format!("sleep {op}"),
        TimerKind::PurgeJournal => "purge-journal".to_owned(),
        TimerKind::Purge => "purge".to_owned(),
        TimerKind::PurgeUnclaimed => "purge-unclaimed".to_owned(),
    };
    format!("{} {kind} at {}", world.name(timer.invocation), time(timer.at))
}

pub fn listener(world: &World, listener: &Listener) -> String {
    format!("{}.{}", world.name(listener.caller), listener.op)
}

fn message(world: &World, message: &Message) -> String {
    match message {
        Message::Submit(submission) => {
            let delay = submission.begin_at.map_or(String::new(), |at| format!(" at {}", time(at)));
            format!("submit {} {}{delay}", world.name(submission.invocation), submission.target)
        }
        Message::Answer { listener: to, callee, outcome: said } => {
            format!("answer of {} to {}: {}", world.name(*callee), listener(world, to), outcome(said))
        }
        Message::Attach { invocation, listener: by } => {
            format!("attach {} to {}", listener(world, by), world.name(*invocation))
        }
        Message::Detach { invocation, listener: by } => {
            format!("detach {} from {}", listener(world, by), world.name(*invocation))
        }
        Message::End { invocation, how, caller } => {
            let how = match how {
                HowToEnd::Cancel => "cancel",
                HowToEnd::Kill => "kill",
            };
            let caller = caller.map_or(String::new(), |id| format!(" called by {}", world.name(id)));
            format!("{how} {}{caller}", world.name(*invocation))
        }
        Message::CompleteAwakeable { awakeable, outcome: said } => {
            format!("resolve {}.{}: {}", world.name(awakeable.invocation), awakeable.op, outcome(said))
        }
        Message::Signal { invocation, name, outcome: said } => {
            format!("signal {} {name}: {}", world.name(*invocation), outcome(said))
        }
        Message::Tell(tell) => {
            let rest = tell.listeners.len();
            format!("tell {rest} more for {}: {}", world.name(tell.invocation), outcome(&tell.outcome))
        }
        Message::Release { invocation, object } => {
            format!("release {object} by {}", world.name(*invocation))
        }
    }
}

pub fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Empty => "empty".to_owned(),
        Outcome::Value(value) if value.len() >= 1 << 20 => format!("{} MiB", value.len() >> 20),
        Outcome::Value(value) => String::from_utf8_lossy(value).into_owned(),
        Outcome::Failure(failure) => failure.to_string(),
        Outcome::Names(names) if names.len() > 10 => format!("{} names", names.len()),
        Outcome::Names(names) => format!("{names:?}"),
    }
}

pub fn answer(answer: &Answer) -> String {
    outcome(&answer.clone().into())
}

/// Returns the phase, the length of the journal, and what failed where something did.
pub fn invocation(row: &InvocationRow) -> String {
    let mut text = format!("{} {}/{}", phase(&row.phase), row.entries_len, row.outcomes_len);
    if row.holds_key {
        text.push_str(", holds the key");
    }
    if row.cancelled.is_some() {
        text.push_str(", cancelled");
    }
    if row.failures > 0 {
        text.push_str(&format!(", {} failures", row.failures));
    }
    if row.losses > 0 {
        text.push_str(&format!(", {} losses", row.losses));
    }
    for (op, tries) in &row.run_tries {
        text.push_str(&format!(", op {op} tried {}", tries.failures));
    }
    text
}

pub fn phase(phase: &Phase) -> String {
    match phase {
        Phase::Scheduled { at } => format!("scheduled at {}", time(*at)),
        Phase::Queued { position } => format!("queued at {position}"),
        Phase::Running { attempt } => format!("running #{attempt}"),
        Phase::Suspended { waiting_on } => format!("suspended on {}", wait_set(waiting_on)),
        Phase::BackingOff { attempt, until, waiting_on } => {
            let early = waiting_on.as_ref().map_or(String::new(), |on| format!(" or {}", wait_set(on)));
            format!("backing off after #{attempt} until {}{early}", time(*until))
        }
        Phase::Paused { reason } => match reason {
            PauseReason::AttemptsExhausted => "paused, attempts exhausted".to_owned(),
            PauseReason::JournalMismatch(report) => format!("paused, mismatch at op {}", report.op),
            PauseReason::LimitReached(text) => format!("paused, {text}"),
            PauseReason::ByPerson => "paused by a person".to_owned(),
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
