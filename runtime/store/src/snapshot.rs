//! A snapshot: every pair of the index in one file, from which the index can be rebuilt together with the log behind it.
//!
//! It is taken while writes go on, so it is fuzzy: each key is as it was at some moment at or after the sequence in the
//! name. Replaying every record after that sequence makes it exact, because changes are absolute. A reference in it may
//! name a blob that is gone; then the log replaces that key too. The bytes of the file: `blocks.rs`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::batch::{Fence, Sequence};
use crate::blocks::{self, Broken, Encoder};
use crate::disk::{Disk, DiskFile, TEMPORARY};
use crate::error::Error;
use crate::log::record::counted;

const MAGIC: [u8; 8] = *b"ABSNAP1\n";
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
            let sequence = counted(u64::from_str_radix(entry.name.strip_prefix(PREFIX)?, 16).ok()?)?;
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
    encoder: Encoder,
    written: u64,
}

impl Writer {
    pub fn create(disk: Arc<dyn Disk>, dir: &Path, sequence: Sequence) -> Result<Writer, Error> {
        let temporary = draft(dir, sequence);
        let file = disk.create(&temporary).map_err(Error::io("create", &temporary))?;
        let (dir, encoder) = (dir.to_path_buf(), Encoder::new(MAGIC, sequence));
        Ok(Writer { disk, dir, file, temporary, sequence, encoder, written: 0 })
    }

    /// Adds a pair, the value as the index encodes it.
    pub fn pair(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.encoder.pair(key, value);
        let ready = self.encoder.take_ready();
        self.write(&ready)
    }

    pub fn epoch(&mut self, fence: Fence) -> Result<(), Error> {
        self.encoder.epoch(fence);
        let ready = self.encoder.take_ready();
        self.write(&ready)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.file.write_at(bytes, self.written).map_err(Error::io("write", &self.temporary))?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Makes the snapshot durable under its name.
    pub fn finish(mut self) -> Result<SnapshotInfo, Error> {
        let last = self.encoder.finish();
        self.write(&last)?;
        self.file.sync_data().map_err(Error::io("sync", &self.temporary))?;
        let path = self.dir.join(format!("{PREFIX}{:016x}", self.sequence));
        self.disk.rename(&self.temporary, &path).map_err(Error::io("rename", &self.temporary))?;
        self.disk.sync_dir(&self.dir).map_err(Error::io("sync", &self.dir))?;
        Ok(SnapshotInfo { sequence: self.sequence, bytes: self.written, path })
    }
}

fn draft(dir: &Path, sequence: Sequence) -> PathBuf {
    dir.join(format!("{PREFIX}{sequence:016x}{TEMPORARY}"))
}

/// Removes what was written of a snapshot that will not be finished.
pub fn abandon(disk: &dyn Disk, dir: &Path, sequence: Sequence) -> Result<(), Error> {
    let path = draft(dir, sequence);
    match disk.remove(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", &path)(error)),
        _ => Ok(()),
    }
}

/// One entry of a snapshot.
pub use crate::blocks::Entry;

/// Reads and verifies a snapshot; returns how many entries it has.
pub fn read(
    disk: &dyn Disk,
    info: &SnapshotInfo,
    visit: impl FnMut(Entry<'_>) -> Result<(), Error>,
) -> Result<u64, Error> {
    let file = disk.open_read(&info.path).map_err(Error::io("open", &info.path))?;
    blocks::read(&*file, &info.path, (MAGIC, info.sequence), visit).map_err(|broken| match broken {
        Broken::Damaged { offset, why } => {
            Error::SnapshotCorrupt { file: info.path.clone(), offset, why: why.to_string() }
        }
        Broken::Other(error) => error,
    })
}
