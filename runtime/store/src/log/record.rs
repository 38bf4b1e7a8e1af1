//! The bytes of one log record. A promise: what this version writes, every later version reads.
//!
//! | part    | bytes | meaning                                                                            |
//! |---------|-------|------------------------------------------------------------------------------------|
//! | length  | 4     | of the payload; all ones in an END record                                          |
//! | crc     | 4     | over segment number and secret, length, group and payload                          |
//! | group   | 4     | offset at which the group of this record starts: all before it was synced by then  |
//! | magic   | 4     | the same in a whole segment, to find records behind a damaged one                  |
//! | payload |       | sequence (8), kind (1), then by kind; padded with zeros to a multiple of 8         |
//!
//! Numbers are little-endian. Kinds: 1 batch (partition 2, epoch 8, count 4, changes), 2 epoch (partition 2, epoch 8),
//! 3 mark (nothing: a clean close). A change: tag 1 put (key length 4, key, value length 4, value), 2 delete (key length
//! 4, key), 3 put of a blob (key length 4, key, reference 52), 4 put of a blob with what is around it (key length 4, key,
//! reference 52, head length 4, head, tail length 4, tail).
//!
//! The segment number in the crc makes the old records of a recycled segment invalid without erasing them. Magic and crc are
//! of the folder (in segments from before format 3 `ABR1` and no secret), see `secret`: a value that looks like a record is
//! none.

use bytes::Bytes;

use crate::batch::{Batch, Fence, Op, Sequence};
use crate::blobs::{BlobRef, Framed};
use crate::log::secret::Stamp;

pub const HEADER_BYTES: usize = 16;
pub const END_BYTES: usize = HEADER_BYTES;
pub const ALIGNMENT: usize = 8;
const END: u32 = u32::MAX;
/// Sequences and epochs are counted from 1: none is ever larger, and whoever counts on need not fear the end of the numbers.
pub const COUNT_MAX: u64 = 1 << 56;

const KIND_BATCH: u8 = 1;
const KIND_EPOCH: u8 = 2;
const KIND_MARK: u8 = 3;
const TAG_PUT: u8 = 1;
const TAG_DELETE: u8 = 2;
const TAG_PUT_BLOB: u8 = 3;
const TAG_PUT_FRAMED: u8 = 4;

/// A value as log and index hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    Inline(Bytes),
    Blob(BlobRef),
    /// As a blob, but only the largest part of the value is in the file.
    Framed(Framed),
}

impl Stored {
    /// Returns the blob that it refers to.
    pub fn blob(&self) -> Option<&BlobRef> {
        match self {
            Stored::Inline(_) => None,
            Stored::Blob(blob) | Stored::Framed(Framed { blob, .. }) => Some(blob),
        }
    }

    /// Returns the bytes of the value.
    pub fn value_bytes(&self) -> u64 {
        match self {
            Stored::Inline(value) => value.len() as u64,
            Stored::Blob(blob) => blob.bytes,
            Stored::Framed(framed) => framed.value_bytes(),
        }
    }
}

/// One changed key; `None` deletes it.
pub type Change = (Vec<u8>, Option<Stored>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Batch {
        fence: Fence,
        changes: Vec<Change>,
    },
    /// A partition was acquired.
    Epoch(Fence),
    /// The store was closed cleanly: everything before this was synced.
    Mark,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// A mark carries the sequence of the record before it; every other record the next one.
    pub sequence: Sequence,
    pub entry: Entry,
}

/// Returns the payload bytes that a batch takes in the log at most, blobs counted as references with what may be around them.
pub fn batch_bytes(batch: &Batch, inline_value_bytes_max: u64) -> u64 {
    const BATCH_OVERHEAD: u64 = 8 + 1 + 2 + 8 + 4;
    const CHANGE_OVERHEAD: u64 = 1 + 4 + 4;
    let mut bytes = BATCH_OVERHEAD;
    for op in &batch.ops {
        let value = match op.value_bytes() {
            small if small <= inline_value_bytes_max => small,
            _ => Framed::encoded_bytes(around(op).min(inline_value_bytes_max)),
        };
        bytes += CHANGE_OVERHEAD + op.key().len() as u64 + value;
    }
    bytes
}

/// Returns the bytes of a value without its largest piece.
fn around(op: &Op) -> u64 {
    match op {
        Op::Put { .. } | Op::Delete { .. } => 0,
        Op::PutPieces { pieces, .. } => {
            let largest = pieces.iter().map(Bytes::len).max().unwrap_or(0);
            op.value_bytes() - largest as u64
        }
    }
}

/// Appends the framed record to `out`.
pub fn encode(record: &Record, stamp: Stamp, group: u32, out: &mut Vec<u8>) {
    seal(|out| encode_payload(record, out), stamp, group, out);
}

/// Appends a payload with its frame to `out`.
pub fn seal(payload: impl FnOnce(&mut Vec<u8>), stamp: Stamp, group: u32, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_BYTES]);
    payload(out);
    let length = u32::try_from(out.len() - start - HEADER_BYTES).expect("a record is smaller than a segment");
    frame(&mut out[start..], stamp, length, group);
    out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
}

/// Appends the record that ends a segment.
pub fn encode_end(stamp: Stamp, group: u32, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_BYTES]);
    frame(&mut out[start..], stamp, END, group);
}

fn frame(record: &mut [u8], stamp: Stamp, length: u32, group: u32) {
    let crc = checksum(stamp, length, group, &record[HEADER_BYTES..]);
    record[0..4].copy_from_slice(&length.to_le_bytes());
    record[4..8].copy_from_slice(&crc.to_le_bytes());
    record[8..12].copy_from_slice(&group.to_le_bytes());
    record[12..16].copy_from_slice(&stamp.magic);
}

fn checksum(stamp: Stamp, length: u32, group: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&stamp.seed.to_le_bytes());
    hasher.update(&length.to_le_bytes());
    hasher.update(&group.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

pub fn encode_payload(record: &Record, out: &mut Vec<u8>) {
    out.extend_from_slice(&record.sequence.to_le_bytes());
    match &record.entry {
        Entry::Batch { fence, changes } => {
            out.push(KIND_BATCH);
            encode_fence(*fence, out);
            put_length(changes.len(), out);
            changes.iter().for_each(|change| encode_change(change, out));
        }
        Entry::Epoch(fence) => {
            out.push(KIND_EPOCH);
            encode_fence(*fence, out);
        }
        Entry::Mark => out.push(KIND_MARK),
    }
}

fn encode_fence(fence: Fence, out: &mut Vec<u8>) {
    out.extend_from_slice(&fence.partition.to_le_bytes());
    out.extend_from_slice(&fence.epoch.to_le_bytes());
}

fn encode_change((key, value): &Change, out: &mut Vec<u8>) {
    out.push(match value {
        Some(Stored::Inline(_)) => TAG_PUT,
        Some(Stored::Blob(_)) => TAG_PUT_BLOB,
        Some(Stored::Framed(_)) => TAG_PUT_FRAMED,
        None => TAG_DELETE,
    });
    put_length(key.len(), out);
    out.extend_from_slice(key);
    match value {
        Some(Stored::Inline(value)) => {
            put_length(value.len(), out);
            out.extend_from_slice(value);
        }
        Some(Stored::Blob(blob)) => out.extend_from_slice(&blob.encode()),
        Some(Stored::Framed(framed)) => framed.encode(out),
        None => {}
    }
}

fn put_length(length: usize, out: &mut Vec<u8>) {
    let length = u32::try_from(length).expect("lengths are limited by Options");
    out.extend_from_slice(&length.to_le_bytes());
}

/// What stands at one place of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    Record {
        payload: &'a [u8],
        group: u32,
        bytes: usize,
    },
    End {
        group: u32,
    },
    /// No valid record: never written, torn or damaged.
    Broken(&'static str),
}

/// Reads what stands at `offset` of a segment.
pub fn frame_at(content: &[u8], stamp: Stamp, offset: usize) -> Frame<'_> {
    let Some(header) = content.get(offset..offset + HEADER_BYTES) else {
        return Frame::Broken("the file ends here");
    };
    if header[12..16] != stamp.magic {
        return Frame::Broken("no record starts here");
    }
    let (length, crc, group) = (u32_at(header, 0), u32_at(header, 4), u32_at(header, 8));
    let start = offset + HEADER_BYTES;
    let bytes = if length == END { 0 } else { length as usize };
    let Some(payload) = content.get(start..start.saturating_add(bytes)) else {
        return Frame::Broken("the record is longer than the file");
    };
    if checksum(stamp, length, group, payload) != crc {
        return Frame::Broken("the checksum does not match");
    }
    if length == END {
        return Frame::End { group };
    }
    Frame::Record { payload, group, bytes: (HEADER_BYTES + bytes).next_multiple_of(ALIGNMENT) }
}

/// Returns the sequence of a payload without reading the rest.
pub fn sequence_of(payload: &[u8]) -> Option<Sequence> {
    counted(Sequence::from_le_bytes(payload.get(..8)?.try_into().ok()?))
}

/// Returns the number if something can have been counted so far.
pub fn counted(number: u64) -> Option<u64> {
    (number <= COUNT_MAX).then_some(number)
}

/// Returns whether the payload is a mark, which does not count in the sequence.
pub fn is_mark(payload: &[u8]) -> bool {
    payload.get(8) == Some(&KIND_MARK)
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes[offset..offset + 4].try_into().expect("four bytes"))
}

/// Reads a payload; `None` when it is not one, which a valid checksum rules out unless a newer version wrote it.
pub fn decode(payload: &[u8]) -> Option<Record> {
    let mut rest = Cursor(payload);
    let sequence = counted(rest.u64()?)?;
    let entry = match rest.u8()? {
        KIND_BATCH => {
            let fence = rest.fence()?;
            let count = rest.u32()?;
            let changes = (0..count).map(|_| rest.change()).collect::<Option<Vec<_>>>()?;
            Entry::Batch { fence, changes }
        }
        KIND_EPOCH => Entry::Epoch(rest.fence()?),
        KIND_MARK => Entry::Mark,
        _ => return None,
    };
    rest.0.is_empty().then_some(Record { sequence, entry })
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        Some(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.array()?))
    }

    fn fence(&mut self) -> Option<Fence> {
        Some(Fence { partition: u16::from_le_bytes(self.array()?), epoch: counted(self.u64()?)? })
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = self.u32()?;
        self.take(length as usize)
    }

    fn framed(&mut self) -> Option<Framed> {
        let (framed, rest) = Framed::decode(self.0)?;
        self.0 = rest;
        Some(framed)
    }

    fn change(&mut self) -> Option<Change> {
        let tag = self.u8()?;
        let key = self.sized()?.to_vec();
        let value = match tag {
            TAG_PUT => Some(Stored::Inline(Bytes::copy_from_slice(self.sized()?))),
            TAG_PUT_BLOB => Some(Stored::Blob(BlobRef::decode(&self.array()?))),
            TAG_PUT_FRAMED => Some(Stored::Framed(self.framed()?)),
            TAG_DELETE => None,
            _ => return None,
        };
        Some((key, value))
    }
}
