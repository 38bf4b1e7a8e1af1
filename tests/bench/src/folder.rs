//! What the parts of the server's folder take on the disk.

use serde::Serialize;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

pub struct Folder {
    path: PathBuf,
}

/// Bytes on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sizes {
    pub log_bytes: u64,
    pub index_bytes: u64,
    pub blobs_bytes: u64,
    pub snapshots_bytes: u64,
    /// Components, compiled and not.
    pub other_bytes: u64,
}

impl Sizes {
    /// Returns the bytes of all parts.
    pub fn total(&self) -> u64 {
        let Self { log_bytes, index_bytes, blobs_bytes, snapshots_bytes, other_bytes } = self;
        log_bytes + index_bytes + blobs_bytes + snapshots_bytes + other_bytes
    }
}

impl Folder {
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Returns the bytes of everything in it.
    pub fn bytes(&self) -> u64 {
        disk_bytes(&self.path)
    }

    pub fn sizes(&self) -> Sizes {
        let part = |name: &str| disk_bytes(&self.path.join(name));
        let mut sizes = Sizes {
            log_bytes: part("log"),
            index_bytes: part("index"),
            blobs_bytes: part("blobs"),
            snapshots_bytes: part("snapshots"),
            other_bytes: 0,
        };
        sizes.other_bytes = disk_bytes(&self.path).saturating_sub(sizes.total());
        sizes
    }
}

/// Returns the bytes that the files of a folder take on the disk; a file that goes meanwhile has none.
fn disk_bytes(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let bytes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => disk_bytes(&entry.path()),
        Ok(metadata) => metadata.blocks() * 512,
        Err(_) => 0,
    });
    bytes.sum()
}
