//! Makes index and log agree: replays what the index misses, or rebuilds the index from snapshot and log.

use std::fs;

use crate::batch::Sequence;
use crate::disk::{Disk, OsDisk, write_whole};
use crate::error::Error;
use crate::folder::Folder;
use crate::index::Index;
use crate::log::record::{self, Entry, Record};
use crate::log::scan::{Scan, first_sequence, scan};
use crate::options::Options;
use crate::snapshot;

/// An index that has everything the log says.
pub struct Recovered {
    pub index: Index,
    pub scan: Scan,
    pub replayed: u64,
    pub is_rebuilt: bool,
}

pub fn recover(folder: &Folder, options: &Options) -> Result<Recovered, Error> {
    let (index, is_rebuilt) = match usable_index(folder, options)? {
        Ok(index) => (index, false),
        Err(why) => (rebuild(folder, options, &why)?, true),
    };
    let applied = index.applied()?;
    let mut replayed = 0;
    let scan = scan(&*options.disk, &folder.log(), |sequence, payload| {
        if sequence > applied {
            replay(&index, folder, options, sequence, payload)?;
            replayed += 1;
        }
        Ok(())
    })?;
    if applied > scan.last_sequence {
        let why = format!("the index has record {applied} but the log ends with record {}", scan.last_sequence);
        return Err(Error::LogCorrupt { file: folder.log(), offset: 0, why });
    }
    index.set_applied(scan.last_sequence)?;
    if is_rebuilt {
        // Only now: a crash before this must rebuild again.
        index.flush()?;
        remove_marker(folder)?;
        tracing::warn!(replayed, "the index was rebuilt and has everything again");
    }
    Ok(Recovered { index, scan, replayed, is_rebuilt })
}

/// Returns the index, or why it cannot be used.
fn usable_index(folder: &Folder, options: &Options) -> Result<Result<Index, String>, Error> {
    if folder.rebuild_marker().exists() {
        return Ok(Err(fs::read_to_string(folder.rebuild_marker()).unwrap_or_default()));
    }
    let index = match Index::open(&folder.index(), options) {
        Ok(index) => index,
        Err(Error::Index { why }) => return Ok(Err(why)),
        Err(error) => return Err(error),
    };
    let applied = match index.applied() {
        Ok(applied) => applied,
        Err(error) => {
            index.leak();
            return Ok(Err(error.to_string()));
        }
    };
    match first_sequence(&*options.disk, &folder.log())? {
        Some(first) if first > applied + 1 => {
            index.close()?;
            Ok(Err(format!("it ends with record {applied} and the log begins with record {first}")))
        }
        Some(_) | None => Ok(Ok(index)),
    }
}

/// Moves the index aside and fills a new one from the newest snapshot; the log is replayed by the caller.
fn rebuild(folder: &Folder, options: &Options, why: &str) -> Result<Index, Error> {
    let disk = &*options.disk;
    tracing::warn!(why, dir = %folder.index().display(), "the index cannot be used: it is moved aside and rebuilt");
    check_rebuildable(folder, disk, why)?;
    write_marker(folder, why)?;
    set_aside(folder)?;
    let index = Index::open(&folder.index(), options)?;
    let snapshots = snapshot::list(disk, &folder.snapshots())?;
    if let Some(newest) = snapshots.last() {
        let entries = snapshot::read(disk, newest, |entry| {
            match entry {
                snapshot::Entry::Pair { key, value } => index.load(key, value)?,
                snapshot::Entry::Epoch(fence) => index.set_epoch(fence)?,
            }
            bound_memory(&index, options)
        })?;
        index.set_applied(newest.sequence)?;
        tracing::warn!(entries, sequence = newest.sequence, "the snapshot was loaded");
    }
    Ok(index)
}

/// Refuses when snapshot and log together do not reach back to the beginning.
fn check_rebuildable(folder: &Folder, disk: &dyn Disk, why: &str) -> Result<(), Error> {
    let covered = snapshot::list(disk, &folder.snapshots())?.last().map_or(0, |newest| newest.sequence);
    match first_sequence(disk, &folder.log())? {
        Some(first) if first > covered + 1 => {
            let missing = format!("the newest snapshot ends with record {covered} and the log begins with record {first}");
            Err(Error::IndexLost { dir: folder.index(), why: why.to_string(), missing })
        }
        Some(_) | None => Ok(()),
    }
}

fn set_aside(folder: &Folder) -> Result<(), Error> {
    let (index, broken) = (folder.index(), folder.index_broken());
    if !index.exists() {
        return Ok(());
    }
    if broken.exists() {
        fs::remove_dir_all(&broken).map_err(Error::io("remove", &broken))?;
    }
    fs::rename(&index, &broken).map_err(Error::io("rename", &index))
}

/// Brings one record of the log into the index. What it replaces is not removed: the sweep does that once at the end.
fn replay(index: &Index, folder: &Folder, options: &Options, sequence: Sequence, payload: &[u8]) -> Result<(), Error> {
    let record: Record = record::decode(payload).ok_or_else(|| Error::LogCorrupt {
        file: folder.log(),
        offset: 0,
        why: format!("record {sequence} has a valid checksum but is not readable"),
    })?;
    match record.entry {
        Entry::Mark => Ok(()),
        Entry::Batch { .. } | Entry::Epoch(_) => {
            index.apply(&record)?;
            bound_memory(index, options)
        }
    }
}

fn bound_memory(index: &Index, options: &Options) -> Result<(), Error> {
    if index.bytes_since_open() > options.reopen_bytes { index.reopen().map(drop) } else { Ok(()) }
}

/// Asks the next open to rebuild the index. Lives beside the index, which is not on the `Disk` either.
pub fn write_marker(folder: &Folder, why: &str) -> Result<(), Error> {
    let path = folder.rebuild_marker();
    if path.exists() {
        return Ok(());
    }
    let content = if why.is_empty() { "asked for" } else { why };
    write_whole(&OsDisk, &path, content.as_bytes()).map_err(Error::io("write", &path))
}

fn remove_marker(folder: &Folder) -> Result<(), Error> {
    let path = folder.rebuild_marker();
    fs::remove_file(&path).map_err(Error::io("remove", &path))?;
    fs::File::open(&folder.dir).and_then(|dir| dir.sync_all()).map_err(Error::io("sync", &folder.dir))
}
