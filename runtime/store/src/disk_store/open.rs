//! Opening a folder: whose is it, what does the log say, does the index follow, what did a crash leave behind.

use std::path::Path;
use std::sync::Arc;

use crate::batch::Sequence;
use crate::blobs::Blobs;
use crate::disk::{Disk, TEMPORARY};
use crate::disk_store::shared::Shared;
use crate::error::Error;
use crate::folder::{Folder, Lock};
use crate::index::Index;
use crate::log::record::{self, Entry};
use crate::log::scan::{Scan, Tail, scan};
use crate::log::Log;
use crate::options::Options;
use crate::stats::Stats;

/// Everything a running store is made of.
pub struct Opened {
    pub shared: Arc<Shared>,
    pub log: Log,
    pub lock: Lock,
}

pub fn open(dir: &Path, options: Options) -> Result<Opened, Error> {
    options.assert_sane();
    let folder = Folder::new(dir);
    let disk = options.disk.clone();
    folder.check_format(&*disk)?;
    std::fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
    let lock = Lock::take(&folder)?;
    prepare(&*disk, &folder)?;

    let blobs = Blobs::new(disk.clone(), &folder.blobs());
    let index = Index::open(&folder.index(), &options)?;
    let applied = index.applied()?;
    let mut replayed = 0;
    let scan = scan(&*disk, &folder.log(), |sequence, payload| {
        if sequence > applied {
            replay(&index, &folder, sequence, payload)?;
            replayed += 1;
        }
        Ok(())
    })?;
    let last = scan.last_sequence.max(applied);
    report(&scan, replayed);
    index.set_applied(last)?;

    let log = Log::open(disk, &folder.log(), options.segment_bytes, options.group_bytes_max, &scan)?;
    let (referenced, blob_bytes) = index.blobs()?;
    blobs.sweep(&referenced)?;
    let counters = Stats { replayed, blobs: referenced.len() as u64, blob_bytes, ..Stats::default() };
    let epochs = index.epochs()?;
    let shared = Shared::new(options, folder, index, blobs, log.segments(), epochs, last, counters);
    Ok(Opened { shared: Arc::new(shared), log, lock })
}

fn prepare(disk: &dyn Disk, folder: &Folder) -> Result<(), Error> {
    // Again, now that nobody else can be creating it.
    let is_new = folder.check_format(disk)?;
    if is_new {
        disk.create_dir(&folder.dir).map_err(Error::io("create", &folder.dir))?;
        folder.write_format(disk)?;
    }
    for dir in [folder.log(), folder.blobs(), folder.snapshots()] {
        disk.create_dir(&dir).map_err(Error::io("create", &dir))?;
        for entry in disk.list(&dir).map_err(Error::io("list", &dir))? {
            if entry.name.ends_with(TEMPORARY) {
                let path = dir.join(&entry.name);
                disk.remove(&path).map_err(Error::io("remove", &path))?;
            }
        }
    }
    disk.sync_dir(&folder.dir).map_err(Error::io("sync", &folder.dir))
}

/// Brings one record of the log into the index. What it replaces is not removed: the sweep does that once at the end.
pub fn replay(index: &Index, folder: &Folder, sequence: Sequence, payload: &[u8]) -> Result<(), Error> {
    let record = record::decode(payload).ok_or_else(|| Error::LogCorrupt {
        file: folder.log(),
        offset: 0,
        why: format!("record {sequence} has a valid checksum but is not readable"),
    })?;
    match record.entry {
        Entry::Mark => Ok(()),
        Entry::Batch { .. } | Entry::Epoch(_) => index.apply(&record).map(drop),
    }
}

fn report(scan: &Scan, replayed: u64) {
    let torn_bytes = match &scan.tail {
        Tail::Open { torn_bytes, .. } => *torn_bytes,
        Tail::Sealed => 0,
    };
    tracing::info!(last_sequence = scan.last_sequence, replayed, torn_bytes, "the log was read");
}
