//! What is read from the disk: records and keys of the store, and the bytes of its log and snapshots.

use super::Target;
use abide_core::command::Message;
use abide_core::entry::{Answer, EntryRow, Outcome, OutcomeRow};
use abide_core::ids::InvocationId;
use abide_core::invocation::{InputRow, InvocationRow, ListenersRow, MailboxRow};
use abide_core::manifest::{DeploymentRow, ServiceRow};
use abide_core::object::{KeyQueueRow, PromiseRow, UnclaimedRow};
use abide_store::codec::{self, Record, Setup, TokenRow};
use abide_store::inspect;
use abide_store::keys::{self, Tag};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Of so many inputs of a hundred something is read; the others are no record, key or block.
const READ_PERCENT: u64 = 20;

/// Every decoder of a record, of a key, and of what log and snapshots consist of.
#[derive(Default)]
pub struct Rows {
    inputs: u64,
    /// Inputs that something was read from.
    read: u64,
    /// How often each decoder read something.
    by_decoder: BTreeMap<&'static str, u64>,
}

impl Rows {
    pub fn new() -> Self {
        Self::default()
    }

    fn count(&mut self, read: &[(&'static str, bool)]) {
        self.inputs += 1;
        self.read += u64::from(read.iter().any(|(_, is_read)| *is_read));
        for (name, is_read) in read {
            *self.by_decoder.entry(*name).or_default() += u64::from(*is_read);
        }
    }
}

/// What is read can be written, and is read again as the same. Returns whether it was read.
fn read<T: Record>(name: &'static str, input: &[u8]) -> Result<(&'static str, bool), String> {
    let Ok(record) = codec::decode::<T>(b"key", input) else { return Ok((name, false)) };
    let written = codec::encode(&record);
    let again =
        codec::decode::<T>(b"key", &written).map_err(|error| format!("{name} is not read again: {error}"))?;
    match codec::encode(&again) == written {
        true => Ok((name, true)),
        false => Err(format!("{name} is read again as something else")),
    }
}

/// Returns which decoders read it.
fn read_all(input: &[u8]) -> Result<[(&'static str, bool); 21], String> {
    let _ = (keys::decode_timer(input), keys::decode_invocation(input), keys::decode_op(input));
    let _ = (keys::decode_outbox(input), keys::decode_deployment(input), keys::decode_waiter(input));
    let _ = (keys::decode_created(input), keys::decode_object(input, Tag::State));
    let _ = keys::decode_name(input, Tag::State);
    Ok([
        read::<InvocationRow>("an invocation", input)?,
        read::<InputRow>("an input", input)?,
        read::<Answer>("an answer", input)?,
        read::<EntryRow>("an entry", input)?,
        read::<OutcomeRow>("an outcome row", input)?,
        read::<Outcome>("an outcome", input)?,
        read::<KeyQueueRow>("a queue", input)?,
        read::<PromiseRow>("a promise", input)?,
        read::<ListenersRow>("listeners", input)?,
        read::<MailboxRow>("a mailbox", input)?,
        read::<Message>("a message", input)?,
        read::<ServiceRow>("a service", input)?,
        read::<DeploymentRow>("a deployment", input)?,
        read::<Setup>("a setup", input)?,
        read::<TokenRow>("a token", input)?,
        read::<UnclaimedRow>("an unclaimed name", input)?,
        read::<InvocationId>("an id", input)?,
        read::<u64>("a counter", input)?,
        read::<Bytes>("a value", input)?,
        read_log_record(input)?,
        read_block(input)?,
    ])
}

/// The same without the checksum that is around it.
fn read_log_record(input: &[u8]) -> Result<(&'static str, bool), String> {
    let again = inspect::rewritten(input);
    match again.as_ref().is_some_and(|again| again != input) {
        true => Err("a record of the log is written again as something else".into()),
        false => Ok(("a record of the log", again.is_some())),
    }
}

fn read_block(input: &[u8]) -> Result<(&'static str, bool), String> {
    let entries = u64::from(input.first().copied().unwrap_or_default());
    match inspect::read_block(input, entries) {
        Some(found) if found != entries => Err(format!("a block has {found} entries instead of {entries}")),
        found => Ok(("a block", found.is_some())),
    }
}

impl Target for Rows {
    fn name(&self) -> &'static str {
        "rows"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        // The bytes that rows, keys and records have for good are in the corpus.
        vec![codec::encode(&Setup { partitions: 4 }).to_vec()]
    }

    fn words(&self) -> &'static [&'static [u8]] {
        &[
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x80\x80\x80\x80\x10",
            b"\x01",
            b"\x00",
            b"\x7f",
            b"\xc3\x28",
            b"\x05value",
        ]
    }

    fn run(&mut self, input: &[u8]) -> Result<(), String> {
        match catch_unwind(AssertUnwindSafe(|| read_all(input))) {
            Ok(read) => {
                self.count(&read?);
                Ok(())
            }
            Err(_) => Err("a decoder panicked".into()),
        }
    }

    fn finish(&mut self) -> Result<String, String> {
        let never: Vec<_> =
            self.by_decoder.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
        let said =
            format!("{} of {} inputs were read as something; never read: {never:?}", self.read, self.inputs);
        let is_enough = self.inputs > 0 && self.read * 100 >= self.inputs * READ_PERCENT;
        if is_enough { Ok(said) } else { Err(format!("only {said}")) }
    }
}
