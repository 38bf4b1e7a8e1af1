//! Values: how a row is written, so that later versions can still read it.
//!
//! A value is one byte, the version of its row, and the row in postcard. A row that changes gets a new
//! version; old versions are read for good.

mod invocation_v1;
mod pieces;

use self::invocation_v1::InvocationV1;
pub use self::pieces::put_row;
use self::pieces::{Whole, Writer};
use crate::keys::Tag;
use abide_core::command::Message;
use abide_core::entry::{Answer, EntryRow, Outcome, OutcomeRow};
use abide_core::ids::InvocationId;
use abide_core::invocation::{InputRow, InvocationRow, ListenersRow, MailboxRow};
use abide_core::manifest::{DeploymentRow, ServiceRow};
use abide_core::object::{KeyQueueRow, PromiseRow, UnclaimedRow};
use abide_core::rows::{Row, RowKey};
use abide_core::time::Timestamp;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A record that is stored under a version.
pub trait Record: Serialize + DeserializeOwned {
    /// The version that is written today.
    const VERSION: u8 = 1;

    /// Reads a record of this version, or of an earlier one. An enum that got more variants at its end
    /// is read by its newest definition.
    ///
    /// # Errors
    /// The bytes are damaged.
    fn read(_version: u8, bytes: &[u8]) -> postcard::Result<Self> {
        postcard::from_bytes(bytes)
    }
}

/// 2: ids of awakeables tell its birth; it may be paused by a person, and begin with the journal of another.
/// 3: it knows how deep it is in calls. 4: it counts the bytes of its journal. 5: it knows whose end it waits for.
impl Record for InvocationRow {
    const VERSION: u8 = 5;

    fn read(version: u8, bytes: &[u8]) -> postcard::Result<Self> {
        match version {
            1 => postcard::from_bytes::<InvocationV1>(bytes).map(Self::from),
            2 => with_zeros(bytes, &[0, 0, 0]),
            3 => with_zeros(bytes, &[0, 0]),
            4 => with_zeros(bytes, &[0]),
            _ => postcard::from_bytes(bytes),
        }
    }
}

impl Record for InputRow {}
impl Record for Answer {}
/// 2: ids of awakeables may tell a birth; one of 0 is written as before there were any.
impl Record for EntryRow {
    const VERSION: u8 = 2;
}
impl Record for OutcomeRow {}
impl Record for Outcome {}
/// 2: it counts who left the queue.
impl Record for KeyQueueRow {
    const VERSION: u8 = 2;

    fn read(version: u8, bytes: &[u8]) -> postcard::Result<Self> {
        match version {
            1 => with_zeros(bytes, &[0]),
            _ => postcard::from_bytes(bytes),
        }
    }
}
impl Record for InvocationId {}
impl Record for PromiseRow {}
impl Record for UnclaimedRow {}
impl Record for ListenersRow {}
impl Record for MailboxRow {}
/// 2: as of an entry. 3: a submission knows how deep it is in calls.
impl Record for Message {
    const VERSION: u8 = 3;

    fn read(version: u8, bytes: &[u8]) -> postcard::Result<Self> {
        match version {
            // Of messages other than a submission the zero is left over, and not looked at.
            1 | 2 => with_zeros(bytes, &[0]),
            _ => postcard::from_bytes(bytes),
        }
    }
}
impl Record for ServiceRow {}
impl Record for DeploymentRow {}
impl Record for Setup {}
impl Record for TokenRow {}
/// A counter.
impl Record for u64 {}
/// A value of a state.
impl Record for Bytes {}

/// Reads a record from before it got its last fields, numbers that are 0 for all of that time, or maps with nothing in
/// them: postcard writes fields one after the other, and those as one zero byte, so the newer record is the older one
/// and those bytes.
fn with_zeros<T: DeserializeOwned>(bytes: &[u8], zeros: &[u8]) -> postcard::Result<T> {
    postcard::from_bytes(&[bytes, zeros].concat())
}

/// Of rows that say nothing but that they are there.
const EMPTY_VERSION: u8 = 1;

/// A value that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    #[error("the record {key} has version {version}; this program reads up to {known}: use a newer abide")]
    NewerVersion { key: String, version: u8, known: u8 },
    #[error("the record {key} cannot be read: {reason}; run \"abide doctor\" on the data folder")]
    Unreadable { key: String, reason: String },
}

/// What was fixed when the data folder was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    pub partitions: u16,
}

/// A token of the admin port or the ingress that was made while the server ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRow {
    pub name: String,
    /// Of the token; itself it is kept nowhere.
    pub sha256: [u8; 32],
    pub scope: String,
    /// The services it may call; none named means all.
    pub services: Vec<String>,
    pub created_at: Timestamp,
}

/// Writes any record with the version in front.
///
/// # Panics
/// Never: the records of this project can all be written.
#[must_use]
pub fn encode<T: Record>(record: &T) -> Bytes {
    let bytes = postcard::to_extend(record, vec![T::VERSION]).expect("our records have no unwritable parts");
    bytes.into()
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// Names the key when the value is of a newer version or damaged.
pub fn decode<T: Record>(key: &[u8], value: &[u8]) -> Result<T, CodecError> {
    let unreadable = |reason: String| CodecError::Unreadable { key: hex(key), reason };
    let (version, record) = value.split_first().ok_or_else(|| unreadable("it is empty".into()))?;
    if *version > T::VERSION {
        return Err(CodecError::NewerVersion { key: hex(key), version: *version, known: T::VERSION });
    }
    if *version == 0 {
        return Err(unreadable("it has no version".into()));
    }
    T::read(*version, record).map_err(|error| unreadable(error.to_string()))
}

/// Writes a row of the core.
#[must_use]
pub fn encode_row(row: &Row) -> Bytes {
    write_row(row, Whole)
}

fn write_row<W: Writer>(row: &Row, writer: W) -> W::Written {
    match row {
        Row::Invocation(row) => writer.record(&**row),
        Row::Input(row) => writer.record(row),
        Row::Answer(row) => writer.record(row),
        Row::Entry(row) => writer.record(row),
        Row::Outcome(row) => writer.record(row),
        Row::Timer | Row::Created => writer.empty(),
        Row::KeyQueue(row) => writer.record(row),
        Row::KeyWaiter(row) => writer.record(row),
        Row::State(row) => writer.record(row),
        Row::Promise(row) => writer.record(row),
        Row::Unclaimed(row) => writer.record(row),
        Row::Names(_) => unreachable!("names are read from the keys of other rows"),
        Row::Listeners(row) => writer.record(row),
        Row::Mailbox(row) => writer.record(row),
        Row::Signal(row) => writer.record(row),
        Row::Outbox(row) => writer.record(row),
        Row::Counter(row) => writer.record(row),
        Row::Service(row) => writer.record(&**row),
        Row::Deployment(row) => writer.record(&**row),
    }
}

/// Reads a row of the core; its key says of which kind it is.
///
/// # Errors
/// As [`decode`].
pub fn decode_row(row_key: &RowKey, key: &[u8], value: &[u8]) -> Result<Row, CodecError> {
    Ok(match row_key {
        RowKey::Invocation(_) | RowKey::Completed(_) => Row::Invocation(Box::new(decode(key, value)?)),
        RowKey::Input(_) => Row::Input(decode(key, value)?),
        RowKey::Answer(_) => Row::Answer(decode(key, value)?),
        RowKey::Entry(..) => Row::Entry(decode(key, value)?),
        RowKey::Outcome(..) => Row::Outcome(decode(key, value)?),
        RowKey::Timer(_) => Row::Timer,
        RowKey::Outbox(..) => Row::Outbox(decode(key, value)?),
        RowKey::OutboxHead(_) | RowKey::OutboxTail(_) | RowKey::InboxMark(_) | RowKey::AttemptsPurged => {
            Row::Counter(decode(key, value)?)
        }
        RowKey::Service(_) => Row::Service(Arc::new(decode(key, value)?)),
        RowKey::Deployment(_) => Row::Deployment(Arc::new(decode(key, value)?)),
        RowKey::KeyQueue(_) => Row::KeyQueue(decode(key, value)?),
        RowKey::KeyWaiter(..) => Row::KeyWaiter(decode(key, value)?),
        RowKey::State(..) => Row::State(decode(key, value)?),
        RowKey::Promise(..) => Row::Promise(decode(key, value)?),
        RowKey::Unclaimed(_) => Row::Unclaimed(decode(key, value)?),
        RowKey::Names(_) => unreachable!("names are read from the keys of other rows"),
        RowKey::Listeners(_) => Row::Listeners(decode(key, value)?),
        RowKey::Mailbox(_) => Row::Mailbox(decode(key, value)?),
        RowKey::Signal(..) => Row::Signal(decode(key, value)?),
        RowKey::Created(..) => Row::Created,
    })
}

fn hex(key: &[u8]) -> String {
    let tag = key.get(2).map_or(0, |tag| *tag);
    let bytes: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let name = if tag == Tag::Invocation as u8 { " (invocation)" } else { "" };
    format!("{bytes}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::command::Submission;
    use abide_core::entry::{Entry, Failure, Header};
    use abide_core::ids::{AwakeableId, PartitionId};
    use abide_core::invocation::{Listener, Origin, PauseReason, Phase};
    use abide_core::target::{ObjectKey, Target};

    const ID: InvocationId = InvocationId { unique: 1, partition_key: 2 };

    fn object() -> ObjectKey {
        ObjectKey { service: "S".into(), key: "k".into() }
    }

    /// An invocation of the service "S" that stands still because somebody wanted it so.
    fn paused() -> InvocationRow {
        let target = Target { service: "S".into(), key: Some("k".into()), handler: "h".into() };
        let row = InvocationRow::new(target, Origin::Ingress, Timestamp(5));
        let phase = Phase::Paused { reason: PauseReason::ByPerson };
        InvocationRow {
            phase,
            birth: 7,
            entries_kept: 3,
            seed: Some(ID),
            depth: 99,
            journal_bytes: 300,
            ..row
        }
    }

    /// A call on its way to another partition.
    fn submission() -> Submission {
        let caller = InvocationId { unique: 3, partition_key: 4 };
        Submission {
            invocation: ID,
            target: Target { service: "S".into(), key: None, handler: "h".into() },
            origin: Origin::Call { caller, op: 5 },
            input: InputRow { headers: Vec::new(), body: Bytes::from_static(b"{}") },
            idempotency_key: None,
            begin_at: None,
            ticket: None,
            depth: 99,
        }
    }

    fn samples() -> Vec<(RowKey, Row, &'static str)> {
        let header = Header { name: "a".into(), value: "b".into() };
        let failure = Failure { code: 500, message: "no".into(), metadata: vec![header.clone()] };
        let run = Entry::Run { name: "pay".into(), retry: None };
        let entry = EntryRow { at: Timestamp(5), outcomes_before: 2, entry: run };
        let awakeable = AwakeableId { invocation: ID, op: 7, birth: 3 };
        let completes = Entry::CompleteAwakeable { awakeable, outcome: Outcome::Empty };
        let completes = EntryRow { at: Timestamp(5), outcomes_before: 2, entry: completes };
        let input = InputRow { headers: vec![header], body: Bytes::from_static(b"{}") };
        let outcome = Outcome::Value(Bytes::from_static(b"1"));
        let queue = KeyQueueRow { holder: ID, head: 3, tail: 5, gone: 1 };
        let (until, looked_at) = (Timestamp(300), Timestamp(6));
        let unclaimed = UnclaimedRow { object: object(), until, looked_at, after: Some("n".into()) };
        let promise = PromiseRow { outcome: None, waiting: vec![Listener { caller: ID, op: 7 }] };
        vec![
            (
                RowKey::Invocation(ID),
                Row::Invocation(Box::new(paused())),
                "05015301016b01680005050000f403d00f01e0d4030146000080b8992980b8992980b899290000010000000503000007030101020000000000000000000000000063ac0200",
            ),
            (RowKey::Input(ID), Row::Input(input), "010101610162027b7d"),
            (RowKey::Answer(ID), Row::Answer(Answer::Failure(failure)), "0101f403026e6f0101610162"),
            (RowKey::Entry(ID, 0), Row::Entry(entry), "02050200037061 7900"),
            (RowKey::Entry(ID, 1), Row::Entry(completes), "0205020d0102878080803000"),
            (
                RowKey::Outcome(ID, 0),
                Row::Outcome(OutcomeRow { order: 1, at: Timestamp(6), outcome }),
                "010106010131",
            ),
            (
                RowKey::Outbox(PartitionId(0), 1),
                Row::Outbox(Message::Submit(submission())),
                "0300 0102 0153 00 0168 01 0304 05 00 027b7d 00 00 00 63",
            ),
            (RowKey::InboxMark(PartitionId(0)), Row::Counter(300), "01ac02"),
            (RowKey::KeyWaiter(object(), 0), Row::KeyWaiter(ID), "010102"),
            (RowKey::State(object(), "n".into()), Row::State(Bytes::from_static(b"42")), "01023432"),
            (RowKey::KeyQueue(object()), Row::KeyQueue(queue), "020102030501"),
            (RowKey::Promise(object(), "n".into()), Row::Promise(promise), "010001010207"),
            (RowKey::Unclaimed(ID), Row::Unclaimed(unclaimed), "01 0153 016b ac02 06 01016e"),
        ]
    }

    #[test]
    fn rows_have_their_golden_bytes_and_read_back() {
        for (key, row, golden) in samples() {
            let bytes = encode_row(&row);
            let seen: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(seen, golden.replace(' ', ""), "{key:?}");
            assert_eq!(decode_row(&key, b"key", &bytes).unwrap(), row);
        }
    }

    fn bytes(golden: &str) -> Vec<u8> {
        let digits: Vec<u8> = golden.bytes().filter(|byte| *byte != b' ').collect();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(byte).collect()
    }

    #[test]
    fn an_invocation_of_version_1_reads_as_it_was() {
        let golden = "01015301016b01680005050000f403d00f01e0d4030146000080b8992980b8992980b89929000100000005000907000000000000000000000000";
        let read: InvocationRow = decode(b"key", &bytes(golden)).unwrap();
        let phase = Phase::Paused { reason: PauseReason::AttemptsExhausted };
        let expected = InvocationRow { phase, attempts: 9, attempts_before: 7, birth: 0, ..paused() };
        assert_eq!(
            read,
            InvocationRow { entries_kept: 0, seed: None, depth: 0, journal_bytes: 0, ..expected }
        );
    }

    #[test]
    fn what_version_2_wrote_is_not_deep_in_calls() {
        let golden = "02015301016b01680005050000f403d00f01e0d4030146000080b8992980b8992980b8992900000100000005030000070301010200000000000000000000000000";
        let read: InvocationRow = decode(b"key", &bytes(golden)).unwrap();
        assert_eq!(read, InvocationRow { depth: 0, journal_bytes: 0, ..paused() });
        let golden = "00 0102 0153 00 0168 01 0304 05 00 027b7d 00 00 00";
        for version in ["01", "02"] {
            let read: Message = decode(b"key", &bytes(&format!("{version}{golden}"))).unwrap();
            assert_eq!(read, Message::Submit(Submission { depth: 0, ..submission() }));
        }
    }

    #[test]
    fn an_invocation_of_version_3_has_counted_no_bytes() {
        let golden = "03015301016b01680005050000f403d00f01e0d4030146000080b8992980b8992980b899290000010000000503000007030101020000000000000000000000000063";
        let read: InvocationRow = decode(b"key", &bytes(golden)).unwrap();
        assert_eq!(read, InvocationRow { journal_bytes: 0, ..paused() });
    }

    #[test]
    fn an_invocation_of_version_4_waits_for_nobodys_end() {
        let golden = "04015301016b01680005050000f403d00f01e0d4030146000080b8992980b8992980b899290000010000000503000007030101020000000000000000000000000063ac02";
        let read: InvocationRow = decode(b"key", &bytes(golden)).unwrap();
        assert_eq!(read, paused());
    }

    #[test]
    fn of_a_queue_of_version_1_nobody_has_left() {
        let read: KeyQueueRow = decode(b"key", &bytes("0101020305")).unwrap();
        assert_eq!(read, KeyQueueRow { holder: ID, head: 3, tail: 5, gone: 0 });
    }

    #[test]
    fn awakeable_ids_of_version_1_have_no_birth() {
        // The same entry, as version 1 wrote it.
        let awakeable = AwakeableId { invocation: ID, op: 7, birth: 0 };
        let entry = Entry::CompleteAwakeable { awakeable, outcome: Outcome::Empty };
        let row = EntryRow { at: Timestamp(5), outcomes_before: 2, entry };
        assert_eq!(decode::<EntryRow>(b"key", &bytes("01 05 02 0d 01 02 07 00")).unwrap(), row);
        let message = Message::CompleteAwakeable { awakeable, outcome: Outcome::Empty };
        assert_eq!(decode::<Message>(b"key", &bytes("01 04 01 02 07 00")).unwrap(), message);
    }

    #[test]
    fn a_token_has_its_golden_bytes() {
        let row = TokenRow {
            name: "ops".into(),
            sha256: [7; 32],
            scope: "call".into(),
            services: vec!["S".into()],
            created_at: Timestamp(5),
        };
        let bytes = encode(&row);
        let seen: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(seen, format!("01036f7073{}0463616c6c01015305", "07".repeat(32)));
        assert_eq!(decode::<TokenRow>(b"key", &bytes).unwrap(), row);
    }

    #[test]
    fn a_newer_or_damaged_value_is_named() {
        let read = |value: &[u8]| decode::<u64>(&[0, 0, 16], value).unwrap_err().to_string();
        assert!(read(&[9, 1]).contains("000010") && read(&[9, 1]).contains("version 9"));
        assert!(read(&[1, 0xff]).contains("cannot be read"));
        assert!(read(&[]).contains("empty"));
    }
}
