//! Values too large for the index live in files of their own.
//!
//! A blob is named after the operation that wrote it (sequence and position in the batch), so a name is never used for
//! two values and belongs to exactly one key: when the index replaces or deletes that key, the file can go. Content
//! addressing would share files between keys and need counts. The reference carries the sha256, checked on every read.
//!
//! Invariant: a blob is on disk before the record that refers to it. A file without a record is an orphan of a crash and
//! swept when the store is opened.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::batch::Sequence;
use crate::disk::{self, Disk};
use crate::error::Error;

/// Which blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobName {
    pub sequence: Sequence,
    pub position: u32,
}

impl BlobName {
    /// Returns the name of its file.
    pub fn file_name(self) -> String {
        format!("{:016x}-{:08x}", self.sequence, self.position)
    }

    pub fn parse(name: &str) -> Option<BlobName> {
        let (sequence, position) = name.split_once('-')?;
        Some(BlobName {
            sequence: u64::from_str_radix(sequence, 16).ok()?,
            position: u32::from_str_radix(position, 16).ok()?,
        })
    }

    /// Returns the key under which the index lists the blob.
    pub fn encode(self) -> [u8; 12] {
        let mut key = [0; 12];
        key[..8].copy_from_slice(&self.sequence.to_be_bytes());
        key[8..].copy_from_slice(&self.position.to_be_bytes());
        key
    }

    pub fn decode(key: &[u8]) -> Option<BlobName> {
        let (sequence, position) = key.split_at_checked(8)?;
        Some(BlobName {
            sequence: Sequence::from_be_bytes(sequence.try_into().ok()?),
            position: u32::from_be_bytes(position.try_into().ok()?),
        })
    }
}

/// What stands in log and index instead of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobRef {
    pub name: BlobName,
    pub bytes: u64,
    pub sha256: [u8; 32],
}

impl BlobRef {
    pub const BYTES: usize = 8 + 4 + 8 + 32;

    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        out[0..8].copy_from_slice(&self.name.sequence.to_le_bytes());
        out[8..12].copy_from_slice(&self.name.position.to_le_bytes());
        out[12..20].copy_from_slice(&self.bytes.to_le_bytes());
        out[20..52].copy_from_slice(&self.sha256);
        out
    }

    pub fn decode(bytes: &[u8; Self::BYTES]) -> BlobRef {
        let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        BlobRef {
            name: BlobName {
                sequence: u64_at(0),
                position: u32::from_le_bytes(bytes[8..12].try_into().expect("four bytes")),
            },
            bytes: u64_at(12),
            sha256: bytes[20..52].try_into().expect("thirty-two bytes"),
        }
    }
}

/// The folder of blobs.
pub struct Blobs {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
}

impl Blobs {
    pub fn new(disk: Arc<dyn Disk>, dir: &Path) -> Blobs {
        Blobs { disk, dir: dir.to_path_buf() }
    }

    /// Returns the file of a blob.
    pub fn path(&self, name: BlobName) -> PathBuf {
        self.dir.join(name.file_name())
    }

    /// Writes and syncs the file; its name is durable only after [`Blobs::sync_names`].
    ///
    /// There is no temporary name: nothing refers to the file until its record is durable, which comes later.
    pub fn write(&self, name: BlobName, pieces: &[Bytes]) -> Result<BlobRef, Error> {
        let path = self.path(name);
        let file = self.disk.create(&path).map_err(Error::io("create", &path))?;
        let (mut bytes, mut sha256) = (0, Sha256::new());
        for piece in pieces {
            file.write_at(piece, bytes).map_err(Error::io("write", &path))?;
            bytes += piece.len() as u64;
            sha256.update(piece);
        }
        file.sync_data().map_err(Error::io("sync", &path))?;
        Ok(BlobRef { name, bytes, sha256: sha256.finalize().into() })
    }

    pub fn sync_names(&self) -> Result<(), Error> {
        self.disk.sync_dir(&self.dir).map_err(Error::io("sync", &self.dir))
    }

    /// Returns the value; `None` when there is no such file, because its key was just replaced or because it is lost.
    pub fn read(&self, blob: &BlobRef) -> Result<Option<Bytes>, Error> {
        let path = self.path(blob.name);
        let content = match disk::read_all(&*self.disk, &path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        if content.len() as u64 != blob.bytes {
            let why = format!("it has {} bytes and should have {}", content.len(), blob.bytes);
            return Err(Error::BlobCorrupt { file: path, why });
        }
        let found: [u8; 32] = Sha256::digest(&content).into();
        if found != blob.sha256 {
            return Err(Error::BlobCorrupt { file: path, why: "its sha256 does not match".into() });
        }
        Ok(Some(content.into()))
    }

    /// Removes the file. Not synced: a file that comes back after a crash is an orphan and swept.
    pub fn remove(&self, name: BlobName) -> Result<(), Error> {
        let path = self.path(name);
        match self.disk.remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", &path)(error)),
            _ => Ok(()),
        }
    }

    /// Returns every blob file with its size.
    pub fn list(&self) -> Result<Vec<(BlobName, u64)>, Error> {
        let entries = self.disk.list(&self.dir).map_err(Error::io("list", &self.dir))?;
        Ok(entries.iter().filter_map(|entry| Some((BlobName::parse(&entry.name)?, entry.bytes))).collect())
    }

    /// Removes every file that is not in `referenced`; returns how many.
    pub fn sweep(&self, referenced: &BTreeSet<BlobName>) -> Result<u64, Error> {
        let mut removed = 0;
        for (name, _) in self.list()? {
            if !referenced.contains(&name) {
                self.remove(name)?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}
