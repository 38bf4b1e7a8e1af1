//! Keys: where each record of the runtime is.
//!
//! Every key is `partition u16 | tag u8 | rest`, all numbers big-endian, so that the order of the
//! bytes is the order of the numbers. Tags never change meaning and are never used again.
//!
//! | tag | row        | rest                              | value           | lives                   |
//! |-----|------------|-----------------------------------|-----------------|-------------------------|
//! |   1 | Invocation | id                                | `InvocationRow` | until it ends           |
//! |   2 | Entry      | id, op u32                        | `EntryRow`      | with its invocation     |
//! |   3 | Outcome    | id, op u32                        | `OutcomeRow`    | with its invocation     |
//! |   4 | KeyQueue   | object                            | `KeyQueueRow`   | while somebody has it   |
//! |   5 | State      | object, name                      | bytes           | until cleared           |
//! |   6 | Timer      | due u64, id, kind u8, number u32  | nothing         | until due               |
//! |   7 | never used | idempotency keys are in the ids   |                 |                         |
//! |   8 | Deployment | id text (meta partition)          | `DeploymentRow` | until removed           |
//! |   9 | Service    | name (meta partition)             | `ServiceRow`    | while offered           |
//! |  10 | Completed  | id                                | `InvocationRow` | after it ended          |
//! |  11 | Input      | id                                | `InputRow`      | with its invocation     |
//! |  12 | Answer     | id                                | `Answer`        | with its invocation     |
//! |  13 | Outbox     | to u16, sequence u64              | `Message`       | until acknowledged      |
//! |  14 | OutboxHead | to u16                            | u64             | for good                |
//! |  15 | OutboxTail | to u16                            | u64             | for good                |
//! |  16 | InboxMark  | from u16                          | u64             | for good                |
//! |  17 | Setup      | nothing (meta partition)          | `Setup`         | for good                |
//! |  18 | KeyWaiter  | object, position u64              | invocation id   | while it waits          |
//! |  19 | Promise    | object, name                      | `PromiseRow`    | with its workflow       |
//! |  20 | Listeners  | id                                | `ListenersRow`  | until it ends           |
//! |  21 | Mailbox    | id                                | `MailboxRow`    | with its invocation     |
//! |  22 | Signal     | id, number u64                    | `Outcome`       | until received          |
//! |  23 | Created    | time u64, id                      | nothing         | with its invocation     |
//! |  24 | AttemptsPurged | nothing                       | u64             | for good                |
//! |  25 | LogChunk   | number u64 (log partition)        | lines of a guest | with its journal       |
//! |  26 | LogPlace   | id, number u64 (log partition)    | place of a chunk | with its journal       |
//! |  27 | LogTotals  | nothing (log partition)           | sums            | for good                |
//! |  28 | never used |                                   |                 |                         |
//! |  29 | Token      | name (meta partition)             | `TokenRow`      | until revoked           |
//! |  30 | Unclaimed  | id of a run that is not there     | `UnclaimedRow`  | until they are purged   |
//!
//! An object is its service and its key. Both can be any text, so each is closed by two zero bytes,
//! and a zero byte within is followed by `0xff`: the order of the keys is the order of the texts.

mod logs;
mod walk;

use crate::META_PARTITION;
use abide_core::command::{Timer, TimerKind};
use abide_core::ids::{DeploymentId, InvocationId, OpId, PartitionId};
use abide_core::rows::{NamesOf, RowKey};
use abide_core::target::ObjectKey;
use abide_core::time::Timestamp;
pub use logs::{decode_log_chunk, decode_log_place, log_chunk, log_place, log_totals, logs_of};
pub use walk::{after, decode_id, decode_waiter, of_object, with_tag};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Tag {
    Invocation = 1,
    Entry = 2,
    Outcome = 3,
    KeyQueue = 4,
    State = 5,
    Timer = 6,
    Deployment = 8,
    Service = 9,
    Completed = 10,
    Input = 11,
    Answer = 12,
    Outbox = 13,
    OutboxHead = 14,
    OutboxTail = 15,
    InboxMark = 16,
    Setup = 17,
    KeyWaiter = 18,
    Promise = 19,
    Listeners = 20,
    Mailbox = 21,
    Signal = 22,
    Created = 23,
    AttemptsPurged = 24,
    LogChunk = 25,
    LogPlace = 26,
    LogTotals = 27,
    Token = 29,
    Unclaimed = 30,
}

/// Length of the part before `rest`.
const HEAD: usize = 3;

fn head(partition: u16, tag: Tag, capacity: usize) -> Vec<u8> {
    let mut key = Vec::with_capacity(HEAD + capacity);
    key.extend_from_slice(&partition.to_be_bytes());
    key.push(tag as u8);
    key
}

fn with_id(partition: PartitionId, tag: Tag, id: InvocationId) -> Vec<u8> {
    let mut key = head(partition.0, tag, InvocationId::LEN + 4);
    key.extend_from_slice(&id.to_bytes());
    key
}

fn with_op(partition: PartitionId, tag: Tag, id: InvocationId, op: OpId) -> Vec<u8> {
    let mut key = with_id(partition, tag, id);
    key.extend_from_slice(&op.to_be_bytes());
    key
}

fn with_peer(partition: PartitionId, tag: Tag, peer: PartitionId) -> Vec<u8> {
    let mut key = head(partition.0, tag, 10);
    key.extend_from_slice(&peer.0.to_be_bytes());
    key
}

fn put_text(key: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        key.push(byte);
        if byte == 0 {
            key.push(0xff);
        }
    }
    key.extend_from_slice(&[0, 0]);
}

/// Reads what [`put_text`] wrote, and what follows it.
fn take_text(key: &[u8]) -> Option<(String, &[u8])> {
    let mut text = Vec::new();
    let mut rest = key;
    loop {
        match rest {
            [0, 0, after @ ..] => return Some((String::from_utf8(text).ok()?, after)),
            [0, 0xff, after @ ..] => {
                text.push(0);
                rest = after;
            }
            [0, ..] | [] => return None,
            [byte, after @ ..] => {
                text.push(*byte);
                rest = after;
            }
        }
    }
}

fn with_object(partition: PartitionId, tag: Tag, object: &ObjectKey) -> Vec<u8> {
    let mut key = head(partition.0, tag, object.bytes() + 16);
    put_text(&mut key, &object.service);
    put_text(&mut key, &object.key);
    key
}

fn with_name(partition: PartitionId, tag: Tag, object: &ObjectKey, name: &str) -> Vec<u8> {
    let mut key = with_object(partition, tag, object);
    key.extend_from_slice(name.as_bytes());
    key
}

fn with_number(mut key: Vec<u8>, number: u64) -> Vec<u8> {
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// Returns the key of a row in a partition.
///
/// # Panics
/// For [`RowKey::Names`], which is no record: see [`names`].
#[must_use]
pub fn encode(partition: PartitionId, key: &RowKey) -> Vec<u8> {
    match key {
        RowKey::Invocation(id) => with_id(partition, Tag::Invocation, *id),
        RowKey::Completed(id) => with_id(partition, Tag::Completed, *id),
        RowKey::Input(id) => with_id(partition, Tag::Input, *id),
        RowKey::Answer(id) => with_id(partition, Tag::Answer, *id),
        RowKey::Entry(id, op) => with_op(partition, Tag::Entry, *id, *op),
        RowKey::Outcome(id, op) => with_op(partition, Tag::Outcome, *id, *op),
        RowKey::Timer(timer) => timer_key(partition, timer),
        RowKey::Outbox(to, sequence) => {
            let mut key = with_peer(partition, Tag::Outbox, *to);
            key.extend_from_slice(&sequence.to_be_bytes());
            key
        }
        RowKey::OutboxHead(to) => with_peer(partition, Tag::OutboxHead, *to),
        RowKey::OutboxTail(by) => with_peer(partition, Tag::OutboxTail, *by),
        RowKey::InboxMark(from) => with_peer(partition, Tag::InboxMark, *from),
        RowKey::AttemptsPurged => head(partition.0, Tag::AttemptsPurged, 0),
        RowKey::Service(name) => service(name),
        RowKey::Deployment(id) => deployment(id),
        RowKey::KeyQueue(object) => with_object(partition, Tag::KeyQueue, object),
        RowKey::KeyWaiter(object, position) => {
            with_number(with_object(partition, Tag::KeyWaiter, object), *position)
        }
        RowKey::State(object, name) => with_name(partition, Tag::State, object, name),
        RowKey::Promise(object, name) => with_name(partition, Tag::Promise, object, name),
        RowKey::Names(of) => unreachable!("{of:?} is a span, not a record"),
        RowKey::Listeners(id) => with_id(partition, Tag::Listeners, *id),
        RowKey::Mailbox(id) => with_id(partition, Tag::Mailbox, *id),
        RowKey::Unclaimed(run) => with_id(partition, Tag::Unclaimed, *run),
        RowKey::Signal(id, number) => with_number(with_id(partition, Tag::Signal, *id), *number),
        RowKey::Created(at, id) => {
            let mut key = with_number(head(partition.0, Tag::Created, 8 + InvocationId::LEN), at.0);
            key.extend_from_slice(&id.to_bytes());
            key
        }
    }
}

fn timer_key(partition: PartitionId, timer: &Timer) -> Vec<u8> {
    let (kind, number) = match timer.kind {
        TimerKind::Begin => (1u8, 0),
        TimerKind::Retry { attempt } => (2, attempt),
        TimerKind::Sleep { op } => (3, op),
        TimerKind::PurgeJournal => (4, 0),
        TimerKind::Purge => (5, 0),
        TimerKind::PurgeUnclaimed => (6, 0),
    };
    let mut key = head(partition.0, Tag::Timer, 8 + InvocationId::LEN + 5);
    key.extend_from_slice(&timer.at.0.to_be_bytes());
    key.extend_from_slice(&timer.invocation.to_bytes());
    key.push(kind);
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// Reads the timer a key stands for; None when the key is not one of a timer.
#[must_use]
pub fn decode_timer(key: &[u8]) -> Option<Timer> {
    let rest = rest_of(key, Tag::Timer)?;
    let (at, rest) = rest.split_first_chunk::<8>()?;
    let (id, rest) = rest.split_first_chunk::<{ InvocationId::LEN }>()?;
    let (kind, number) = rest.split_first_chunk::<1>()?;
    let number = u32::from_be_bytes(number.try_into().ok()?);
    let kind = match kind[0] {
        1 => TimerKind::Begin,
        2 => TimerKind::Retry { attempt: number },
        3 => TimerKind::Sleep { op: number },
        4 => TimerKind::PurgeJournal,
        5 => TimerKind::Purge,
        6 => TimerKind::PurgeUnclaimed,
        _ => return None,
    };
    Some(Timer { at: Timestamp(u64::from_be_bytes(*at)), invocation: InvocationId::from_bytes(id)?, kind })
}

/// Reads the invocation of a key of [`Tag::Invocation`] or [`Tag::Completed`].
#[must_use]
pub fn decode_invocation(key: &[u8]) -> Option<InvocationId> {
    InvocationId::from_bytes(key.get(HEAD..)?)
}

/// Reads the operation of a key of [`Tag::Entry`] or [`Tag::Outcome`].
#[must_use]
pub fn decode_op(key: &[u8]) -> Option<OpId> {
    let op = key.get(HEAD + InvocationId::LEN..)?;
    Some(OpId::from_be_bytes(op.try_into().ok()?))
}

/// Reads the receiver and the sequence of a key of [`Tag::Outbox`].
#[must_use]
pub fn decode_outbox(key: &[u8]) -> Option<(PartitionId, u64)> {
    let (to, sequence) = rest_of(key, Tag::Outbox)?.split_first_chunk::<2>()?;
    Some((PartitionId(u16::from_be_bytes(*to)), u64::from_be_bytes(sequence.try_into().ok()?)))
}

/// Reads the id of a key of [`Tag::Deployment`].
#[must_use]
pub fn decode_deployment(key: &[u8]) -> Option<DeploymentId> {
    std::str::from_utf8(rest_of(key, Tag::Deployment)?).ok()?.parse().ok()
}

/// Reads the object and what follows it of a key that begins with one: a name, or nothing.
#[must_use]
pub fn decode_object(key: &[u8], tag: Tag) -> Option<(ObjectKey, &[u8])> {
    let (service, rest) = take_text(rest_of(key, tag)?)?;
    let (key, rest) = take_text(rest)?;
    Some((ObjectKey { service, key }, rest))
}

/// Reads the name of a key of [`Tag::State`] or [`Tag::Promise`].
#[must_use]
pub fn decode_name(key: &[u8], tag: Tag) -> Option<String> {
    let (_, name) = decode_object(key, tag)?;
    String::from_utf8(name.to_vec()).ok()
}

/// Reads the invocation of a key of [`Tag::Created`].
#[must_use]
pub fn decode_created(key: &[u8]) -> Option<(Timestamp, InvocationId)> {
    let (at, id) = rest_of(key, Tag::Created)?.split_first_chunk::<8>()?;
    Some((Timestamp(u64::from_be_bytes(*at)), InvocationId::from_bytes(id)?))
}

fn rest_of(key: &[u8], tag: Tag) -> Option<&[u8]> {
    (key.get(2) == Some(&(tag as u8))).then(|| &key[HEAD..])
}

/// Returns the key of a service's newest code.
#[must_use]
pub fn service(name: &str) -> Vec<u8> {
    let mut key = head(META_PARTITION, Tag::Service, name.len());
    key.extend_from_slice(name.as_bytes());
    key
}

/// Returns the key of a token.
#[must_use]
pub fn token(name: &str) -> Vec<u8> {
    let mut key = head(META_PARTITION, Tag::Token, name.len());
    key.extend_from_slice(name.as_bytes());
    key
}

/// Returns the key of a deployment.
#[must_use]
pub fn deployment(id: &DeploymentId) -> Vec<u8> {
    let mut key = head(META_PARTITION, Tag::Deployment, id.as_str().len());
    key.extend_from_slice(id.as_str().as_bytes());
    key
}

/// Returns the key of what was fixed when the data folder was made.
#[must_use]
pub fn setup() -> Vec<u8> {
    head(META_PARTITION, Tag::Setup, 0)
}

/// A part of the key space: from the first key up to, but without, the second.
pub type Span = (Vec<u8>, Vec<u8>);

/// Returns all keys of one tag in a partition.
#[must_use]
pub fn all(partition: u16, tag: Tag) -> Span {
    let start = head(partition, tag, 0);
    let mut end = start.clone();
    *end.last_mut().expect("a key ends with its tag here") += 1;
    (start, end)
}

/// Returns the keys of one invocation's entries or outcomes.
#[must_use]
pub fn journal(partition: PartitionId, tag: Tag, id: InvocationId) -> Span {
    (with_op(partition, tag, id, 0), after(&with_op(partition, tag, id, OpId::MAX)))
}

/// Returns the keys of all values of an object's state, or of all promises of a workflow.
#[must_use]
pub fn names(partition: PartitionId, of: &NamesOf) -> Span {
    let start = match of {
        NamesOf::State(object) => with_object(partition, Tag::State, object),
        NamesOf::Promises(object) => with_object(partition, Tag::Promise, object),
    };
    let mut end = start.clone();
    // Names are UTF-8, which has no such byte.
    end.push(0xff);
    (start, end)
}

/// Returns the keys of one tag that belong to objects of a service whose keys begin with `prefix` and come
/// after `after`.
#[must_use]
pub fn objects(partition: u16, tag: Tag, service: &str, prefix: &str, after: Option<&str>) -> Span {
    let mut of_service = head(partition, tag, service.len() + 2);
    put_text(&mut of_service, service);
    let with_text = |text: &str| {
        let mut key = of_service.clone();
        put_text(&mut key, text);
        key
    };
    let mut start = with_text(prefix);
    // Without its end, so that it is one of longer texts, too.
    start.truncate(start.len() - 2);
    let mut end = start.clone();
    // No text goes on with such a byte, nor does what follows a key.
    end.push(0xff);
    if let Some(after) = after {
        let mut behind = with_text(after);
        behind.push(0xff);
        start = start.max(behind);
    }
    (start, end)
}

/// Returns the keys of those who wait for the key of an object, from a position on.
#[must_use]
pub fn waiters(partition: PartitionId, object: &ObjectKey, from: u64) -> Span {
    let all = with_object(partition, Tag::KeyWaiter, object);
    let mut end = all.clone();
    end.extend_from_slice(&[0xff; 9]);
    (with_number(all, from), end)
}

/// Returns the keys of entries or outcomes of some operations, from the first up to, but without, the second.
#[must_use]
pub fn operations(partition: PartitionId, tag: Tag, id: InvocationId, ops: std::ops::Range<OpId>) -> Span {
    (with_op(partition, tag, id, ops.start), with_op(partition, tag, id, ops.end))
}

/// Returns the keys of [`Tag::Created`], which index computed ids by time, from `from` up to, but without, `to`.
#[must_use]
pub fn creation_index(partition: PartitionId, from: Timestamp, to: Timestamp) -> Span {
    let bound = |at: Timestamp| with_number(head(partition.0, Tag::Created, 8), at.0);
    (bound(from), bound(to))
}

/// Returns the keys of timers due from `from` on.
#[must_use]
pub fn timers(partition: PartitionId, from: Timestamp) -> Span {
    let mut start = head(partition.0, Tag::Timer, 8);
    start.extend_from_slice(&from.0.to_be_bytes());
    (start, all(partition.0, Tag::Timer).1)
}

/// Returns the keys of invocations whose ids say that they were created from `from` up to, but without, `to`.
#[must_use]
pub fn ids_created_within(partition: PartitionId, tag: Tag, from: Timestamp, to: Timestamp) -> Span {
    let bound = |at| with_id(partition, tag, InvocationId::new(at, 0, 0));
    (bound(from), bound(to))
}

/// Returns the keys of one tag whose rest is `from` or more, and less than `to`.
#[must_use]
pub fn between(partition: PartitionId, tag: Tag, from: &[u8], to: &[u8]) -> Span {
    let bound = |rest: &[u8]| {
        let mut key = head(partition.0, tag, rest.len());
        key.extend_from_slice(rest);
        key
    };
    (bound(from), bound(to))
}

/// Returns the part of a key that follows partition and tag.
#[must_use]
pub fn rest(key: &[u8]) -> &[u8] {
    key.get(HEAD..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    const ID: InvocationId = InvocationId { unique: 0x0102 << 112, partition_key: 0xff };
    const P: PartitionId = PartitionId(3);
    const ID_HEX: &str = "0102000000000000000000000000000000000000000000ff";

    #[test]
    fn keys_have_their_golden_bytes() {
        let timer = Timer { at: Timestamp(5), invocation: ID, kind: TimerKind::Sleep { op: 9 } };
        let golden = [
            (RowKey::Invocation(ID), format!("000301{ID_HEX}")),
            (RowKey::Entry(ID, 7), format!("000302{ID_HEX}00000007")),
            (RowKey::Outcome(ID, 7), format!("000303{ID_HEX}00000007")),
            (RowKey::Timer(timer), format!("0003060000000000000005{ID_HEX}0300000009")),
            (RowKey::Service("ab".into()), "ffff096162".into()),
            (
                RowKey::Deployment(DeploymentId::from_digest(7)),
                hex(b"\xff\xff\x08dp_10000000000000000000007"),
            ),
            (RowKey::Completed(ID), format!("00030a{ID_HEX}")),
            (RowKey::Input(ID), format!("00030b{ID_HEX}")),
            (RowKey::Answer(ID), format!("00030c{ID_HEX}")),
            (RowKey::Outbox(PartitionId(1), 2), "00030d00010000000000000002".into()),
            (RowKey::OutboxHead(PartitionId(1)), "00030e0001".into()),
            (RowKey::OutboxTail(PartitionId(1)), "00030f0001".into()),
            (RowKey::InboxMark(PartitionId(1)), "0003100001".into()),
            (RowKey::KeyQueue(object("S", "k")), "0003045300006b0000".into()),
            (RowKey::KeyQueue(object("S", "")), "00030453000000 00".replace(' ', "")),
            (RowKey::KeyWaiter(object("S", "k"), 7), "0003125300006b00000000000000000007".into()),
            (
                RowKey::State(object("S", "a\0b"), "n".into()),
                "00030553000061 00ff 620000 6e".replace(' ', ""),
            ),
            (RowKey::Promise(object("S", "k"), "n".into()), "0003135300006b00006e".into()),
            (RowKey::Listeners(ID), format!("000314{ID_HEX}")),
            (RowKey::Mailbox(ID), format!("000315{ID_HEX}")),
            (RowKey::Signal(ID, 9), format!("000316{ID_HEX}0000000000000009")),
            (RowKey::Created(Timestamp(5), ID), format!("0003170000000000000005{ID_HEX}")),
            (RowKey::AttemptsPurged, "000318".into()),
            (RowKey::Unclaimed(ID), format!("00031e{ID_HEX}")),
        ];
        for (key, expected) in golden {
            assert_eq!(hex(&encode(P, &key)), expected, "{key:?}");
        }
        assert_eq!(hex(&token("ab")), "ffff1d6162");
    }

    #[test]
    fn keys_can_be_read_back() {
        let retry = TimerKind::Retry { attempt: 4 };
        let sleep = TimerKind::Sleep { op: 9 };
        let purges = [TimerKind::PurgeJournal, TimerKind::Purge, TimerKind::PurgeUnclaimed];
        for kind in [TimerKind::Begin, retry, sleep].into_iter().chain(purges) {
            let timer = Timer { at: Timestamp(5), invocation: ID, kind };
            assert_eq!(decode_timer(&encode(P, &RowKey::Timer(timer))), Some(timer));
        }
        assert_eq!(decode_invocation(&encode(P, &RowKey::Completed(ID))), Some(ID));
        assert_eq!(decode_op(&encode(P, &RowKey::Entry(ID, 7))), Some(7));
        let outbox = encode(P, &RowKey::Outbox(PartitionId(1), 2));
        assert_eq!(decode_outbox(&outbox), Some((PartitionId(1), 2)));
        let id = DeploymentId::from_digest(77);
        assert_eq!(decode_deployment(&deployment(&id)), Some(id));
    }

    fn object(service: &str, key: &str) -> ObjectKey {
        ObjectKey { service: service.into(), key: key.into() }
    }

    #[test]
    fn names_of_objects_can_be_read_back_and_do_not_mix() {
        let objects =
            [object("S", ""), object("S", "a"), object("S", "a\0"), object("S", "ä/b"), object("Sa", "")];
        for of in &objects {
            let (start, end) = names(P, &NamesOf::State(of.clone()));
            for each in &objects {
                for name in ["", "n", "\u{10ffff}"] {
                    let key = encode(P, &RowKey::State(each.clone(), name.into()));
                    assert_eq!((start.clone()..end.clone()).contains(&key), each == of, "{each} in {of}");
                    assert_eq!(decode_name(&key, Tag::State).as_deref(), Some(name));
                    assert_eq!(
                        decode_object(&key, Tag::State).map(|(object, _)| object).as_ref(),
                        Some(each)
                    );
                }
            }
        }
        let created = RowKey::Created(Timestamp(5), ID);
        assert_eq!(decode_created(&encode(P, &created)), Some((Timestamp(5), ID)));
    }

    #[test]
    fn a_span_holds_its_keys_and_no_others() {
        let (start, end) = journal(P, Tag::Entry, ID);
        let next = InvocationId { partition_key: ID.partition_key + 1, ..ID };
        let holds = |id, op| (start.clone()..end.clone()).contains(&encode(P, &RowKey::Entry(id, op)));
        assert_eq!([holds(ID, 0), holds(ID, OpId::MAX), holds(next, 0)], [true, true, false]);
        let (start, end) = all(P.0, Tag::Timer);
        let timer = Timer { at: Timestamp(u64::MAX), invocation: ID, kind: TimerKind::Begin };
        assert!((start..end).contains(&encode(P, &RowKey::Timer(timer))));
    }

    #[test]
    fn the_objects_of_a_service_are_apart_from_those_of_others() {
        let services = ["S", "S\0", "SS", "R", "S\u{1}"];
        let keys = ["", "a", "ab", "b", "a\0", "a\u{1}", "ä", "\u{10ffff}"];
        let encode = |service: &str, key: &str, name: &str| {
            let object = ObjectKey { service: service.into(), key: key.into() };
            super::encode(P, &RowKey::State(object, name.into()))
        };
        let is_in = |(start, end): &Span, key: &[u8]| start.as_slice() <= key && key < end.as_slice();
        for prefix in keys {
            for after in [None, Some(""), Some("a"), Some("a\0"), Some("b")] {
                let span = objects(P.0, Tag::State, "S", prefix, after);
                for service in services {
                    for key in keys {
                        for name in ["", "n", "\u{10ffff}"] {
                            let is_meant = service == "S"
                                && key.starts_with(prefix)
                                && after.is_none_or(|after| key > after);
                            let seen = is_in(&span, &encode(service, key, name));
                            assert_eq!(seen, is_meant, "{service:?}/{key:?} {prefix:?} {after:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn waiters_are_those_of_one_object() {
        let object = |key: &str| ObjectKey { service: "S".into(), key: key.into() };
        let encode = |key: &str, position| super::encode(P, &RowKey::KeyWaiter(object(key), position));
        let (start, end) = waiters(P, &object("k"), 2);
        let is_in = |key: &[u8]| start.as_slice() <= key && key < end.as_slice();
        assert!(is_in(&encode("k", 2)) && is_in(&encode("k", u64::MAX)));
        assert!(!is_in(&encode("k", 1)) && !is_in(&encode("ka", 2)) && !is_in(&encode("j", 2)));
    }
}
