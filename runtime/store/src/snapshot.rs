//! A snapshot: every pair of the index in one file, from which the index can be rebuilt together with the log behind it.
//!
//! It is taken while writes go on, so it is fuzzy: each key is as it was at some moment at or after the sequence in the
//! name. Replaying every record after that sequence makes it exact, because changes are absolute. A reference in it may
//! name a blob that is gone; then the log replaces that key too.
//!
//! The file: magic `ABSNAP1\n`, sequence (8), blocks, end. A block: length (4), crc (4), payload. A payload: entries, 1
//! pair (key length 4, key, value length 4, value as in the index), 2 epoch (partition 2, epoch 8). The end is a block of
//! length all ones with the number of entries (8). Crcs are seeded with sequence and offset.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::batch::{Fence, Sequence};
use crate::disk::{Disk, DiskFile, TEMPORARY};
use crate::error::Error;

const MAGIC: [u8; 8] = *b"ABSNAP1\n";
const HEADER_BYTES: u64 = 16;
const BLOCK_BYTES: usize = 256 * 1024;
/// Above any block: a block is closed as soon as it has `BLOCK_BYTES`, and one pair has at most key plus inline value.
const BLOCK_BYTES_MAX: u64 = 16 * 1024 * 1024;
const END: u32 = u32::MAX;
const ENTRY_PAIR: u8 = 1;
const ENTRY_EPOCH: u8 = 2;
const PREFIX: &str = "snapshot-";

/// A finished snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotInfo {
    pub sequence: Sequence,
    pub bytes: u64,
    pub path: PathBuf,
}

/// Returns the finished snapshots, oldest first.
pub fn list(disk: &dyn Disk, dir: &Path) -> Result<Vec<SnapshotInfo>, Error> {
    let entries = disk.list(dir).map_err(Error::io("list", dir))?;
    let mut found: Vec<_> = entries
        .iter()
        .filter_map(|entry| {
            let sequence = u64::from_str_radix(entry.name.strip_prefix(PREFIX)?, 16).ok()?;
            Some(SnapshotInfo { sequence, bytes: entry.bytes, path: dir.join(&entry.name) })
        })
        .collect();
    found.sort_by_key(|info| info.sequence);
    Ok(found)
}

/// Writes a snapshot; dropped before [`Writer::finish`] it leaves a temporary file that the next open removes.
pub struct Writer {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    file: Box<dyn DiskFile>,
    temporary: PathBuf,
    sequence: Sequence,
    offset: u64,
    block: Vec<u8>,
    entries: u64,
}

impl Writer {
    pub fn create(disk: Arc<dyn Disk>, dir: &Path, sequence: Sequence) -> Result<Writer, Error> {
        let temporary = dir.join(format!("{PREFIX}{sequence:016x}{TEMPORARY}"));
        let file = disk.create(&temporary).map_err(Error::io("create", &temporary))?;
        let mut header = MAGIC.to_vec();
        header.extend_from_slice(&sequence.to_le_bytes());
        file.write_at(&header, 0).map_err(Error::io("write", &temporary))?;
        let dir = dir.to_path_buf();
        Ok(Writer {
            disk,
            dir,
            file,
            temporary,
            sequence,
            offset: HEADER_BYTES,
            block: Vec::new(),
            entries: 0,
        })
    }

    /// Adds a pair, the value as the index encodes it.
    pub fn pair(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.block.push(ENTRY_PAIR);
        for part in [key, value] {
            let length = u32::try_from(part.len()).expect("lengths are limited by Options");
            self.block.extend_from_slice(&length.to_le_bytes());
            self.block.extend_from_slice(part);
        }
        self.entry_added()
    }

    pub fn epoch(&mut self, fence: Fence) -> Result<(), Error> {
        self.block.push(ENTRY_EPOCH);
        self.block.extend_from_slice(&fence.partition.to_le_bytes());
        self.block.extend_from_slice(&fence.epoch.to_le_bytes());
        self.entry_added()
    }

    fn entry_added(&mut self) -> Result<(), Error> {
        self.entries += 1;
        if self.block.len() >= BLOCK_BYTES { self.write_block() } else { Ok(()) }
    }

    fn write_block(&mut self) -> Result<(), Error> {
        let payload = std::mem::take(&mut self.block);
        let length = u32::try_from(payload.len()).expect("a block is small");
        self.write(length, &payload)
    }

    fn write(&mut self, length: u32, payload: &[u8]) -> Result<(), Error> {
        let crc = checksum(self.sequence, self.offset, length, payload);
        let mut bytes = Vec::with_capacity(8 + payload.len());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes.extend_from_slice(payload);
        self.file.write_at(&bytes, self.offset).map_err(Error::io("write", &self.temporary))?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// Makes the snapshot durable under its name.
    pub fn finish(mut self) -> Result<SnapshotInfo, Error> {
        if !self.block.is_empty() {
            self.write_block()?;
        }
        let entries = self.entries.to_le_bytes();
        self.write(END, &entries)?;
        self.file.sync_data().map_err(Error::io("sync", &self.temporary))?;
        let path = self.dir.join(format!("{PREFIX}{:016x}", self.sequence));
        self.disk.rename(&self.temporary, &path).map_err(Error::io("rename", &self.temporary))?;
        self.disk.sync_dir(&self.dir).map_err(Error::io("sync", &self.dir))?;
        Ok(SnapshotInfo { sequence: self.sequence, bytes: self.offset, path })
    }

    /// Gives up.
    pub fn abandon(self) -> Result<(), Error> {
        self.disk.remove(&self.temporary).map_err(Error::io("remove", &self.temporary))
    }
}

fn checksum(sequence: Sequence, offset: u64, length: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&sequence.to_le_bytes());
    hasher.update(&offset.to_le_bytes());
    hasher.update(&length.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

/// One entry of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    Pair { key: &'a [u8], value: &'a [u8] },
    Epoch(Fence),
}

/// Reads and verifies a snapshot; returns how many entries it has.
pub fn read(
    disk: &dyn Disk,
    info: &SnapshotInfo,
    mut visit: impl FnMut(Entry<'_>) -> Result<(), Error>,
) -> Result<u64, Error> {
    let file = disk.open_read(&info.path).map_err(Error::io("open", &info.path))?;
    let reader = Reader { file: &*file, info };
    if reader.bytes(0, HEADER_BYTES)? != [&MAGIC[..], &info.sequence.to_le_bytes()].concat() {
        return Err(reader.corrupt(0, "the header does not match the name"));
    }
    let (mut offset, mut entries) = (HEADER_BYTES, 0u64);
    loop {
        let head = reader.bytes(offset, 8)?;
        let length = u32::from_le_bytes(head[0..4].try_into().expect("four bytes"));
        let crc = u32::from_le_bytes(head[4..8].try_into().expect("four bytes"));
        let bytes = if length == END { 8 } else { u64::from(length) };
        if bytes > BLOCK_BYTES_MAX {
            return Err(reader.corrupt(offset, "a block is longer than possible"));
        }
        let payload = reader.bytes(offset + 8, bytes)?;
        if checksum(info.sequence, offset, length, &payload) != crc {
            return Err(reader.corrupt(offset, "the checksum does not match"));
        }
        if length == END {
            if payload != entries.to_le_bytes() {
                return Err(reader.corrupt(offset, "the number of entries does not match"));
            }
            return Ok(entries);
        }
        entries += visit_block(&payload, &mut visit)?
            .ok_or_else(|| reader.corrupt(offset, "a block with a valid checksum is not readable"))?;
        offset += 8 + bytes;
    }
}

struct Reader<'a> {
    file: &'a dyn DiskFile,
    info: &'a SnapshotInfo,
}

impl Reader<'_> {
    fn corrupt(&self, offset: u64, why: &str) -> Error {
        Error::SnapshotCorrupt { file: self.info.path.clone(), offset, why: why.to_string() }
    }

    fn bytes(&self, offset: u64, count: u64) -> Result<Vec<u8>, Error> {
        let mut buffer = vec![0; count as usize];
        let read = self
            .file
            .read_at(&mut buffer, offset)
            .map_err(|error: io::Error| Error::io("read", &self.info.path)(error))?;
        if read < buffer.len() {
            return Err(self.corrupt(offset, "the file ends too early"));
        }
        Ok(buffer)
    }
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
            let epoch = u64::from_le_bytes(take(rest, 8)?.try_into().ok()?);
            Some(Entry::Epoch(Fence { partition, epoch }))
        }
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
