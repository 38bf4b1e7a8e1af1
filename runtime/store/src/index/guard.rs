//! What has to happen to a sled folder before and after it is opened.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// sled alpha.124 removes its only metadata snapshot when it opens with a snapshot and no newer log, which is the state
/// a crash during an earlier open leaves. An empty newer log makes it write the next snapshot under a new name.
pub fn before_open(dir: &Path) -> io::Result<()> {
    let metadata = dir.join("metadata");
    let entries = match fs::read_dir(&metadata) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let (mut snapshot, mut log) = (None, None);
    for entry in entries {
        let name = entry?.file_name();
        let Some(name) = name.to_str() else { continue };
        let number = |prefix: &str| u64::from_str_radix(name.strip_prefix(prefix)?, 16).ok();
        snapshot = snapshot.max(number("snapshot_"));
        log = log.max(number("log_"));
    }
    if let Some(snapshot) = snapshot
        && log.is_none_or(|log| log <= snapshot)
    {
        let path = metadata.join(format!("log_{:016x}", snapshot + 1));
        OpenOptions::new().create_new(true).write(true).open(path)?.sync_all()?;
        File::open(&metadata)?.sync_all()?;
    }
    Ok(())
}

/// sled does not sync its settings file, the slab files it creates and their folders. Without the settings it opens
/// with another fan-out and reads nothing.
pub fn after_open(dir: &Path) -> io::Result<()> {
    File::open(dir.join("durability_cookie"))?.sync_all()?;
    for folder in [dir.join("metadata"), dir.join("slabs"), dir.to_path_buf()] {
        File::open(folder)?.sync_all()?;
    }
    if let Some(parent) = dir.parent() {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}
