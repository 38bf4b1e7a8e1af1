//! Entries in blocks with checksums: the bytes of a snapshot, and of the content of a backup.
//!
//! A header: magic (8), sequence (8); then blocks, then the end. A block: length (4), crc (4), payload. A payload: entries, 1
//! pair (key length 4, key, value length 4, value as in the index), 2 epoch (partition 2, epoch 8), 3 record (length 4,
//! payload as in the log). The end is a block of length all ones with the number of entries (8). Crcs are seeded with
//! sequence and offset, so no block is good at another place.

use std::path::Path;

use crate::batch::{Fence, Sequence};
use crate::disk::DiskFile;
use crate::error::Error;
use crate::log::record::counted;

const HEADER_BYTES: u64 = 16;
const BLOCK_BYTES: usize = 256 * 1024;
/// Above any block: a block is closed as soon as it has `BLOCK_BYTES`, and no pair and no record is larger than a batch.
const BLOCK_BYTES_MAX: u64 = 16 * 1024 * 1024;
const END: u32 = u32::MAX;
const ENTRY_PAIR: u8 = 1;
const ENTRY_EPOCH: u8 = 2;
const ENTRY_RECORD: u8 = 3;

/// Makes blocks of entries. What is ready is taken by whoever writes it.
pub struct Encoder {
    sequence: Sequence,
    /// Where the next block starts.
    offset: u64,
    block: Vec<u8>,
    ready: Vec<u8>,
    entries: u64,
}

impl Encoder {
    pub fn new(magic: [u8; 8], sequence: Sequence) -> Encoder {
        let mut ready = magic.to_vec();
        ready.extend_from_slice(&sequence.to_le_bytes());
        Encoder { sequence, offset: HEADER_BYTES, block: Vec::new(), ready, entries: 0 }
    }

    /// Adds a pair, the value as the index encodes it.
    pub fn pair(&mut self, key: &[u8], value: &[u8]) {
        self.block.push(ENTRY_PAIR);
        self.sized(key);
        self.sized(value);
        self.entry_added();
    }

    pub fn epoch(&mut self, fence: Fence) {
        self.block.push(ENTRY_EPOCH);
        self.block.extend_from_slice(&fence.partition.to_le_bytes());
        self.block.extend_from_slice(&fence.epoch.to_le_bytes());
        self.entry_added();
    }

    /// Adds a record, as the log has it.
    pub fn record(&mut self, payload: &[u8]) {
        self.block.push(ENTRY_RECORD);
        self.sized(payload);
        self.entry_added();
    }

    fn sized(&mut self, part: &[u8]) {
        let length = u32::try_from(part.len()).expect("lengths are limited by Options");
        self.block.extend_from_slice(&length.to_le_bytes());
        self.block.extend_from_slice(part);
    }

    fn entry_added(&mut self) {
        self.entries += 1;
        if self.block.len() >= BLOCK_BYTES {
            self.close_block();
        }
    }

    fn close_block(&mut self) {
        let payload = std::mem::take(&mut self.block);
        let length = u32::try_from(payload.len()).expect("a block is small");
        self.add_block(length, &payload);
    }

    fn add_block(&mut self, length: u32, payload: &[u8]) {
        let crc = checksum(self.sequence, self.offset, length, payload);
        self.ready.extend_from_slice(&length.to_le_bytes());
        self.ready.extend_from_slice(&crc.to_le_bytes());
        self.ready.extend_from_slice(payload);
        self.offset += 8 + payload.len() as u64;
    }

    /// Returns the bytes that come next; none while a block is being filled.
    pub fn take_ready(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.ready)
    }

    /// Returns the last bytes.
    pub fn finish(&mut self) -> Vec<u8> {
        if !self.block.is_empty() {
            self.close_block();
        }
        let entries = self.entries.to_le_bytes();
        self.add_block(END, &entries);
        self.take_ready()
    }
}

/// Returns a file with one block, whatever is in it, as if it had so many entries.
pub fn whole(magic: [u8; 8], sequence: Sequence, block: &[u8], entries: u64) -> Vec<u8> {
    let mut encoder = Encoder::new(magic, sequence);
    encoder.add_block(u32::try_from(block.len()).expect("a block is small"), block);
    encoder.entries = entries;
    encoder.finish()
}

fn checksum(sequence: Sequence, offset: u64, length: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&sequence.to_le_bytes());
    hasher.update(&offset.to_le_bytes());
    hasher.update(&length.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    Pair { key: &'a [u8], value: &'a [u8] },
    Epoch(Fence),
    Record(&'a [u8]),
}

/// Why a file was not read to its end.
pub enum Broken {
    Damaged { offset: u64, why: &'static str },
    Other(Error),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Broken {
        Broken::Other(error)
    }
}

/// Reads and verifies a file; returns how many entries it has.
pub fn read(
    file: &dyn DiskFile,
    path: &Path,
    (magic, sequence): ([u8; 8], Sequence),
    mut visit: impl FnMut(Entry<'_>) -> Result<(), Error>,
) -> Result<u64, Broken> {
    let damaged = |offset, why| Broken::Damaged { offset, why };
    if bytes(file, path, 0, HEADER_BYTES)? != [&magic[..], &sequence.to_le_bytes()].concat() {
        return Err(damaged(0, "the header does not match"));
    }
    let (mut offset, mut entries) = (HEADER_BYTES, 0u64);
    loop {
        let head = bytes(file, path, offset, 8)?;
        let length = u32::from_le_bytes(head[0..4].try_into().expect("four bytes"));
        let crc = u32::from_le_bytes(head[4..8].try_into().expect("four bytes"));
        let count = if length == END { 8 } else { u64::from(length) };
        if count > BLOCK_BYTES_MAX {
            return Err(damaged(offset, "a block is longer than possible"));
        }
        let payload = bytes(file, path, offset + 8, count)?;
        if checksum(sequence, offset, length, &payload) != crc {
            return Err(damaged(offset, "the checksum does not match"));
        }
        if length == END {
            if payload != entries.to_le_bytes() {
                return Err(damaged(offset, "the number of entries does not match"));
            }
            return Ok(entries);
        }
        entries += visit_block(&payload, &mut visit)?
            .ok_or_else(|| damaged(offset, "a block with a valid checksum is not readable"))?;
        offset += 8 + count;
    }
}

fn bytes(file: &dyn DiskFile, path: &Path, offset: u64, count: u64) -> Result<Vec<u8>, Broken> {
    let mut buffer = vec![0; count as usize];
    let read = file.read_at(&mut buffer, offset).map_err(Error::io("read", path))?;
    if read < buffer.len() {
        return Err(Broken::Damaged { offset, why: "the file ends too early" });
    }
    Ok(buffer)
}

/// Returns the number of entries, or `None` when the block is not readable.
fn visit_block(
    mut rest: &[u8],
    visit: &mut impl FnMut(Entry<'_>) -> Result<(), Error>,
) -> Result<Option<u64>, Error> {
    let mut entries = 0;
    while !rest.is_empty() {
        let Some(entry) = next_entry(&mut rest) else { return Ok(None) };
        visit(entry)?;
        entries += 1;
    }
    Ok(Some(entries))
}

fn next_entry<'a>(rest: &mut &'a [u8]) -> Option<Entry<'a>> {
    match take(rest, 1)?[0] {
        ENTRY_PAIR => Some(Entry::Pair { key: take_sized(rest)?, value: take_sized(rest)? }),
        ENTRY_EPOCH => {
            let partition = u16::from_le_bytes(take(rest, 2)?.try_into().ok()?);
            let epoch = counted(u64::from_le_bytes(take(rest, 8)?.try_into().ok()?))?;
            Some(Entry::Epoch(Fence { partition, epoch }))
        }
        ENTRY_RECORD => Some(Entry::Record(take_sized(rest)?)),
        _ => None,
    }
}

fn take_sized<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u32::from_le_bytes(take(rest, 4)?.try_into().ok()?);
    take(rest, length as usize)
}

fn take<'a>(rest: &mut &'a [u8], bytes: usize) -> Option<&'a [u8]> {
    let (taken, tail) = rest.split_at_checked(bytes)?;
    *rest = tail;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Disk;
    use crate::disk::sim::SimDisk;

    const MAGIC: [u8; 8] = *b"ABTEST1\n";
    const PATH: &str = "/file";

    fn encoded() -> Vec<u8> {
        let mut encoder = Encoder::new(MAGIC, 7);
        encoder.epoch(Fence { partition: 258, epoch: 3 });
        encoder.pair(b"key", b"value");
        encoder.record(b"payload");
        encoder.finish()
    }

    fn read_back(content: &[u8], sequence: Sequence) -> Result<(u64, String), String> {
        let disk = SimDisk::new();
        disk.create(Path::new(PATH)).unwrap().write_at(content, 0).unwrap();
        let mut seen = String::new();
        let file = disk.open_read(Path::new(PATH)).unwrap();
        let read = read(&*file, Path::new(PATH), (MAGIC, sequence), |entry| {
            seen += &format!("{entry:?};");
            Ok(())
        });
        match read {
            Ok(count) => Ok((count, seen)),
            Err(Broken::Damaged { offset, why }) => Err(format!("{offset}: {why}")),
            Err(Broken::Other(error)) => panic!("{error}"),
        }
    }

    #[test]
    fn blocks_have_their_golden_bytes() {
        let hex: String = encoded().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "414254455354310a07000000000000002800000038b89bff020201030000000000000001030000006b65790500\
             000076616c756503070000007061796c6f6164ffffffffdf1a24bb0300000000000000",
        );
        let (count, seen) = read_back(&encoded(), 7).unwrap();
        assert_eq!(count, 3);
        assert!(seen.starts_with("Epoch(Fence { partition: 258, epoch: 3 });Pair"), "{seen}");
    }

    #[test]
    fn every_flipped_bit_and_every_missing_end_is_noticed() {
        let content = encoded();
        assert!(read_back(&content, 8).is_err());
        for at in 0..content.len() {
            let mut damaged = content.clone();
            damaged[at] ^= 1 << (at % 8);
            assert!(read_back(&damaged, 7).is_err(), "byte {at}");
            assert!(read_back(&content[..at], 7).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn large_content_comes_in_many_blocks() {
        let mut encoder = Encoder::new(MAGIC, 7);
        let mut content = Vec::new();
        for number in 0..2_000u32 {
            encoder.pair(&number.to_be_bytes(), &[7; 1_000]);
            content.extend(encoder.take_ready());
        }
        assert!(content.len() > 6 * BLOCK_BYTES, "blocks leave while they are made");
        content.extend(encoder.finish());
        assert_eq!(read_back(&content, 7).unwrap().0, 2_000);
    }
}
