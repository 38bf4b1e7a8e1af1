//! What is stored, as short text: for the `show` lines of a script.

use crate::parse;
use crate::print;
use crate::world::World;
use abide_core::entry::EntryRow;
use abide_core::ids::{CANCEL_OP, InvocationId, OpId};
use abide_core::rows::{Row, RowKey};
use abide_core::target::ObjectKey;
use std::collections::BTreeMap;
use std::fmt::Write;

/// A longer journal is cut.
const ENTRIES_SHOWN: usize = 10;

/// Returns what a `show` line asks for, nothing for any other.
pub fn run(world: &World, line: &str) -> String {
    let Some(what) = line.strip_prefix("show ") else { return String::new() };
    let lines = match what {
        "rows" => vec![kinds(world.partitions.iter().flatten())],
        "phases" => phases(world),
        what => match what.split_once('/') {
            Some((service, key)) => vec![object(world, service, key)],
            None => invocation(world, what),
        },
    };
    lines.into_iter().fold(String::new(), |mut text, line| {
        writeln!(text, "  | {line}").unwrap();
        text
    })
}

/// Counts rows by their kind, without those that are there for good.
fn kinds<'a>(rows: impl Iterator<Item = (&'a RowKey, &'a Row)>) -> String {
    let mut counts = BTreeMap::<&str, usize>::new();
    for (key, _) in rows {
        if let Some(kind) = kind(key) {
            *counts.entry(kind).or_default() += 1;
        }
    }
    let counts: Vec<_> = counts.into_iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") }
}

fn kind(key: &RowKey) -> Option<&'static str> {
    Some(match key {
        RowKey::Invocation(_) => "live",
        RowKey::Completed(_) => "completed",
        RowKey::Input(_) => "input",
        RowKey::Answer(_) => "answer",
        RowKey::Entry(..) => "entry",
        RowKey::Outcome(..) => "outcome",
        RowKey::Timer(_) => "timer",
        RowKey::Outbox(..) => "message",
        RowKey::KeyQueue(_) => "queue",
        RowKey::KeyWaiter(..) => "waiter",
        RowKey::State(..) => "value",
        RowKey::Promise(..) => "promise",
        RowKey::Listeners(_) => "listeners",
        RowKey::Mailbox(_) => "mailbox",
        RowKey::Signal(..) => "signal",
        RowKey::Created(..) => "created",
        RowKey::Unclaimed(_) => "unclaimed",
        RowKey::OutboxHead(_) | RowKey::OutboxTail(_) | RowKey::InboxMark(_) => return None,
        RowKey::AttemptsPurged | RowKey::Service(_) | RowKey::Deployment(_) | RowKey::Names(_) => {
            return None;
        }
    })
}

/// Counts invocations by their phase.
fn phases(world: &World) -> Vec<String> {
    let mut counts = BTreeMap::<String, usize>::new();
    for phase in world.phases().into_values() {
        *counts.entry(phase).or_default() += 1;
    }
    counts.into_iter().map(|(phase, count)| format!("{count} {phase}")).collect()
}

fn id(world: &World, name: &str) -> InvocationId {
    let known = world.names.iter().find(|(_, known)| *known == name);
    *known.unwrap_or_else(|| panic!("{name} was not used before")).0
}

/// The journal in order, and then what else is stored.
fn invocation(world: &World, name: &str) -> Vec<String> {
    let id = id(world, name);
    let rows = &world.partitions[usize::from(world.owner(id))];
    let mut lines: Vec<String> = rows.iter().filter_map(|(key, row)| entry(rows, id, key, row)).collect();
    lines.truncate(ENTRIES_SHOWN);
    if let Some(Row::Outcome(row)) = rows.get(&RowKey::Outcome(id, CANCEL_OP)) {
        lines.push(format!("order {}: cancellation at {}", row.order, print::time(row.at)));
    }
    for (op, callee) in world.row(id).iter().flat_map(|row| &row.open_calls.callees) {
        lines.push(format!("waits for {} with op {op}", world.name(*callee)));
    }
    for (key, row) in rows.iter().filter(|(key, _)| owner(key) == Some(id)) {
        match row {
            Row::Answer(answer) => lines.push(format!("answer: {}", print::answer(answer))),
            Row::Listeners(row) => {
                let who: Vec<_> = row.listeners.iter().map(|by| print::listener(world, by)).collect();
                lines.push(format!("listeners: {}", who.join(" ")));
            }
            Row::Mailbox(row) => {
                let arrived: Vec<_> = row.arrived.iter().map(|(_, name)| name.clone()).collect();
                let wanted: Vec<_> = row.waiting.iter().map(|(op, name)| format!("{name} by {op}")).collect();
                lines.push(format!("arrived: {}", list(&arrived)));
                lines.push(format!("wanted: {}", list(&wanted)));
            }
            Row::Timer => {
                let RowKey::Timer(timer) = key else { unreachable!("only timers are stored as timers") };
                lines.push(format!("timer {}", print::timer(world, timer)));
            }
            _ => {}
        }
    }
    for failure in world.row(id).iter().flat_map(|row| &row.last_failures) {
        lines.push(format!("#{} said: {}", failure.attempt, failure.message));
    }
    lines.push(kinds(rows.iter().filter(|(key, _)| owner(key) == Some(id))));
    lines
}

/// Lists a few, and counts more.
fn list(all: &[String]) -> String {
    if all.len() > 10 { format!("{} of them", all.len()) } else { all.join(", ") }
}

fn entry(rows: &BTreeMap<RowKey, Row>, id: InvocationId, key: &RowKey, row: &Row) -> Option<String> {
    let (RowKey::Entry(of, op), Row::Entry(EntryRow { entry, .. })) = (key, row) else { return None };
    if *of != id {
        return None;
    }
    let entry = match entry {
        abide_core::entry::Entry::Call(request) => format!("call({})", request.target),
        entry => entry.kind().to_owned(),
    };
    Some(match outcome(rows, id, *op) {
        Some(outcome) => format!("op {op} {entry}: {outcome}"),
        None => format!("op {op} {entry}"),
    })
}

fn outcome(rows: &BTreeMap<RowKey, Row>, id: InvocationId, op: OpId) -> Option<String> {
    match rows.get(&RowKey::Outcome(id, op))? {
        Row::Outcome(row) => Some(format!("{} (order {})", print::outcome(&row.outcome), row.order)),
        other => panic!("not an outcome: {other:?}"),
    }
}

/// Returns the invocation that a row is kept for.
pub fn owner(key: &RowKey) -> Option<InvocationId> {
    match key {
        RowKey::Invocation(id)
        | RowKey::Completed(id)
        | RowKey::Input(id)
        | RowKey::Answer(id)
        | RowKey::Entry(id, _)
        | RowKey::Outcome(id, _)
        | RowKey::Listeners(id)
        | RowKey::Mailbox(id)
        | RowKey::Signal(id, _)
        | RowKey::Created(_, id) => Some(*id),
        RowKey::Timer(timer) => Some(timer.invocation),
        RowKey::Outbox(..)
        | RowKey::OutboxHead(_)
        | RowKey::OutboxTail(_)
        | RowKey::InboxMark(_)
        | RowKey::AttemptsPurged
        | RowKey::Service(_)
        | RowKey::Deployment(_)
        | RowKey::KeyQueue(_)
        | RowKey::KeyWaiter(..)
        | RowKey::State(..)
        | RowKey::Promise(..)
        | RowKey::Unclaimed(_)
        | RowKey::Names(_) => None,
    }
}

/// Holder, waiters, state and promises of `service/key@partition`.
fn object(world: &World, service: &str, key: &str) -> String {
    let (key, partition) = key.split_once('@').unwrap_or((key, "0"));
    let object = ObjectKey { service: service.into(), key: key.into() };
    let owner = parse::number(partition) as usize % world.partitions.len();
    let parts = world.partitions[owner].iter().filter_map(|(key, row)| part(world, &object, key, row));
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

fn part(world: &World, object: &ObjectKey, key: &RowKey, row: &Row) -> Option<String> {
    match (key, row) {
        (RowKey::KeyQueue(of), Row::KeyQueue(queue)) if of == object => {
            Some(format!("{} holds the key", world.name(queue.holder)))
        }
        (RowKey::KeyWaiter(of, position), Row::KeyWaiter(id)) if of == object => {
            Some(format!("{} waits at {position}", world.name(*id)))
        }
        (RowKey::State(of, name), Row::State(value)) if of == object => {
            Some(format!("{name}={}", String::from_utf8_lossy(value)))
        }
        (RowKey::Promise(of, name), Row::Promise(promise)) if of == object => {
            let waiting: Vec<_> = promise.waiting.iter().map(|by| print::listener(world, by)).collect();
            Some(match &promise.outcome {
                Some(outcome) => format!("{name} is {}", print::outcome(outcome)),
                None => format!("{name} is awaited by {}", waiting.join(" ")),
            })
        }
        _ => None,
    }
}
