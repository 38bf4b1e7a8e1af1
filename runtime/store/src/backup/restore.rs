//! Restoring a backup: a data folder that any server of this version, or a later one, can be started on.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::check::{Decoded, check, decode, visit};
use super::receive::{blobs_of, sync_folders};
use super::{CONTENT, Checked, FILES, Manifest};
use crate::batch::Sequence;
use crate::blobs::{BlobRef, Blobs};
use crate::blocks::Broken;
use crate::disk::{Disk, OsDisk, TEMPORARY};
use crate::disk_store::DiskStore;
use crate::error::Error;
use crate::folder::{Folder, LOCK, Lock, create_private};
use crate::log::Log;
use crate::log::record::{self, Record};
use crate::log::scan::scan;
use crate::log::secret::Secret;
use crate::options::Options;
use crate::snapshot;
use crate::store::Store;

/// Records that go into the log with one sync, if they are small.
const RECORDS_AT_ONCE: usize = 512;
/// What the root of a file system has, and nobody put there.
const LOST_AND_FOUND: &str = "lost+found";

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    pub manifest: Manifest,
    pub entries: u64,
}

/// Examines a backup, and makes a data folder of it in `data`, which must be empty or not be there.
///
/// A folder that broke off half-way has no FORMAT file, which is written last, so nobody can take it for a whole one.
///
/// # Errors
/// The backup is damaged, then nothing was written; or the folder cannot be used, or not to the end.
pub fn restore(
    dir: &Path,
    data: &Path,
    options: Options,
    mut progress: impl FnMut(u64),
) -> Result<Restored, Error> {
    check_empty(data)?;
    let Checked { manifest, damaged } = check(dir, &mut progress)?;
    if !damaged.is_empty() {
        return Err(Error::BackupDamaged { dir: dir.to_path_buf(), what: damaged });
    }
    create_private(data)?;
    check_space(data, &manifest, &options)?;
    let folder = Folder::new(data);
    let lock = Lock::take(&folder)?;
    // Again, now that no other process can begin with it: to examine the backup took a while.
    check_only(data, &[LOST_AND_FOUND, LOCK])?;
    let written = write(dir, &folder, &manifest, &options, &mut progress);
    let entries = written
        .map_err(|error| Error::RestoreBrokeOff { data: data.to_path_buf(), source: Box::new(error) })?;
    drop(lock);
    // Makes the index, by the same way as after any damage of it, and closes in order.
    DiskStore::open(data, options)?.close()?;
    Ok(Restored { manifest, entries })
}

/// Writes all of it, what makes it a data folder last; returns how many entries the content has.
fn write(
    dir: &Path,
    folder: &Folder,
    manifest: &Manifest,
    options: &Options,
    progress: &mut impl FnMut(u64),
) -> Result<u64, Error> {
    let secret = folder.fresh_secret(1)?;
    let entries = fill(dir, (folder, secret), manifest, options, progress)?;
    for file in &manifest.files {
        let (from, to) = (dir.join(FILES).join(&file.path), folder.dir.join(&file.path));
        copy(&from, &to)?;
        progress(file.bytes);
    }
    folder.ask_for_index("it was restored from a backup")?;
    sync_folders(&folder.dir)?;
    folder.write_format(&OsDisk, secret)?;
    Ok(entries)
}

/// Refuses a folder with something in it.
///
/// # Errors
/// It has something in it, or cannot be listed. One that is not there is empty.
pub fn check_empty(dir: &Path) -> Result<(), Error> {
    check_only(dir, &[LOST_AND_FOUND])
}

/// Refuses a folder with anything in it but these.
fn check_only(dir: &Path, allowed: &[&str]) -> Result<(), Error> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(Error::io("list", dir))?,
    };
    for entry in entries {
        let name = entry.map_err(Error::io("list", dir))?.file_name();
        if !allowed.iter().any(|allowed| name == *allowed) {
            return Err(Error::NotEmpty { dir: dir.to_path_buf() });
        }
    }
    Ok(())
}

/// The content is there twice in the end: as a snapshot and in the index.
fn check_space(data: &Path, manifest: &Manifest, options: &Options) -> Result<(), Error> {
    let twice = manifest.bytes().saturating_add(manifest.content.bytes);
    let needed = twice.saturating_add(2 * options.segment_bytes);
    let free = OsDisk.free_bytes(data).map_err(Error::io("read the free space of", data))?;
    if free < needed { Err(Error::NoSpace { dir: data.to_path_buf(), free, needed }) } else { Ok(()) }
}

/// Writes snapshot, log and blobs; returns how many entries the content has.
fn fill(
    dir: &Path,
    (folder, secret): (&Folder, Secret),
    manifest: &Manifest,
    options: &Options,
    progress: &mut impl FnMut(u64),
) -> Result<u64, Error> {
    for part in [folder.log(), folder.blobs(), folder.snapshots()] {
        OsDisk.create_dir(&part).map_err(Error::io("create", &part))?;
    }
    let from = Blobs::new(Arc::new(OsDisk), &blobs_of(dir));
    let to = Blobs::new(Arc::new(OsDisk), &folder.blobs());
    let damaged = |why: String| Error::BackupDamaged { dir: dir.to_path_buf(), what: vec![why] };
    let mut filling = Filling::new(folder, secret, manifest, options)?;
    let visited = visit(dir, manifest, |entry| {
        let decoded = decode(entry, filling.last).map_err(|why| damaged(format!("{CONTENT}: {why}")))?;
        for blob in decoded.blobs() {
            if !to.path(blob.name).exists() {
                copy_blob(&from, &to, &blob)?;
                progress(blob.bytes);
            }
        }
        match decoded {
            Decoded::Pair { key, value, .. } => filling.snapshot.pair(key, value),
            Decoded::Epoch(fence) => filling.snapshot.epoch(fence),
            Decoded::Record { record, bytes } => filling.record(record, bytes),
        }
    });
    let entries = visited.map_err(|broken| match broken {
        Broken::Damaged { offset, why } => damaged(format!("{CONTENT} at offset {offset}: {why}")),
        Broken::Other(error) => error,
    })?;
    filling.finish()?;
    Ok(entries)
}

fn copy_blob(from: &Blobs, to: &Blobs, blob: &BlobRef) -> Result<(), Error> {
    let gone = || Error::BlobCorrupt { file: from.path(blob.name), why: "it is not there".into() };
    let value = from.read(blob)?.ok_or_else(gone)?;
    to.write(blob.name, &[value]).map(drop)
}

/// Copies a file beside the store.
fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let parent = to.parent().unwrap_or(to);
    fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    let mut name = to.file_name().unwrap_or_default().to_os_string();
    name.push(TEMPORARY);
    let temporary = parent.join(name);
    fs::copy(from, &temporary).map_err(Error::io("copy", from))?;
    fs::File::open(&temporary).and_then(|file| file.sync_all()).map_err(Error::io("sync", &temporary))?;
    fs::rename(&temporary, to).map_err(Error::io("rename", &temporary))
}

/// Snapshot and log as they grow.
struct Filling {
    snapshot: snapshot::Writer,
    log: Log,
    pending: Vec<Record>,
    pending_bytes: u64,
    pending_bytes_max: u64,
    last: Sequence,
}

impl Filling {
    fn new(
        folder: &Folder,
        secret: Secret,
        manifest: &Manifest,
        options: &Options,
    ) -> Result<Filling, Error> {
        let disk: Arc<dyn Disk> = Arc::new(OsDisk);
        let log = folder.log_with(secret);
        let nothing = scan(&*disk, &log, |_, _| Ok(()))?;
        let log = Log::open(disk.clone(), &log, options.segment_bytes, options.group_bytes_max, &nothing)?;
        let snapshot = snapshot::Writer::create(disk, &folder.snapshots(), manifest.first)?;
        let (pending, pending_bytes_max) = (Vec::new(), options.group_bytes_max);
        Ok(Filling { snapshot, log, pending, pending_bytes: 0, pending_bytes_max, last: manifest.first })
    }

    /// Adds the next record. So much waits for a sync as the log writes at once, and not more: records can be large.
    fn record(&mut self, record: Record, bytes: u64) -> Result<(), Error> {
        self.last = record.sequence;
        self.pending.push(record);
        self.pending_bytes += bytes;
        let is_full = self.pending.len() >= RECORDS_AT_ONCE || self.pending_bytes >= self.pending_bytes_max;
        if is_full { self.append() } else { Ok(()) }
    }

    fn append(&mut self) -> Result<(), Error> {
        self.pending_bytes = 0;
        let mut rest = std::mem::take(&mut self.pending);
        while !rest.is_empty() {
            let appended = self.log.append(&rest)?;
            rest.drain(..appended.records);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), Error> {
        self.append()?;
        // Tells the last sequence also where there is no record, and that nothing was torn.
        self.log.append(&[Record { sequence: self.last, entry: record::Entry::Mark }])?;
        self.snapshot.finish().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::{FileSum, Label};
    use crate::batch::Fence;
    use crate::log::record::Stored;

    #[test]
    fn large_records_do_not_pile_up() {
        let home = tempfile::tempdir().unwrap();
        let (folder, options) = (Folder::new(home.path()), Options::tiny());
        for part in [folder.log(), folder.snapshots()] {
            OsDisk.create_dir(&part).unwrap();
        }
        let content = FileSum { path: CONTENT.into(), bytes: 0, sha256: String::new() };
        let manifest = Manifest {
            label: Label::default(),
            data_format: 0,
            first: 7,
            last: 107,
            content,
            blobs: 0,
            blob_bytes: 0,
            files: Vec::new(),
        };
        let mut filling = Filling::new(&folder, Secret::NONE, &manifest, &options).unwrap();
        for sequence in 8..=107 {
            let value = Stored::Inline(vec![7; 10_000].into());
            let changes = vec![(b"key".to_vec(), Some(value))];
            let entry = record::Entry::Batch { fence: Fence { partition: 1, epoch: 1 }, changes };
            filling.record(Record { sequence, entry }, 10_000).unwrap();
            assert!(filling.pending.len() < 2, "{} of them are in memory", filling.pending.len());
        }
        filling.finish().unwrap();
        let scanned = scan(&OsDisk, &folder.log_with(Secret::NONE), |_, _| Ok(())).unwrap();
        assert_eq!(scanned.last_sequence, 107);
    }
}
