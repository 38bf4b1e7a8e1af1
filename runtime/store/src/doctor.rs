//! What a data folder looks like, for a person who has to decide what to do with it.
//!
//! Changes nothing in log, blobs and snapshots. sled has no read-only mode: opening the index rewrites its own
//! housekeeping files, exactly as starting the store would; an index that does not open is left as it is.
//! The note of a close in order is taken while the index is open, and stays away when that is damaged.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use serde::Serialize;

use crate::batch::Sequence;
use crate::blobs::{BlobName, Blobs};
use crate::disk::OsDisk;
use crate::disk_store::missing_for_rebuild;
use crate::disk_store::whole;
use crate::error::Error;
use crate::folder::{Folder, Lock};
use crate::index::{self, Index};
use crate::log::record::{self, Entry, Stored};
use crate::log::scan::{Tail, scan};
use crate::log::secret::LogFolder;
use crate::options::{INDEX_STALL_MAX, Options};
use crate::snapshot;
use crate::stall::{self, NoResult, Progress};

/// The findings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub dir: PathBuf,
    pub format: u32,
    /// A running process has the folder; then nothing else can be said.
    pub held_by: Option<String>,
    /// What has to be done, empty when everything is well.
    pub problems: Vec<String>,
    pub log: LogReport,
    pub index: IndexReport,
    pub blobs: BlobReport,
    pub snapshot: Option<SnapshotReport>,
    pub free_bytes: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LogReport {
    pub segments: Vec<SegmentReport>,
    pub spares: u64,
    pub last_sequence: Sequence,
    /// What a crash left behind the last whole record; the next start forgets it, it was never acknowledged.
    pub torn_tail_bytes: u64,
    pub is_closed_cleanly: bool,
    /// File, offset and reason of damage, if any.
    pub damage: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SegmentReport {
    pub number: u64,
    pub bytes: u64,
    pub last_sequence: Sequence,
    pub is_full: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct IndexReport {
    pub opens: bool,
    /// Why it does not open or what is wrong inside; the next start rebuilds it if it can.
    pub damage: Option<String>,
    /// The next start rebuilds it anyway.
    pub is_rebuild_asked: bool,
    /// Why it cannot be rebuilt, where it has to be.
    pub rebuild_lacks: Option<String>,
    pub keys: u64,
    pub applied: Sequence,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BlobReport {
    pub referenced: u64,
    pub referenced_bytes: u64,
    /// Left by a crash; the next start removes them.
    pub orphaned: u64,
    /// Lost. There is nothing to rebuild them from.
    pub missing: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SnapshotReport {
    pub sequence: Sequence,
    pub bytes: u64,
    pub age_seconds: Option<u64>,
    pub entries: u64,
    pub damage: Option<String>,
}

/// Looks at a folder that no process uses; a held one is reported as held.
pub fn doctor(dir: &Path) -> Result<Report, Error> {
    let folder = Folder::new(dir);
    let Some(format) = folder.check_format(&OsDisk)? else {
        let why = if dir.exists() { "it has nothing of a server" } else { "it is not there" };
        let why = why.to_string();
        return Err(Error::NotOurs { dir: dir.to_path_buf(), why });
    };
    let free_bytes =
        crate::disk::Disk::free_bytes(&OsDisk, dir).map_err(Error::io("read the free space of", dir))?;
    let mut report = Report {
        dir: dir.to_path_buf(),
        format: format.version,
        held_by: None,
        problems: Vec::new(),
        log: LogReport::default(),
        index: IndexReport::default(),
        blobs: BlobReport::default(),
        snapshot: None,
        free_bytes,
    };
    let _lock = match Lock::take(&folder) {
        Ok(lock) => lock,
        Err(Error::Held { holder, .. }) => {
            report.problems.push(format!("{holder} uses the folder; stop it to look inside"));
            report.held_by = Some(holder);
            return Ok(report);
        }
        Err(error) => return Err(error),
    };
    index::settle(&folder.index())?;
    // While the index is open it may be written.
    let closed_with = whole::take_closed(&folder)?;
    let (mut referenced, is_index_whole) = look_at_index(&folder, &mut report)?;
    if let Some(last) = closed_with.filter(|_| is_index_whole) {
        whole::note_closed(&folder, last)?;
    }
    let log = folder.log_with(format.secret);
    look_at_log(&log, &mut report, &mut referenced)?;
    look_at_snapshot(&folder, &mut report)?;
    report.index.rebuild_lacks = rebuild_lacks(&folder, &log, &report)?;
    look_at_blobs(&folder, &mut report, &referenced, is_index_whole)?;
    report.problems = problems(&report);
    Ok(report)
}

/// Which blobs are needed, as far as it can be told, with the key they belong to.
type Referenced = std::collections::BTreeMap<Vec<u8>, (BlobName, u64)>;

struct Inside {
    keys: u64,
    applied: Sequence,
    referenced: Referenced,
}

fn look_at_index(folder: &Folder, report: &mut Report) -> Result<(Referenced, bool), Error> {
    report.index.is_rebuild_asked = folder.rebuild_marker().exists();
    if !folder.index().exists() {
        report.index.damage = Some("it is not there".into());
        return Ok((Referenced::new(), false));
    }
    // On a thread of its own: sled can loop for ever over a damaged folder.
    let (result, results) = mpsc::channel();
    let dir = folder.index();
    let progress = Progress::default();
    let progress_of_thread = progress.clone();
    std::thread::spawn(move || result.send(look_inside(&dir, &progress_of_thread)));
    match stall::result_of(&results, &progress, INDEX_STALL_MAX) {
        Ok(Ok(inside)) => {
            report.index.opens = true;
            report.index.keys = inside.keys;
            report.index.applied = inside.applied;
            Ok((inside.referenced, true))
        }
        Ok(Err(Error::Index { why })) => {
            report.index.damage = Some(why);
            Ok((Referenced::new(), false))
        }
        Ok(Err(error)) => Err(error),
        Err(no_result) => {
            let why = match no_result {
                NoResult::Stalled => "sled does not answer",
                NoResult::Panicked => "its reader panicked",
            };
            report.index.damage = Some(why.into());
            Ok((Referenced::new(), false))
        }
    }
}

fn look_inside(dir: &Path, progress: &AtomicU64) -> Result<Inside, Error> {
    let index = Index::open(dir, &Options::default())?;
    index.verify(progress)?;
    let (mut keys, mut referenced) = (0, Referenced::new());
    index.range(&[], None, |pairs| {
        for pair in pairs {
            let (key, stored) = pair?;
            keys += 1;
            progress.fetch_add(1, Ordering::Relaxed);
            if let Some(blob) = stored.blob() {
                referenced.insert(key, (blob.name, blob.bytes));
            }
        }
        Ok(())
    })?;
    let applied = index.applied()?;
    index.close()?;
    Ok(Inside { keys, applied, referenced })
}

/// Verifies every record, and follows what the records behind the index do to blobs.
fn look_at_log(log: &LogFolder, report: &mut Report, referenced: &mut Referenced) -> Result<(), Error> {
    let applied = report.index.applied;
    let scanned = scan(&OsDisk, log, |sequence, payload| {
        let Some(record) = record::decode(payload) else { return Ok(()) };
        if let Entry::Batch { changes, .. } = record.entry
            && sequence > applied
        {
            for (key, value) in changes {
                match value.as_ref().and_then(Stored::blob) {
                    Some(blob) => referenced.insert(key, (blob.name, blob.bytes)),
                    None => referenced.remove(&key),
                };
            }
        }
        Ok(())
    });
    let scanned = match scanned {
        Ok(scanned) => scanned,
        Err(error @ Error::LogCorrupt { .. }) => {
            report.log.damage = Some(error.to_string());
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let open_segment = match &scanned.tail {
        Tail::Open { segment, torn_bytes, .. } => {
            report.log.torn_tail_bytes = *torn_bytes;
            Some(*segment)
        }
        Tail::Sealed => None,
    };
    report.log.last_sequence = scanned.last_sequence;
    report.log.is_closed_cleanly = scanned.is_closed;
    report.log.spares = crate::log::spares_of(&OsDisk, &log.dir)?;
    report.log.segments = scanned
        .segments
        .iter()
        .map(|info| SegmentReport {
            number: info.number,
            bytes: info.bytes,
            last_sequence: info.last_sequence,
            is_full: open_segment != Some(info.number),
        })
        .collect();
    if applied > scanned.last_sequence {
        let last = scanned.last_sequence;
        report.log.damage = Some(format!("the index has record {applied}, the log ends with record {last}"));
    }
    Ok(())
}

fn look_at_snapshot(folder: &Folder, report: &mut Report) -> Result<(), Error> {
    let Some(newest) = snapshot::list(&OsDisk, &folder.snapshots())?.pop() else { return Ok(()) };
    let (entries, damage) = match snapshot::read(&OsDisk, &newest, |_| Ok(())) {
        Ok(entries) => (entries, None),
        Err(error) => (0, Some(error.to_string())),
    };
    let written = std::fs::metadata(&newest.path).and_then(|metadata| metadata.modified()).ok();
    let age = written.and_then(|written| written.elapsed().ok());
    let age_seconds = age.as_ref().map(Duration::as_secs);
    report.snapshot =
        Some(SnapshotReport { sequence: newest.sequence, bytes: newest.bytes, age_seconds, entries, damage });
    Ok(())
}

/// Says why the next start cannot rebuild the index, if it has to.
fn rebuild_lacks(folder: &Folder, log: &LogFolder, report: &Report) -> Result<Option<String>, Error> {
    if report.index.damage.is_none() && !report.index.is_rebuild_asked {
        return Ok(None);
    }
    let is_snapshot_damaged = report.snapshot.as_ref().is_some_and(|snapshot| snapshot.damage.is_some());
    match (report.log.damage.is_some(), is_snapshot_damaged) {
        (true, _) => Ok(Some("the log is damaged".into())),
        (false, true) => Ok(Some("the newest snapshot is damaged".into())),
        (false, false) => missing_for_rebuild(folder, log, &OsDisk),
    }
}

fn look_at_blobs(
    folder: &Folder,
    report: &mut Report,
    referenced: &Referenced,
    is_index_whole: bool,
) -> Result<(), Error> {
    if !is_index_whole {
        // Without the index nobody knows which blobs are needed.
        return Ok(());
    }
    let blobs = Blobs::new(Arc::new(OsDisk), &folder.blobs());
    let needed: BTreeSet<BlobName> = referenced.values().map(|(name, _)| *name).collect();
    let found: BTreeSet<BlobName> = blobs.list()?.into_iter().map(|(name, _)| name).collect();
    report.blobs = BlobReport {
        referenced: needed.len() as u64,
        referenced_bytes: referenced.values().map(|(_, bytes)| bytes).sum(),
        orphaned: found.difference(&needed).count() as u64,
        missing: needed.difference(&found).count() as u64,
    };
    Ok(())
}

fn problems(report: &Report) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(damage) = &report.log.damage {
        problems.push(damage.clone());
    }
    let lacks = report.index.rebuild_lacks.as_ref();
    let lacks = lacks.map(|lacks| format!("it cannot be rebuilt: {lacks}; restore the folder from a backup"));
    match (&report.index.damage, lacks) {
        (Some(damage), lacks) => {
            let next = lacks.unwrap_or_else(|| "the next start rebuilds it".to_owned());
            problems.push(format!("the index cannot be used ({damage}); {next}"));
        }
        (None, Some(lacks)) => problems.push(format!("the next start wants to rebuild the index; {lacks}")),
        (None, None) => {}
    }
    if let Some(damage) = report.snapshot.as_ref().and_then(|snapshot| snapshot.damage.as_ref()) {
        problems.push(damage.clone());
    }
    if report.blobs.missing > 0 {
        problems.push(format!(
            "{} large values are lost; restore the folder from a backup",
            report.blobs.missing
        ));
    }
    problems
}
