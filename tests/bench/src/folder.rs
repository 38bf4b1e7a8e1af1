//! What the parts of the server's folder take on the disk.

use serde::Serialize;
use std::fs::{self, Metadata};
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

    /// Returns the bytes in use of all files, or of those of one part: room that a file was given ahead, as the logs of
    /// RocksDB are, does not count.
    pub fn used_bytes(&self, part: Option<&str>) -> u64 {
        let dir = part.map_or(self.path.clone(), |part| self.path.join(part));
        sum(&dir, |metadata| metadata.len().min(disk_bytes_of(metadata)))
    }

    pub fn sizes(&self) -> Sizes {
        let part = |name: &str| disk_bytes(&self.path.join(name));
        let mut sizes = Sizes {
            log_bytes: part("log"),
            // It is in one of them, and for moments its files have names in both.
            index_bytes: part("index").max(part("index.other")),
            blobs_bytes: part("blobs"),
            snapshots_bytes: part("snapshots"),
            other_bytes: 0,
        };
        sizes.other_bytes = disk_bytes(&self.path).saturating_sub(sizes.total());
        sizes
    }
}

/// Returns the bytes that the files of a folder take on the disk.
fn disk_bytes(dir: &Path) -> u64 {
    sum(dir, disk_bytes_of)
}

fn disk_bytes_of(metadata: &Metadata) -> u64 {
    metadata.blocks() * 512
}

/// Adds up the files of a folder; one that goes meanwhile has nothing.
fn sum(dir: &Path, bytes_of: fn(&Metadata) -> u64) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let bytes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => sum(&entry.path(), bytes_of),
        Ok(metadata) => bytes_of(&metadata),
        Err(_) => 0,
    });
    bytes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_not_in_use() {
        let path = std::env::temp_dir().join(format!("abide-bench-folder-{}", std::process::id()));
        fs::create_dir_all(path.join("log")).expect("a folder");
        fs::write(path.join("log/one"), [7; 100]).expect("a file");
        fs::write(path.join("two"), [7; 10]).expect("a file");
        let hole = fs::File::create(path.join("hole")).expect("a file");
        hole.set_len(1 << 30).expect("a hole");
        let folder = Folder::new(path.clone());
        // A file system may keep little ones where it keeps their names.
        assert!(folder.used_bytes(None) <= 110);
        assert!(folder.used_bytes(Some("log")) <= 100);
        assert_eq!(folder.used_bytes(Some("none")), 0);
        fs::remove_dir_all(&path).expect("it goes");
    }
}
