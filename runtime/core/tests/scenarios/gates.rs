//! The output gates: what others could notice waits for the disk, and nothing else does.

use abide_core::command::{Command, Message, Resume, Timer, TimerKind};
use abide_core::effect::{AttemptStart, Effect, Gate, Notice};
use abide_core::entry::{Answer, Outcome, Settled};
use abide_core::ids::{DeploymentId, InvocationId, PartitionId};
use abide_core::invocation::Listener;
use abide_core::manifest::{HandlerMode, ServiceKind};
use abide_core::target::Target;
use abide_core::time::Timestamp;
use bytes::Bytes;

const ID: InvocationId = InvocationId { unique: 1, partition_key: 0 };

/// Says who notices an effect. No variant is left out: a new one has to be judged here.
fn is_noticed_outside(effect: &Effect) -> bool {
    match effect {
        // They stay inside the process, and vanish with it when it ends before the write is durable.
        Effect::Then(_)
        | Effect::StartAttempt(_)
        | Effect::StopAttempt { .. }
        | Effect::Deliver { .. }
        | Effect::HoldRun { .. }
        | Effect::ArmTimer(_) => false,
        // A run block does anything; a caller, a client or another partition would remember.
        Effect::AllowRuns { .. }
        | Effect::Notice { .. }
        | Effect::Reply { .. }
        | Effect::Transmit { .. }
        | Effect::Acknowledge { .. } => true,
    }
}

fn one_of_each() -> Vec<Effect> {
    let (invocation, attempt, op, at, to) = (ID, 1, 0, Timestamp(0), PartitionId(1));
    let target = Target { service: "svc".into(), key: None, handler: "h".into() };
    let outcome = Outcome::Empty;
    let listener = Listener { caller: ID, op };
    let message = Message::Answer { listener, callee: ID, outcome: outcome.clone() };
    vec![
        Effect::Then(Command::Resume(Resume { invocation, deployment: None, ticket: 1 })),
        Effect::StartAttempt(AttemptStart {
            birth: 0,
            seed: invocation,
            entries_kept: 0,
            invocation,
            attempt,
            deployment: DeploymentId::from_digest(1),
            target,
            kind: ServiceKind::Service,
            mode: HandlerMode::Shared,
            begun_at: at,
            entries_len: 0,
            outcomes_len: 0,
            journal_bytes: 0,
            held: Vec::new(),
            input: None,
        }),
        Effect::StopAttempt { invocation, attempt },
        Effect::Deliver {
            invocation,
            attempt,
            settled: Settled { op, order: 0, at, outcome: outcome.clone() },
        },
        Effect::HoldRun { invocation, attempt, op, retry_at: at },
        Effect::AllowRuns { invocation, attempt, until: 1 },
        Effect::ArmTimer(Timer { at, invocation, kind: TimerKind::Begin }),
        Effect::Notice { ticket: 1, notice: Notice::Done },
        Effect::Reply { invocation, answer: Answer::Value(Bytes::new()) },
        Effect::Transmit { to, sequence: 1, message },
        Effect::Acknowledge { to, sequence: 1 },
    ]
}

#[test]
fn what_others_notice_waits_for_the_disk_and_nothing_else_does() {
    for effect in one_of_each() {
        let expected = if is_noticed_outside(&effect) { Gate::Durable } else { Gate::Open };
        assert_eq!(effect.gate(), expected, "{effect:?}");
    }
}
