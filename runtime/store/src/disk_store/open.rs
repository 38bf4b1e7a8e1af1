//! Opening a folder: whose is it, what does the log say, does the index follow, what did a crash leave behind.

use std::path::Path;
use std::sync::Arc;

use crate::blobs::Blobs;
use crate::disk::{Disk, TEMPORARY};
use crate::disk_store::recover::{Recovered, recover};
use crate::disk_store::shared::Shared;
use crate::disk_store::upkeep::newest_snapshot;
use crate::disk_store::whole;
use crate::error::Error;
use crate::folder::{FORMAT_VERSION, Folder, Format, Lock, create_private, sync_parent};
use crate::index;
use crate::log::Log;
use crate::log::scan::Tail;
use crate::options::Options;
use crate::snapshot;
use crate::stats::Stats;

/// Everything a running store is made of.
pub struct Opened {
    pub shared: Arc<Shared>,
    pub lock: Lock,
}

pub fn open(dir: &Path, options: Options) -> Result<Opened, Error> {
    options.assert_sane();
    let folder = Folder::new(dir);
    let disk = options.disk.clone();
    folder.check_format(&*disk)?;
    create_private(dir)?;
    let lock = Lock::take(&folder)?;
    let format = prepare(&*disk, &folder)?;

    let recovered = match recover(&folder, &folder.log_with(format.secret), &options) {
        Err(error @ Error::IndexStalled { .. }) => {
            // The thread that is stuck in sled may go on one day: nobody else gets the folder while it lives.
            std::mem::forget(lock);
            return Err(error);
        }
        recovered => recovered?,
    };
    whole::note_whole(&folder, &folder.index())?;
    let last = recovered.scan.last_sequence;
    report(&recovered);
    let (group_bytes_max, segment_bytes) = (options.group_bytes_max, options.segment_bytes);
    let log = folder.log_with(folder.bring_up(&*disk, format, &recovered.scan)?);
    let log = Log::open(disk.clone(), &log, segment_bytes, group_bytes_max, &recovered.scan)?;
    let (index, known) = (recovered.index, recovered.known);
    let blobs = Blobs::new(disk.clone(), &folder.blobs());
    let swept = blobs.sweep(&known.blobs)?;
    if swept > 0 {
        tracing::info!(swept, "blobs without a record were removed");
    }
    let (snapshot_sequence, snapshot_bytes) = newest_snapshot(&snapshot::list(&*disk, &folder.snapshots())?);
    let counters = Stats {
        replayed: recovered.replayed,
        index_rebuilt: recovered.is_rebuilt,
        index_verified: recovered.is_verified,
        was_closed: recovered.scan.is_closed,
        blobs: known.blobs.len() as u64,
        blob_bytes: known.blob_bytes,
        snapshot_sequence,
        snapshot_bytes,
        ..Stats::default()
    };
    let shared = Shared::new(options, folder, index, blobs, log, known.epochs, last, counters);
    Ok(Opened { shared: Arc::new(shared), lock })
}

fn prepare(disk: &dyn Disk, folder: &Folder) -> Result<Format, Error> {
    // Again, now that nobody else can be creating it.
    let format = match folder.check_format(disk)? {
        Some(format) => format,
        None => {
            disk.create_dir(&folder.dir).map_err(Error::io("create", &folder.dir))?;
            let secret = folder.fresh_secret(1)?;
            folder.write_format(disk, secret)?;
            sync_parent(&folder.dir)?;
            Format { version: FORMAT_VERSION, secret, is_whole: true }
        }
    };
    index::settle(&folder.index())?;
    for dir in [folder.log(), folder.blobs(), folder.snapshots()] {
        disk.create_dir(&dir).map_err(Error::io("create", &dir))?;
        for entry in disk.list(&dir).map_err(Error::io("list", &dir))? {
            if entry.name.ends_with(TEMPORARY) {
                let path = dir.join(&entry.name);
                disk.remove(&path).map_err(Error::io("remove", &path))?;
            }
        }
    }
    disk.sync_dir(&folder.dir).map_err(Error::io("sync", &folder.dir))?;
    Ok(format)
}

fn report(recovered: &Recovered) {
    let torn_bytes = match &recovered.scan.tail {
        Tail::Open { torn_bytes, .. } => *torn_bytes,
        Tail::Sealed => 0,
    };
    let (last_sequence, replayed) = (recovered.scan.last_sequence, recovered.replayed);
    tracing::info!(last_sequence, replayed, torn_bytes, "the log was read");
}
