//! Rows with a large payload are written around it: what others hold, too, is not copied into a second buffer.

use super::{EMPTY_VERSION, Record, write_row};
use crate::batch::Op;
use abide_core::command::Message;
use abide_core::entry::{Answer, Entry, Outcome};
use abide_core::limits::SET_APART_BYTES;
use abide_core::rows::Row;
use bytes::Bytes;
use postcard::ser_flavors::Flavor;
use std::sync::Arc;

/// Payloads up to this are copied: a piece of its own costs more.
const COPIED_BYTES_MAX: usize = SET_APART_BYTES;

/// Returns the operation that writes a row. Its bytes are those of [`super::encode_row`].
#[must_use]
pub fn put_row(key: Vec<u8>, row: &Row) -> Op {
    match payload(row).filter(|payload| payload.len() > COPIED_BYTES_MAX) {
        Some(payload) => Op::PutPieces { key, pieces: write_row(row, Around(payload)) },
        None => Op::Put { key, value: super::encode_row(row) },
    }
}

/// Returns what a guest or a client gave, which may be large.
fn payload(row: &Row) -> Option<&Bytes> {
    match row {
        Row::Input(row) => Some(&row.body),
        Row::Answer(Answer::Value(value)) | Row::State(value) => Some(value),
        Row::Entry(row) => of_entry(&row.entry),
        Row::Outcome(row) => of_outcome(&row.outcome),
        Row::Promise(row) => row.outcome.as_ref().and_then(of_outcome),
        Row::Signal(outcome) => of_outcome(outcome),
        Row::Outbox(message) => of_message(message),
        _ => None,
    }
}

fn of_entry(entry: &Entry) -> Option<&Bytes> {
    match entry {
        Entry::Call(request) | Entry::Send { request, .. } => Some(&request.input),
        Entry::SetState { value, .. } => Some(value),
        Entry::CompleteAwakeable { outcome, .. }
        | Entry::SendSignal { outcome, .. }
        | Entry::CompletePromise { outcome, .. } => of_outcome(outcome),
        _ => None,
    }
}

fn of_outcome(outcome: &Outcome) -> Option<&Bytes> {
    match outcome {
        Outcome::Value(value) => Some(value),
        Outcome::Empty | Outcome::Failure(_) | Outcome::Names(_) => None,
    }
}

fn of_message(message: &Message) -> Option<&Bytes> {
    match message {
        Message::Submit(submission) => Some(&submission.input.body),
        Message::Answer { outcome, .. }
        | Message::CompleteAwakeable { outcome, .. }
        | Message::Signal { outcome, .. } => of_outcome(outcome),
        Message::Tell(tell) => of_outcome(&tell.outcome),
        Message::Attach { .. } | Message::Detach { .. } | Message::End { .. } | Message::Release { .. } => {
            None
        }
    }
}

/// How a record is written.
pub(super) trait Writer {
    type Written;

    fn record<T: Record>(self, record: &T) -> Self::Written;

    /// Of rows that say nothing but that they are there.
    fn empty(self) -> Self::Written;
}

/// Into one buffer.
pub(super) struct Whole;

impl Writer for Whole {
    type Written = Bytes;

    fn record<T: Record>(self, record: &T) -> Bytes {
        super::encode(record)
    }

    fn empty(self) -> Bytes {
        Bytes::from_static(&[EMPTY_VERSION])
    }
}

/// Into pieces, of which this is one.
struct Around<'a>(&'a Bytes);

impl Writer for Around<'_> {
    type Written = Arc<[Bytes]>;

    fn record<T: Record>(self, record: &T) -> Arc<[Bytes]> {
        let pieces = Pieces { apart: self.0, pieces: Vec::new(), last: vec![T::VERSION] };
        postcard::serialize_with_flavor(record, pieces).expect("our records have no unwritable parts")
    }

    fn empty(self) -> Arc<[Bytes]> {
        Arc::new([Whole.empty()])
    }
}

/// Collects what postcard writes.
struct Pieces<'a> {
    apart: &'a Bytes,
    pieces: Vec<Bytes>,
    last: Vec<u8>,
}

impl Pieces<'_> {
    fn end_piece(&mut self) {
        if !self.last.is_empty() {
            self.pieces.push(std::mem::take(&mut self.last).into());
        }
    }
}

impl Flavor for Pieces<'_> {
    type Output = Arc<[Bytes]>;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.last.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        // The very same memory, not only the same bytes.
        if std::ptr::eq(bytes, &**self.apart) {
            self.end_piece();
            self.pieces.push(self.apart.clone());
        } else {
            self.last.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn finalize(mut self) -> postcard::Result<Self::Output> {
        self.end_piece();
        Ok(self.pieces.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::command::{Expected, HowToEnd, Submission, Tell};
    use abide_core::entry::{EntryRow, Header, OutcomeRow, Request};
    use abide_core::ids::{AwakeableId, InvocationId};
    use abide_core::invocation::{InputRow, Listener, Origin};
    use abide_core::object::PromiseRow;
    use abide_core::target::Target;
    use abide_core::time::Timestamp;

    const ID: InvocationId = InvocationId { unique: 1, partition_key: 2 };

    fn target() -> Target {
        Target { service: "S".into(), key: None, handler: "h".into() }
    }

    /// Every row that has this payload.
    fn rows(payload: &Bytes) -> Vec<Row> {
        let value = || Outcome::Value(payload.clone());
        let input = || InputRow {
            headers: vec![Header { name: "a".into(), value: "b".into() }],
            body: payload.clone(),
        };
        let submission = Submission {
            invocation: ID,
            target: target(),
            origin: Origin::Ingress,
            input: input(),
            idempotency_key: Some("k".into()),
            begin_at: None,
            ticket: None,
            depth: 3,
        };
        let request = || Request {
            child: ID,
            target: target(),
            input: payload.clone(),
            headers: Vec::new(),
            idempotency_key: Some("k".into()),
        };
        let awakeable = AwakeableId { invocation: ID, op: 7, birth: 3 };
        let listener = Listener { caller: ID, op: 7 };
        let messages = [
            Message::Submit(submission),
            Message::Answer { listener, callee: ID, outcome: value() },
            Message::CompleteAwakeable { awakeable, outcome: value() },
            Message::Signal { invocation: ID, name: "n".into(), outcome: value() },
            Message::Tell(Tell {
                invocation: ID,
                listeners: vec![listener],
                expected: Expected::Answer { callee: ID },
                outcome: value(),
            }),
        ];
        let entries = [
            Entry::Call(request()),
            Entry::Send { request: request(), delay_ms: Some(5) },
            Entry::SetState { name: "n".into(), value: payload.clone() },
            Entry::CompleteAwakeable { awakeable, outcome: value() },
            Entry::SendSignal { invocation: ID, name: "n".into(), outcome: value() },
            Entry::CompletePromise { name: "n".into(), outcome: value() },
        ];
        let entry = |entry| Row::Entry(EntryRow { at: Timestamp(5), outcomes_before: 2, entry });
        let rows = [
            Row::Input(input()),
            Row::Answer(Answer::Value(payload.clone())),
            Row::State(payload.clone()),
            Row::Outcome(OutcomeRow { order: 1, at: Timestamp(6), outcome: value() }),
            Row::Promise(PromiseRow { outcome: Some(value()), waiting: vec![listener] }),
            Row::Signal(value()),
        ];
        rows.into_iter().chain(messages.map(Row::Outbox)).chain(entries.map(entry)).collect()
    }

    #[test]
    fn a_large_payload_is_written_as_it_is_and_the_bytes_are_the_same() {
        let payload = Bytes::from(vec![7; COPIED_BYTES_MAX + 1]);
        for row in rows(&payload) {
            let Op::PutPieces { pieces, .. } = put_row(Vec::new(), &row) else { panic!("{row:?}") };
            assert!(pieces.iter().any(|piece| std::ptr::eq(&**piece, &*payload)), "{row:?}");
            assert!(pieces.concat() == *crate::codec::encode_row(&row), "{row:?}");
        }
    }

    #[test]
    fn other_rows_are_one_piece() {
        let end = Message::End { invocation: ID, how: HowToEnd::Kill, caller: None };
        let small = rows(&Bytes::from(vec![7; COPIED_BYTES_MAX]));
        for row in small.into_iter().chain([Row::Timer, Row::Counter(1), Row::Outbox(end)]) {
            let Op::Put { value, .. } = put_row(Vec::new(), &row) else { panic!("{row:?}") };
            assert!(value == crate::codec::encode_row(&row), "{row:?}");
        }
    }
}
