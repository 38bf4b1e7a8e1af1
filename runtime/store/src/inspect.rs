//! The bytes of the log and of blocks, for tests that damage them, or change them and put the checksum right again.

use std::path::{Path, PathBuf};

use crate::batch::Sequence;
use crate::blocks;
use crate::disk::sim::SimDisk;
use crate::disk::{Disk, OsDisk};
use crate::folder::{self, Folder};
use crate::index;
use crate::log::record::{self, Frame};
pub use crate::log::secret::Secret;

/// A record of a segment, without the zeros behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub offset: usize,
    pub bytes: usize,
    /// Offset of its group: everything before that was synced when it was written.
    pub group: usize,
}

/// Returns what the records of a folder's log carry; `None` when its FORMAT file is not there or not readable.
#[must_use]
pub fn secret(dir: &Path) -> Option<Secret> {
    Folder::new(dir).check_format(&OsDisk).ok().flatten().map(|format| format.secret)
}

/// Returns where the files of a folder's index are.
#[must_use]
pub fn index(dir: &Path) -> PathBuf {
    index::present(&Folder::new(dir).index())
}

/// Returns the FORMAT file of a folder whose log carries what everybody knows: its bytes are the same each time.
#[must_use]
pub fn format_without_secret() -> String {
    folder::format_text(Secret::NONE)
}

/// Returns the records of a segment up to the first place where none is.
#[must_use]
pub fn records(segment: &[u8], number: u64, secret: Secret) -> Vec<Place> {
    let (mut places, mut offset) = (Vec::new(), 0);
    let stamp = secret.stamp(number);
    loop {
        let (payload_bytes, group) = match record::frame_at(segment, stamp, offset) {
            Frame::Record { payload, group, .. } => (payload.len(), group),
            Frame::End { group } => (0, group),
            Frame::Broken(_) => return places,
        };
        let bytes = record::HEADER_BYTES + payload_bytes;
        places.push(Place { offset, bytes, group: group as usize });
        offset += bytes.next_multiple_of(record::ALIGNMENT);
    }
}

/// Returns a payload as a record of a group of its own at `offset`, with the checksum that it has to have without a secret.
///
/// # Panics
/// It is far longer than a segment.
#[must_use]
pub fn sealed(payload: &[u8], segment: u64, offset: usize) -> Vec<u8> {
    let group = u32::try_from(offset).expect("a segment is small");
    let mut out = Vec::new();
    record::seal(|out| out.extend_from_slice(payload), Secret::NONE.stamp(segment), group, &mut out);
    out
}

/// Reads the payload of a record and writes it again; `None` when it is not one.
#[must_use]
pub fn rewritten(payload: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    record::encode_payload(&record::decode(payload)?, &mut out);
    Some(out)
}

/// Reads a file with one block, as snapshots and backups have them, whose checksum is right whatever is in it; returns how
/// many entries it has, or `None` when it is refused.
#[must_use]
pub fn read_block(block: &[u8], entries: u64) -> Option<u64> {
    const NAME: ([u8; 8], Sequence) = (*b"ABTEST1\n", 7);
    let (disk, path) = (SimDisk::new(), Path::new("/blocks"));
    disk.install(path, blocks::whole(NAME.0, NAME.1, block, entries));
    let file = disk.open_read(path).ok()?;
    blocks::read(&*file, path, NAME, |_| Ok(())).ok()
}
