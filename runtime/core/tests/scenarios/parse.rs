//! From a line of a script to commands.

use crate::script::World;
use abide_core::command::{Append, Command, End, FailedRun, Submission, Timer, TimerKind};
use abide_core::effect::Effect;
use abide_core::entry::{Entry, Failure, Outcome};
use abide_core::ids::{Attempt, InvocationId, OpId, PartitionId};
use abide_core::invocation::{InputRow, MismatchReport, Origin, WaitSet};
use abide_core::retry::RetryPolicy;
use abide_core::target::Target;
use abide_core::time::Timestamp;
use bytes::Bytes;

/// Does what one line says.
pub fn run(world: &mut World, line: &str) -> Vec<Effect> {
    let (head, items) = line.split_once(": ").unwrap_or((line, ""));
    let words: Vec<&str> = head.split_whitespace().collect();
    match words.as_slice() {
        ["advance", millis] => return advance(world, number(millis)),
        ["clock", millis] => {
            world.now = Timestamp(number(millis));
            return Vec::new();
        }
        ["fire", name, kind @ ..] => {
            let timer = armed(world, name, kind);
            return apply_at(world, timer.invocation, Command::TimerDue(timer));
        }
        ["receive", link, sequence] => return receive(world, link, sequence),
        ["ack", link, sequence] => {
            let (by, to) = ends_of(link);
            let sequence = number(sequence.trim_start_matches('#'));
            return world.apply(to, Command::Acknowledged { by: PartitionId(by), sequence });
        }
        ["resume", name] => {
            let invocation = id(world, name);
            return apply_at(world, invocation, Command::Resume { invocation });
        }
        ["submit", name, target, rest @ ..] => {
            let submission = submission(world, name, target, rest);
            return apply_at(world, submission.invocation, Command::Submit(submission));
        }
        _ => {}
    }
    let (verb, name, rest) = (words[0], words[1], &words[2..]);
    let (name, attempt) = match name.split_once('#') {
        Some((name, attempt)) => (name, Some(number(attempt) as Attempt)),
        None => (name, None),
    };
    let invocation = id(world, name);
    let attempt = attempt.unwrap_or_else(|| world.row(invocation).expect("submitted before").attempts);
    let command = match verb {
        "append" => Command::Append(append(world, invocation, attempt, rest, items)),
        _ => Command::Ended { invocation, attempt, end: end(verb, rest), jitter: 0 },
    };
    apply_at(world, invocation, command)
}

fn apply_at(world: &mut World, invocation: InvocationId, command: Command) -> Vec<Effect> {
    world.apply(invocation.partition(2).0, command)
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("not a number: {text:?}"))
}

fn ops(text: &str) -> WaitSet {
    if text == "any" {
        return WaitSet::Any;
    }
    WaitSet::of(text.split(',').map(|op| number(op) as OpId).collect())
}

/// Returns the invocation of a name; `b@1` belongs to partition 1.
fn id(world: &mut World, name: &str) -> InvocationId {
    let partition_key = name.split_once('@').map_or(0, |(_, partition)| number(partition));
    let unique = name.bytes().fold(0, |sum, byte| sum * 256 + u128::from(byte));
    let id = InvocationId { unique, partition_key };
    world.names.insert(id, name.to_owned());
    id
}

fn target(text: &str) -> Target {
    let (service, handler) = text.split_once('/').expect("a target is service/handler");
    Target { service: service.into(), key: None, handler: handler.into() }
}

fn submission(world: &mut World, name: &str, to: &str, rest: &[&str]) -> Submission {
    let begin_at = match rest {
        [] => None,
        ["at", millis] => Some(Timestamp(number(millis))),
        other => panic!("unknown: {other:?}"),
    };
    Submission {
        invocation: id(world, name),
        target: target(to),
        origin: Origin::Ingress,
        input: InputRow { headers: Vec::new(), body: Bytes::new() },
        begin_at,
        is_acknowledged: true,
    }
}

fn append(
    world: &mut World,
    invocation: InvocationId,
    attempt: Attempt,
    rest: &[&str],
    items: &str,
) -> Append {
    let first_op = match rest {
        [] => world.row(invocation).expect("submitted before").entries_len,
        ["from", op] => number(op) as OpId,
        other => panic!("unknown: {other:?}"),
    };
    let mut append = Append {
        invocation,
        attempt,
        first_op,
        entries: Vec::new(),
        finished: Vec::new(),
        failed: Vec::new(),
        jitter: 0,
    };
    for item in items.split("; ") {
        let words: Vec<&str> = item.split_whitespace().collect();
        match words.as_slice() {
            ["done", op, value] => {
                let value = Outcome::Value(Bytes::copy_from_slice(value.as_bytes()));
                append.finished.push((number(op) as OpId, value));
            }
            ["bad", op, code] => {
                let failure = Failure::new(number(code) as u16, "bad");
                append.finished.push((number(op) as OpId, Outcome::Failure(failure)));
            }
            ["retry", op, rest @ ..] => append.failed.push(failed(op, rest)),
            ["fill", count] => {
                let run = Entry::Run { name: "fill".into(), retry: None };
                append.entries.extend(std::iter::repeat_n(run, number(count) as usize));
            }
            words => append.entries.push(entry(world, words)),
        }
    }
    append
}

fn entry(world: &mut World, words: &[&str]) -> Entry {
    let (input, headers) = (Bytes::new(), Vec::new());
    match words {
        ["run", name] => Entry::Run { name: (*name).into(), retry: None },
        ["sleep", millis] => Entry::Sleep { duration_ms: number(millis), name: None },
        ["call", name, to] => Entry::Call { child: id(world, name), target: target(to), input, headers },
        ["send", name, to, rest @ ..] => {
            let delay_ms = rest.first().map(|millis| number(millis.trim_start_matches('+')));
            Entry::Send { child: id(world, name), target: target(to), input, headers, delay_ms }
        }
        other => panic!("unknown entry: {other:?}"),
    }
}

/// Reads `[tries 3] [after 50]`: a policy of the block's own, and a delay that it names.
fn failed(op: &str, rest: &[&str]) -> FailedRun {
    let word = |name| rest.iter().position(|word| *word == name).map(|at| number(rest[at + 1]));
    let policy = word("tries").map(|tries| RetryPolicy {
        initial_interval_ms: 10,
        factor_milli: 2_000,
        max_interval_ms: None,
        max_attempts: Some(tries as u32),
        max_duration_ms: None,
    });
    FailedRun { op: number(op) as OpId, message: "flaky".into(), policy, retry_after_ms: word("after") }
}

fn end(verb: &str, rest: &[&str]) -> End {
    match (verb, rest) {
        ("return", [value]) => End::Returned(Bytes::copy_from_slice(value.as_bytes())),
        ("fail", [code, message]) => End::Failed(Failure::new(number(code) as u16, *message)),
        ("suspend", [on, "seen", seen]) => {
            End::Suspended { waiting_on: ops(on), outcomes_seen: number(seen) as u32 }
        }
        ("awaits-retry", [on, "seen", seen]) => {
            End::AwaitsRetry { waiting_on: ops(on), outcomes_seen: number(seen) as u32 }
        }
        ("crash", [message, rest @ ..]) => {
            let retry_after_ms = rest.get(1).map(|millis| number(millis));
            End::Crashed { message: (*message).into(), op: None, retry_after_ms }
        }
        ("lost", []) => End::Lost,
        ("mismatch", []) => End::Mismatched(MismatchReport {
            op: 0,
            recorded: Some("run(\"pay\")".into()),
            asked: Some("run(\"ship\")".into()),
            backtrace: None,
        }),
        other => panic!("unknown line: {other:?}"),
    }
}

/// Lets time pass and fires what is due, the earliest first.
fn advance(world: &mut World, millis: u64) -> Vec<Effect> {
    let until = world.now.plus_millis(millis);
    let mut effects = Vec::new();
    while let Some(timer) = world.timers.first().copied().filter(|timer| timer.at <= until) {
        world.timers.remove(&timer);
        world.now = world.now.max(timer.at);
        effects.extend(apply_at(world, timer.invocation, Command::TimerDue(timer)));
    }
    world.now = until;
    effects
}

fn armed(world: &mut World, name: &str, kind: &[&str]) -> Timer {
    let invocation = id(world, name);
    let kind = match kind {
        ["begin"] => TimerKind::Begin,
        ["retry", attempt] => TimerKind::Retry { attempt: number(attempt) as Attempt },
        ["sleep", op] => TimerKind::Sleep { op: number(op) as OpId },
        other => panic!("unknown timer: {other:?}"),
    };
    let is_it = |timer: &&Timer| timer.invocation == invocation && timer.kind == kind;
    *world.timers.iter().find(is_it).expect("the timer is armed")
}

fn ends_of(link: &str) -> (u16, u16) {
    let (from, to) = link.split_once('>').expect("a link is from>to");
    (number(from) as u16, number(to) as u16)
}

fn receive(world: &mut World, link: &str, sequence: &str) -> Vec<Effect> {
    let (from, to) = ends_of(link);
    let sequence = number(sequence.trim_start_matches('#'));
    let message = world.sent.get(&(from, to, sequence)).expect("the message was transmitted").clone();
    world.apply(to, Command::Receive { from: PartitionId(from), sequence, message })
}
