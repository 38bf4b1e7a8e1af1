//! Makes index and log agree: replays what the index misses, or rebuilds the index from snapshot and log.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::panic::resume_unwind;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread::{self, ScopedJoinHandle};

use crate::batch::Sequence;
use crate::blobs::BlobName;
use crate::disk::Disk;
use crate::disk_store::whole;
use crate::error::Error;
use crate::folder::Folder;
use crate::index::Index;
use crate::log::record::{self, Record};
use crate::log::scan::{Scan, first_sequence, records_behind_sequence, scan, secure};
use crate::log::secret::LogFolder;
use crate::options::Options;
use crate::snapshot;
use crate::stall::{self, NoResult, Progress};

/// Records that are replayed together, and about how many bytes of them: they are in memory meanwhile.
const REPLAYED_AT_ONCE: usize = 4_096;
const REPLAYED_BYTES_AT_ONCE: usize = 8 << 20;

/// An index that has everything the log says.
pub struct Recovered {
    pub index: Index,
    pub known: Known,
    pub scan: Scan,
    pub replayed: u64,
    pub is_rebuilt: bool,
    /// All of the index was read.
    pub is_verified: bool,
}

/// What an open needs of the index before anybody reads it. It is read while the index can still be given up for another:
/// damage found later would stop this start and every one after it.
pub struct Known {
    pub epochs: HashMap<u16, u64>,
    pub blobs: BTreeSet<BlobName>,
    pub blob_bytes: u64,
}

impl Known {
    fn of(index: &Index) -> Result<Known, Error> {
        let (blobs, blob_bytes) = index.blobs()?;
        Ok(Known { epochs: index.epochs()?, blobs, blob_bytes })
    }
}

/// Whether the index can be used as it is; one that cannot is rebuilt.
enum Usable<T> {
    Yes(T),
    No { why: String },
}

pub fn recover(folder: &Folder, log: &LogFolder, options: &Options) -> Result<Recovered, Error> {
    let why = match watched(folder, log, options)? {
        Usable::Yes(recovered) => return Ok(recovered),
        Usable::No { why } => why,
    };
    let index = rebuild(folder, log, options, &why)?;
    let progress = Progress::default();
    let scan = scan_log(log, options, &progress)?;
    let (scan, replayed) = follow_log(&index, log, options, &progress, scan)?;
    // Only now: a crash before this must rebuild again.
    index.flush()?;
    remove_marker(folder)?;
    tracing::warn!(replayed, "the index was rebuilt and has everything again");
    let known = Known::of(&index)?;
    Ok(Recovered { index, known, scan, replayed, is_rebuilt: true, is_verified: false })
}

/// Uses the index as it is, on a thread of its own: sled can loop for ever over a damaged folder. A stall is an error,
/// because the looping thread ends only with the process.
fn watched(folder: &Folder, log: &LogFolder, options: &Options) -> Result<Usable<Recovered>, Error> {
    let progress = Progress::default();
    let (result, results) = mpsc::channel();
    let (folder_of_thread, log_of_thread) = (folder.clone(), log.clone());
    let (options_of_thread, progress_of_thread) = (options.clone(), progress.clone());
    thread::Builder::new()
        .name("abide-store-recover".into())
        .spawn(move || {
            // Nobody listens any more when it took too long.
            result
                .send(as_it_is(&folder_of_thread, &log_of_thread, &options_of_thread, &progress_of_thread))
                .ok();
        })
        .map_err(Error::io("start a thread for", &folder.dir))?;
    match stall::result_of(&results, &progress, options.index_stall_max) {
        Ok(result) => result,
        Err(NoResult::Panicked) => Err(Error::Index { why: "the recovery panicked".into() }),
        Err(NoResult::Stalled) => {
            let seconds = options.index_stall_max.as_secs();
            let error = Error::IndexStalled { dir: folder.index(), seconds };
            folder.ask_for_index(&error.to_string())?;
            Err(error)
        }
    }
}

fn as_it_is(
    folder: &Folder,
    log: &LogFolder,
    options: &Options,
    progress: &Progress,
) -> Result<Usable<Recovered>, Error> {
    let is_noted_whole = whole::is_noted_whole(folder, &folder.index());
    if !is_noted_whole {
        // What another machine noted must not count again after this one has changed the index, and fell.
        whole::withdraw_whole(folder)?;
    }
    let closed_with = whole::take_closed(folder)?;
    // Each takes about as long as the other, and neither needs it.
    let (index, scan) = thread::scope(|scope| {
        let scan = scope.spawn(|| scan_log(log, options, progress));
        (usable_index(folder, log, options), joined(scan))
    });
    let index = match index? {
        Usable::Yes(index) => index,
        Usable::No { why } => return Ok(Usable::No { why }),
    };
    let checked = follow_log(&index, log, options, progress, scan?).and_then(|(scan, replayed)| {
        // After a crash of the machine everything is read once. A close in order says that there was none.
        let is_closed = scan.is_closed && closed_with == Some(scan.last_sequence);
        let is_verified = !is_closed && !is_noted_whole;
        if is_verified {
            index.verify(progress)?;
        }
        Ok((Known::of(&index)?, scan, replayed, is_verified))
    });
    match checked {
        Ok((known, scan, replayed, is_verified)) => {
            Ok(Usable::Yes(Recovered { index, known, scan, replayed, is_rebuilt: false, is_verified }))
        }
        // Damage that shows only when the leaf is read.
        Err(Error::Index { why }) => Ok(Usable::No { why }),
        Err(error) => Err(error),
    }
}

/// Verifies the log, and sees to it that the disk has all of it.
fn scan_log(log: &LogFolder, options: &Options, progress: &Progress) -> Result<Scan, Error> {
    let scan = scan(&*options.disk, log, |_, _| {
        progress.fetch_add(1, Ordering::Relaxed);
        Ok(())
    })?;
    secure(&*options.disk, &log.dir, &scan)?;
    Ok(scan)
}

/// Returns what a thread came to; its panic goes on here.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// Replays what the index misses of a log that was verified.
fn follow_log(
    index: &Index,
    log: &LogFolder,
    options: &Options,
    progress: &Progress,
    scan: Scan,
) -> Result<(Scan, u64), Error> {
    let applied = index.applied()?;
    let (mut replayed, mut group, mut bytes) = (0, Vec::new(), 0);
    records_behind_sequence(&*options.disk, log, &scan, applied, |sequence, payload| {
        group.push(decoded(log, sequence, payload)?);
        (replayed, bytes) = (replayed + 1, bytes + payload.len());
        if group.len() == REPLAYED_AT_ONCE || bytes > REPLAYED_BYTES_AT_ONCE {
            replay(index, options, &mut group)?;
            bytes = 0;
        }
        progress.fetch_add(1, Ordering::Relaxed);
        Ok(())
    })?;
    replay(index, options, &mut group)?;
    if applied > scan.last_sequence {
        let why =
            format!("the index has record {applied} but the log ends with record {}", scan.last_sequence);
        return Err(Error::LogCorrupt { file: log.dir.clone(), offset: 0, why });
    }
    index.set_applied(scan.last_sequence)?;
    Ok((scan, replayed))
}

/// Opens the index and looks whether the log goes on where it ends.
fn usable_index(folder: &Folder, log: &LogFolder, options: &Options) -> Result<Usable<Index>, Error> {
    if folder.rebuild_marker().exists() {
        let why = fs::read_to_string(folder.rebuild_marker()).unwrap_or_default();
        return Ok(Usable::No { why });
    }
    let index = match Index::open(&folder.index(), options) {
        Ok(index) => index,
        Err(Error::Index { why }) => return Ok(Usable::No { why }),
        Err(error) => return Err(error),
    };
    let applied = match index.applied() {
        Ok(applied) => applied,
        Err(Error::Index { why }) => return Ok(Usable::No { why }),
        Err(error) => return Err(error),
    };
    match first_sequence(&*options.disk, log)? {
        Some(first) if first > applied + 1 => {
            match index.close() {
                Ok(()) => {}
                // It is damaged as well. Whoever opens the folder next does not try to use it.
                Err(Error::Index { why }) => folder.ask_for_index(&why)?,
                Err(error) => return Err(error),
            }
            let why = format!("it ends with record {applied} and the log begins with record {first}");
            Ok(Usable::No { why })
        }
        Some(_) | None => Ok(Usable::Yes(index)),
    }
}

/// Moves the index aside and fills a new one from the newest snapshot; the log is replayed by the caller.
fn rebuild(folder: &Folder, log: &LogFolder, options: &Options, why: &str) -> Result<Index, Error> {
    let disk = &*options.disk;
    tracing::warn!(why, dir = %folder.index().display(), "the index cannot be used: it is moved aside and rebuilt");
    check_rebuildable(folder, log, disk, why)?;
    folder.ask_for_index(why)?;
    set_aside(folder)?;
    let index = Index::open(&folder.index(), options)?;
    let snapshots = snapshot::list(disk, &folder.snapshots())?;
    if let Some(newest) = snapshots.last() {
        let entries = snapshot::read(disk, newest, |entry| {
            match entry {
                snapshot::Entry::Pair { key, value } => index.load(key, value)?,
                snapshot::Entry::Epoch(fence) => index.set_epoch(fence)?,
                // Records follow the snapshot in the log; only a backup has them in one file.
                snapshot::Entry::Record(_) => {}
            }
            bound_memory(&index, options)
        })?;
        index.set_applied(newest.sequence)?;
        tracing::warn!(entries, sequence = newest.sequence, "the snapshot was loaded");
    }
    Ok(index)
}

/// Refuses when snapshot and log together do not reach back to the beginning.
fn check_rebuildable(folder: &Folder, log: &LogFolder, disk: &dyn Disk, why: &str) -> Result<(), Error> {
    match missing_for_rebuild(folder, log, disk)? {
        Some(missing) => Err(Error::IndexLost { dir: folder.index(), why: why.to_string(), missing }),
        None => Ok(()),
    }
}

/// Says what is missing when snapshot and log together do not reach back to the beginning.
pub fn missing_for_rebuild(
    folder: &Folder,
    log: &LogFolder,
    disk: &dyn Disk,
) -> Result<Option<String>, Error> {
    let covered = snapshot::list(disk, &folder.snapshots())?.last().map_or(0, |newest| newest.sequence);
    let first = first_sequence(disk, log)?.filter(|first| *first > covered + 1);
    Ok(first.map(|first| {
        format!("the newest snapshot ends with record {covered} and the log begins with record {first}")
    }))
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

fn decoded(log: &LogFolder, sequence: Sequence, payload: &[u8]) -> Result<Record, Error> {
    record::decode(payload).ok_or_else(|| Error::LogCorrupt {
        file: log.dir.clone(),
        offset: 0,
        why: format!("record {sequence} has a valid checksum but is not readable"),
    })
}

/// Brings records of the log into the index: of a key that they change often, the last value only. What they replace is
/// not removed: the sweep does that once at the end.
fn replay(index: &Index, options: &Options, group: &mut Vec<Record>) -> Result<(), Error> {
    index.apply(group.iter())?;
    group.clear();
    bound_memory(index, options)
}

fn bound_memory(index: &Index, options: &Options) -> Result<(), Error> {
    if index.bytes_since_open() > options.reopen_bytes_max { index.reopen().map(drop) } else { Ok(()) }
}

fn remove_marker(folder: &Folder) -> Result<(), Error> {
    let path = folder.rebuild_marker();
    fs::remove_file(&path).map_err(Error::io("remove", &path))?;
    fs::File::open(&folder.dir).and_then(|dir| dir.sync_all()).map_err(Error::io("sync", &folder.dir))
}
