//! Everything that can go wrong, each with what, which, and what to do next.

use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "partition {partition} was taken over: this writer holds epoch {held}, the current one is {current}; stop writing, or acquire the partition again"
    )]
    StaleFence { partition: u16, held: u64, current: u64 },

    #[error("the batch has {bytes} bytes of keys and small values, the limit is {limit}; split it")]
    BatchTooLarge { bytes: u64, limit: u64 },

    #[error("the value of key {key} has {bytes} bytes, the limit is {limit}; store it in parts")]
    ValueTooLarge { key: String, bytes: u64, limit: u64 },

    #[error("a key has {bytes} bytes, the limit is {limit}; use a shorter key, for example a hash")]
    KeyTooLarge { bytes: u64, limit: u64 },

    #[error("the store has stopped: {reason}; restart the process, everything acknowledged is on disk")]
    Stopped { reason: String },

    #[error("the data folder {} is in use by {holder}; stop that process or choose another folder", dir.display())]
    Held { dir: PathBuf, holder: String },

    #[error("the data folder {} has format {found}, this version understands {supported}; use a newer version of abide", dir.display())]
    NewerFormat { dir: PathBuf, found: u32, supported: u32 },

    #[error("{} is not a data folder of abide ({why}); choose an empty folder or the right one", dir.display())]
    NotOurs { dir: PathBuf, why: String },

    #[error("the commit log is damaged: {} at offset {offset}: {why}; restore the folder from a backup, the disk may be failing", file.display())]
    LogCorrupt { file: PathBuf, offset: u64, why: String },

    #[error("the blob {} is damaged: {why}; restore it from a backup, the disk may be failing", file.display())]
    BlobCorrupt { file: PathBuf, why: String },

    #[error("the snapshot {} is damaged at offset {offset}: {why}; restore the folder from a backup", file.display())]
    SnapshotCorrupt { file: PathBuf, offset: u64, why: String },

    #[error("the index in {} cannot be used ({why}) and cannot be rebuilt: {missing}; restore the folder from a backup", dir.display())]
    IndexLost { dir: PathBuf, why: String, missing: String },

    #[error("the index failed: {why}; restart the process, the index is rebuilt if needed")]
    Index { why: String },

    #[error("the index in {} did not answer for {seconds} s; restart the process, it is rebuilt then", dir.display())]
    IndexStalled { dir: PathBuf, seconds: u64 },

    #[error("another backup of this server is being taken; wait until it is over")]
    BackupRunning,

    #[error("the backup was given up: {why}; what it has written so far is of no use, delete it")]
    BackupGivenUp { why: String },

    #[error("{} is no whole backup ({why}); a backup that broke off has to be taken again", dir.display())]
    NotABackup { dir: PathBuf, why: String },

    #[error("the backup {} is damaged: {}; use another backup", dir.display(), what.join("; "))]
    BackupDamaged { dir: PathBuf, what: Vec<String> },

    #[error("{source}; what was restored to {} so far is of no use, delete it", data.display())]
    RestoreBrokeOff { data: PathBuf, source: Box<Error> },

    #[error("the backup {} has format {found}, this version understands {supported}; use a newer version of abide", dir.display())]
    NewerBackup { dir: PathBuf, found: u32, supported: u32 },

    #[error("{} is not empty; choose a folder that is not there, or an empty one", dir.display())]
    NotEmpty { dir: PathBuf },

    #[error("{} has {free} bytes free, {needed} are needed; free some space or choose another disk", dir.display())]
    NoSpace { dir: PathBuf, free: u64, needed: u64 },

    #[error("cannot {action} {}: {source}; check the disk, its permissions and its free space", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
}

impl Error {
    /// Returns a function for `map_err` that says what was tried with which file.
    pub(crate) fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Error {
        let path = path.as_ref().to_path_buf();
        move |source| Error::Io { action, path, source }
    }
}

/// Returns a key as a person can read it: ASCII as it is, everything else as hex.
pub(crate) fn printable(key: &[u8]) -> String {
    const SHOWN_MAX: usize = 64;
    let shown = &key[..key.len().min(SHOWN_MAX)];
    shown.iter().flat_map(|byte| byte.escape_ascii().map(char::from)).collect()
}
