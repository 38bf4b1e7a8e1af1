//! From the items of an `append` line to what a guest asked and did.
//!
//! | item                                      | meaning                                              |
//! |-------------------------------------------|------------------------------------------------------|
//! | `run pay`, `fill 5`, `sleep 100`, `sleeps 5 100` | run blocks, sleeps; five of them               |
//! | `done 0 ok`, `bad 0 409`, `retry 0 [tries 3] [after 50]` | a run block is finished, or failed     |
//! | `heard 0 ok as 2`                         | as `done`; the guest has heard it, as the outcome number 2 |
//! | `call b svc/h [key i]`, `calls 70 b svc/h` | a call that becomes `b`, 70 calls `b0` to `b69`      |
//! | `send b svc/h [+100] [key i]`              | as `call`, but nobody waits                          |
//! | `attach b`, `attaches 5 b`, `cancel b`, `kill b` | another invocation, or the same                |
//! | `has 5 from get x as 2`                   | as `get`; the attempt has read it, as the outcome number 2; `has stored` reads it |
//! | `get x`, `set x 5`, `clear x`, `clear-all`, `keys` | the state; `sets 5 x` sets `x0` to `x4`      |
//! | `awakeable`, `resolve b.1 ok`              | an awakeable, the completion of one                  |
//! | `receive go`, `receives 5 go`, `signal b go ok`, `signals 5 b go ok` | signals                    |
//! | `await p`, `awaits 5 p`, `peek p`, `complete p ok` | promises of the workflow; `promises 5 p` awaits `p0` to `p4`, `completes 5 p ok` completes them |

use crate::parse::{awakeable, id, number, outcome, target};
use crate::world::World;
use abide_core::command::{Append, Ask, FailedRun, FinishedRun, Heard, ReadAhead};
use abide_core::entry::{Entry, Failure, Outcome, Request};
use abide_core::ids::{Attempt, InvocationId, OpId};
use abide_core::retry::RetryPolicy;
use abide_core::rows::{Row, RowKey};
use bytes::Bytes;

pub fn append(
    world: &mut World,
    invocation: InvocationId,
    attempt: Attempt,
    rest: &[&str],
    items: &str,
) -> Append {
    let row = world.row(invocation);
    let object = row.and_then(|row| row.target.object());
    let (mut first_op, mut run) = (None, None);
    for option in rest.chunks(2) {
        match option {
            ["from", op] => first_op = Some(number(op) as OpId),
            ["run", name] => run = Some(id(world, name)),
            other => panic!("unknown: {other:?}"),
        }
    }
    let row = world.row(invocation);
    let first_op = first_op.unwrap_or_else(|| row.expect("submitted before").entries_len);
    let mut append = Append {
        invocation,
        attempt,
        object,
        run,
        first_op,
        entries: Vec::new(),
        finished: Vec::new(),
        failed: Vec::new(),
        jitter: 0,
    };
    // A guest of the scripts has heard all there is, unless `unheard` says how much it has not.
    let mut outcomes_seen = row.map_or(0, |row| row.outcomes_len);
    for item in items.split("; ") {
        let words: Vec<&str> = item.split_whitespace().collect();
        match &words[..] {
            ["unheard", count] => outcomes_seen -= number(count) as u32,
            ["heard", op, value, "as", order] => {
                let heard = Heard { order: number(order) as u32, at: world.now };
                append.finished.push(finished(op, outcome(value), Some(heard)));
                outcomes_seen = heard.order + 1;
            }
            ["has", value, "from", "get", name, "as", order] => {
                let heard = Heard { order: number(order) as u32, at: world.now };
                let outcome = match *value {
                    "stored" => stored(world, &append, name),
                    value => outcome(value),
                };
                let read = Some(ReadAhead { outcome, heard });
                let entry = Entry::GetState { name: (*name).to_owned() };
                append.entries.push(Ask { entry, outcomes_before: outcomes_seen, read });
                outcomes_seen = heard.order + 1;
            }
            words => {
                let mut entries = Vec::new();
                take_in(world, &mut append, &mut entries, words);
                let ask = |entry| Ask { entry, outcomes_before: outcomes_seen, read: None };
                append.entries.extend(entries.into_iter().map(ask));
            }
        }
    }
    append
}

/// Returns a value of the state of the object that an invocation runs on.
fn stored(world: &World, append: &Append, name: &str) -> Outcome {
    let object = append.object.clone().expect("it runs on an object");
    let rows = &world.partitions[usize::from(world.owner(append.invocation))];
    match rows.get(&RowKey::State(object, name.to_owned())) {
        Some(Row::State(value)) => Outcome::Value(value.clone()),
        _ => Outcome::Empty,
    }
}

fn finished(op: &str, outcome: Outcome, heard: Option<Heard>) -> FinishedRun {
    FinishedRun { op: number(op) as OpId, outcome, heard }
}

fn take_in(world: &mut World, append: &mut Append, entries: &mut Vec<Entry>, words: &[&str]) {
    match words {
        ["done", op, value] => append.finished.push(finished(op, outcome(value), None)),
        ["bad", op, code] => {
            let failure = Failure::new(number(code) as u16, "bad");
            append.finished.push(finished(op, Outcome::Failure(failure), None));
        }
        ["retry", op, rest @ ..] => append.failed.push(failed(op, rest)),
        ["fill", count] => (0..number(count)).for_each(|_| entries.push(run("fill"))),
        ["sets", count, name, "of", mib, "MiB"] => {
            let value = Bytes::from(vec![1; number(mib) as usize * (1 << 20)]);
            let set = |at| Entry::SetState { name: format!("{name}{at}"), value: value.clone() };
            entries.extend((0..number(count)).map(set));
        }
        ["sets", count, name] => entries.extend(
            (0..number(count))
                .map(|at| Entry::SetState { name: format!("{name}{at}"), value: Bytes::from_static(b"1") }),
        ),
        ["clears", count, name] => {
            entries.extend((0..number(count)).map(|at| Entry::ClearState { name: format!("{name}{at}") }))
        }
        ["promises", count, name] => {
            entries.extend((0..number(count)).map(|at| Entry::GetPromise { name: format!("{name}{at}") }))
        }
        ["completes", count, name, value] => entries.extend(
            (0..number(count))
                .map(|at| Entry::CompletePromise { name: format!("{name}{at}"), outcome: outcome(value) }),
        ),
        ["calls", count, name, to] => {
            let (name, partition) = name.split_at(name.find('@').unwrap_or(name.len()));
            for at in 0..number(count) {
                let child = format!("{name}{at}{partition}");
                entries.push(Entry::Call(request(world, &child, to, &[])));
            }
        }
        // More of the same: `receives 5 go` is five times `receive go`.
        ["sleeps" | "receives" | "awaits" | "attaches" | "signals", count, rest @ ..] => {
            let one = match words[0] {
                "sleeps" => "sleep",
                "receives" => "receive",
                "awaits" => "await",
                "attaches" => "attach",
                _ => "signal",
            };
            let entry = entry(world, &[&[one], rest].concat());
            entries.extend((0..number(count)).map(|_| entry.clone()));
        }
        words => entries.push(entry(world, words)),
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

fn run(name: &str) -> Entry {
    Entry::Run { name: name.into(), retry: None }
}

fn entry(world: &mut World, words: &[&str]) -> Entry {
    let text = |text: &str| text.to_owned();
    match *words {
        ["run", name] => run(name),
        ["sleep", millis] => Entry::Sleep { duration_ms: number(millis), name: None },
        ["call", name, to, ref rest @ ..] => Entry::Call(request(world, name, to, rest)),
        ["send", name, to, ref rest @ ..] => {
            let delay = rest.iter().find_map(|word| word.strip_prefix('+'));
            Entry::Send { request: request(world, name, to, rest), delay_ms: delay.map(number) }
        }
        ["attach", name] => Entry::Attach { invocation: id(world, name) },
        ["cancel", name] => Entry::Cancel { invocation: id(world, name) },
        ["kill", name] => Entry::Kill { invocation: id(world, name) },
        ["get", name] => Entry::GetState { name: text(name) },
        ["set", name, value] => {
            Entry::SetState { name: text(name), value: Bytes::copy_from_slice(value.as_bytes()) }
        }
        ["clear", name] => Entry::ClearState { name: text(name) },
        ["clear-all"] => Entry::ClearAllState,
        ["keys"] => Entry::StateKeys,
        ["awakeable"] => Entry::Awakeable { name: None },
        ["resolve", at, value] => {
            Entry::CompleteAwakeable { awakeable: awakeable(world, at), outcome: outcome(value) }
        }
        ["receive", name] => Entry::ReceiveSignal { name: text(name) },
        ["signal", to, name, value] => {
            Entry::SendSignal { invocation: id(world, to), name: text(name), outcome: outcome(value) }
        }
        ["await", name] => Entry::GetPromise { name: text(name) },
        ["peek", name] => Entry::PeekPromise { name: text(name) },
        ["complete", name, value] => Entry::CompletePromise { name: text(name), outcome: outcome(value) },
        ref other => panic!("unknown entry: {other:?}"),
    }
}

/// Reads `[key i]`: an idempotency key. The child of a request with one should have a name in capitals.
fn request(world: &mut World, name: &str, to: &str, rest: &[&str]) -> Request {
    let (child, target) = (id(world, name), target(to));
    if let Some(object) = target.object() {
        world.assert_owner(object, child);
    }
    let key = rest.iter().position(|word| *word == "key").map(|at| rest[at + 1].to_owned());
    Request { child, target, input: Bytes::new(), headers: Vec::new(), idempotency_key: key }
}
