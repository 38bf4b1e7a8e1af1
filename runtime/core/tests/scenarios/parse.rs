//! From a line of a script to commands.

use crate::asks;
use crate::edits;
use crate::services;
use crate::world::{UnderWay, World};
use abide_core::command::{
    Command, End, EndRequest, Ended, Repin, Restart, Resume, Signal, Submission, Timer, TimerKind,
};
use abide_core::effect::Effect;
use abide_core::entry::{Failure, Outcome};
use abide_core::ids::{Attempt, AwakeableId, DeploymentId, InvocationId, OpId, PartitionId};
use abide_core::invocation::{InputRow, MismatchReport, Origin, WaitSet};
use abide_core::manifest::{HandlerMode, ServiceKind, ServiceManifest};
use abide_core::target::Target;
use abide_core::time::Timestamp;
use bytes::Bytes;

pub const DAY_MS: u64 = 86_400_000;

/// Does what one line says.
pub fn run(world: &mut World, line: &str) -> Vec<Effect> {
    let (head, items) = line.split_once(": ").unwrap_or((line, ""));
    let words: Vec<&str> = head.split_whitespace().collect();
    match words.as_slice() {
        ["show", ..] => Vec::new(),
        ["partitions", count] => {
            *world = World::new(number(count) as usize);
            Vec::new()
        }
        ["deploy" | "undeploy", ..] => {
            deploy(world, &words);
            Vec::new()
        }
        ["upload", number] => {
            let services = items.split("; ").map(offered).collect();
            world.upload(deployment(number), services);
            Vec::new()
        }
        ["clock", millis] => {
            world.now = Timestamp(number(millis));
            Vec::new()
        }
        ["advance", millis] => advance(world, number(millis)),
        ["fire", name, kind @ ..] => {
            let timer = armed(world, name, kind);
            world.apply_at(timer.invocation, Command::TimerDue(timer))
        }
        ["receive", link, sequence] => {
            let (from, to) = ends_of(link);
            receive(world, from, to, number(sequence.trim_start_matches('#')))
        }
        ["ack", link, sequence] => {
            let (by, to) = ends_of(link);
            acknowledge(world, by, to, number(sequence.trim_start_matches('#')))
        }
        ["exchange"] => exchange(world),
        ["edit", object, options @ ..] => edits::run(world, object, options, items),
        [
            "submit" | "pause" | "resume" | "repin" | "restart" | "cancel" | "kill" | "purge"
            | "purge-journal" | "look" | "resolve" | "signal",
            ..,
        ] => {
            world.ticket += 1;
            let (invocation, command) = request(world, &words);
            world.apply_at(invocation, command)
        }
        _ => guest(world, &words, items),
    }
}

/// What the outside asks for.
fn request(world: &mut World, words: &[&str]) -> (InvocationId, Command) {
    let ticket = world.ticket;
    let (invocation, wants) = (id(world, words[1]), Some(ticket));
    let command = match words {
        ["submit", _, target, rest @ ..] => {
            Command::Submit(submission(world, invocation, crate::parse::target(target), rest))
        }
        ["pause", _] => Command::Pause { invocation, ticket },
        ["resume", _] => Command::Resume(Resume { invocation, deployment: None, ticket }),
        ["resume", _, "on", on] => {
            Command::Resume(Resume { invocation, deployment: Some(deployment(on)), ticket })
        }
        ["repin", _, on] => {
            Command::Repin(Repin { invocation, deployment: deployment(on), entries_len: None, ticket })
        }
        ["repin", _, on, "at", len] => {
            let entries_len = Some(u32::try_from(number(len)).expect("a length"));
            Command::Repin(Repin { invocation, deployment: deployment(on), entries_len, ticket })
        }
        ["cancel", _] => Command::Cancel(EndRequest::by_person(invocation, ticket)),
        ["kill", _] => Command::Kill(EndRequest::by_person(invocation, ticket)),
        ["restart", _, "of", of, rest @ ..] => Command::Restart(restart(world, invocation, of, rest)),
        ["purge-journal", _] => Command::PurgeJournal { invocation, ticket },
        ["look", _] => Command::Look { invocation, ticket },
        ["purge", _] => Command::Purge { invocation, ticket: wants },
        ["resolve", at, value, born @ ..] => {
            let mut awakeable = awakeable(world, at);
            if let ["born", birth] = born {
                awakeable.birth = number(birth) as Attempt;
            }
            let command = Command::CompleteAwakeable { awakeable, outcome: outcome(value), ticket: wants };
            return (awakeable.invocation, command);
        }
        ["signal", _, name, value] => Command::Signal(Signal {
            invocation,
            name: (*name).into(),
            outcome: outcome(value),
            ticket: wants,
        }),
        other => panic!("unknown line: {other:?}"),
    };
    (invocation, command)
}

/// Reads `[keep 2] [on 2]`.
fn restart(world: &mut World, invocation: InvocationId, of: &str, rest: &[&str]) -> Restart {
    let word = |name| rest.iter().position(|word| *word == name).map(|at| rest[at + 1]);
    Restart {
        of: id(world, of),
        invocation,
        entries_kept: word("keep").map_or(0, |kept| number(kept) as u32),
        deployment: word("on").map(deployment),
        ticket: world.ticket,
    }
}

/// Reads `[at 500] [key i] [awaited] [depth 99]`.
fn submission(world: &mut World, invocation: InvocationId, target: Target, rest: &[&str]) -> Submission {
    if let Some(object) = target.object() {
        world.assert_owner(object, invocation);
    }
    let word = |name| rest.iter().position(|word| *word == name).map(|at| rest[at + 1]);
    let is_awaited = rest.contains(&"awaited");
    Submission {
        invocation,
        target,
        origin: Origin::Ingress,
        input: InputRow { headers: Vec::new(), body: Bytes::new() },
        idempotency_key: word("key").map(str::to_owned),
        begin_at: word("at").map(|millis| Timestamp(number(millis))),
        ticket: (!is_awaited).then_some(world.ticket),
        depth: word("depth").map_or(0, |depth| number(depth) as u32),
    }
}

/// What a guest, or the executor on its behalf, says.
fn guest(world: &mut World, words: &[&str], items: &str) -> Vec<Effect> {
    let (verb, name, rest) = (words[0], words[1], &words[2..]);
    let (name, attempt) = match name.split_once('#') {
        Some((name, attempt)) => (name, Some(number(attempt) as Attempt)),
        None => (name, None),
    };
    let invocation = id(world, name);
    let attempt = attempt.unwrap_or_else(|| world.row(invocation).expect("submitted before").attempts);
    let command = match verb {
        "append" => Command::Append(asks::append(world, invocation, attempt, rest, items)),
        _ => Command::Ended(Ended { invocation, attempt, end: end(verb, rest), jitter: 0 }),
    };
    world.apply_at(invocation, command)
}

fn end(verb: &str, rest: &[&str]) -> End {
    match (verb, rest) {
        ("return", [value]) => End::Returned(Bytes::copy_from_slice(value.as_bytes())),
        ("fail", [code, message]) => End::Failed(Failure::new(number(code) as u16, *message)),
        ("suspend", [on, "seen", seen]) => {
            End::Suspended { waiting_on: ops(on), outcomes_seen: number(seen) as u32 }
        }
        ("awaits-retry", [on, "seen", seen, rest @ ..]) => {
            let retry_at = Timestamp(rest.get(1).map_or(0, |at| number(at)));
            End::AwaitsRetry { waiting_on: ops(on), outcomes_seen: number(seen) as u32, retry_at }
        }
        ("crash", [message, rest @ ..]) => {
            let retry_after_ms = rest.get(1).map(|millis| number(millis));
            End::Crashed { message: (*message).into(), op: None, retry_after_ms }
        }
        ("lost", []) => End::Lost,
        ("stopped", []) => End::Stopped,
        ("put-off", []) => End::PutOff { message: "no room".into() },
        ("mismatch", []) => End::Mismatched(MismatchReport {
            op: 0,
            recorded: Some("run(\"pay\")".into()),
            asked: Some("run(\"ship\")".into()),
            backtrace: None,
        }),
        other => panic!("unknown line: {other:?}"),
    }
}

/// Reads a number, or a sum of them; `d` is for days in milliseconds.
pub fn number(text: &str) -> u64 {
    let part = |part: &str| {
        let (digits, unit) = part.strip_suffix('d').map_or((part, 1), |digits| (digits, DAY_MS));
        digits.parse::<u64>().unwrap_or_else(|_| panic!("not a number: {text:?}")) * unit
    };
    text.split('+').map(part).sum()
}

fn ops(text: &str) -> WaitSet {
    if text == "any" {
        return WaitSet::Any;
    }
    WaitSet::of(text.split(',').map(|op| number(op) as OpId).collect())
}

/// Returns the invocation of a name; `b@1` belongs to partition 1.
pub fn id(world: &mut World, name: &str) -> InvocationId {
    let name = name.split_once('.').map_or(name, |(name, _)| name);
    let partition_key = name.split_once('@').map_or(0, |(_, partition)| number(partition));
    let unique = name.bytes().fold(0, |sum, byte| sum * 256 + u128::from(byte));
    let id = if name.starts_with(|first: char| first.is_ascii_uppercase()) {
        InvocationId::computed(unique, partition_key)
    } else {
        InvocationId { unique, partition_key }
    };
    world.names.insert(id, name.to_owned());
    id
}

/// Reads `a.1`, the operation 1 of `a` as it is now.
pub fn awakeable(world: &mut World, text: &str) -> AwakeableId {
    let (name, op) = text.split_once('.').expect("an awakeable is name.op");
    let invocation = id(world, name);
    let birth = world.row(invocation).map_or(0, |row| row.birth);
    AwakeableId { invocation, op: number(op) as OpId, birth }
}

/// Reads `service/handler` or `service/key/handler`.
pub fn target(text: &str) -> Target {
    let (service, key, handler) = match *text.split('/').collect::<Vec<_>>() {
        [service, handler] => (service, None, handler),
        [service, key, handler] => (service, Some(key.to_owned()), handler),
        _ => panic!("not a target: {text:?}"),
    };
    Target { service: service.into(), key, handler: handler.into() }
}

/// Reads a value, a large one like `32MiB`, or the code of a failure in brackets.
pub fn outcome(text: &str) -> Outcome {
    if text == "empty" {
        return Outcome::Empty;
    }
    if let Some(mib) = text.strip_suffix("MiB") {
        return Outcome::Value(Bytes::from(vec![1; number(mib) as usize * (1 << 20)]));
    }
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(code) => Outcome::Failure(Failure::new(number(code) as u16, "bad")),
        None => Outcome::Value(Bytes::copy_from_slice(text.as_bytes())),
    }
}

fn deploy(world: &mut World, words: &[&str]) {
    match words {
        ["undeploy", name] => world.undeploy(name),
        ["deploy", item @ ..] => world.deploy(offered(&item.join(" "))),
        other => panic!("unknown line: {other:?}"),
    }
}

/// Reads `obj`, `obj as service`, `obj shared`, `obj patient` or `obj without h`.
fn offered(item: &str) -> ServiceManifest {
    let words: Vec<&str> = item.split_whitespace().collect();
    let known = services::all().into_iter().find(|manifest| manifest.name == words[0]);
    let mut manifest = known.expect("a service of the scripts");
    match words.as_slice() {
        [_] => {}
        [_, "as", "service"] => manifest.kind = ServiceKind::Service,
        [_, "shared"] => {
            manifest.handlers.iter_mut().for_each(|handler| handler.mode = HandlerMode::Shared);
        }
        [_, "without", name] => manifest.handlers.retain(|handler| handler.name != *name),
        [_, "patient"] => {
            manifest.handlers.iter_mut().for_each(|handler| handler.options.retry.policy.max_attempts = None);
        }
        other => panic!("unknown service: {other:?}"),
    }
    manifest
}

/// Returns the deployment of a number.
fn deployment(text: &str) -> DeploymentId {
    DeploymentId::from_digest(number(text).into())
}

/// Lets time pass and fires what is due, the earliest first.
fn advance(world: &mut World, millis: u64) -> Vec<Effect> {
    let until = world.now.plus_millis(millis);
    let mut effects = Vec::new();
    while let Some(timer) = world.timers.first().copied().filter(|timer| timer.at <= until) {
        world.timers.remove(&timer);
        world.now = world.now.max(timer.at);
        effects.extend(world.apply_at(timer.invocation, Command::TimerDue(timer)));
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
        ["purge"] => TimerKind::Purge,
        ["purge-journal"] => TimerKind::PurgeJournal,
        ["purge-unclaimed"] => TimerKind::PurgeUnclaimed,
        other => panic!("unknown timer: {other:?}"),
    };
    let is_it = |timer: &&Timer| timer.invocation == invocation && timer.kind == kind;
    *world.timers.iter().find(is_it).expect("the timer is armed")
}

fn ends_of(link: &str) -> (u16, u16) {
    let (from, to) = link.split_once('>').expect("a link is from>to");
    (number(from) as u16, number(to) as u16)
}

fn receive(world: &mut World, from: u16, to: u16, sequence: u64) -> Vec<Effect> {
    let message = world.sent.get(&(from, to, sequence)).expect("the message was transmitted").clone();
    world.apply(to, Command::Receive { from: PartitionId(from), sequence, message })
}

fn acknowledge(world: &mut World, by: u16, to: u16, sequence: u64) -> Vec<Effect> {
    world.apply(to, Command::Acknowledged { by: PartitionId(by), sequence })
}

fn exchange(world: &mut World) -> Vec<Effect> {
    let mut effects = Vec::new();
    while let Some(next) = world.under_way.pop_front() {
        effects.extend(match next {
            UnderWay::Message { from, to, sequence } => receive(world, from, to, sequence),
            UnderWay::Acknowledgement { by, to, sequence } => acknowledge(world, by, to, sequence),
        });
    }
    effects
}
