//! Values too large for the index live in files of their own.
//!
//! A blob is named after the operation that wrote it (sequence and position in the batch), so a name is never used for
//! two values and belongs to exactly one key: when the index replaces or deletes that key, the file can go. Content
//! addressing would share files between keys and need counts. The reference carries the sha256, checked on every read.
//!
//! A value that was set apart (`disk_store/ahead`) is on the disk already when a record comes that has it: then the blob
//! is one more name of that file, and what the record has before and behind the value stands in the record.
//!
//! Invariant: a blob is on disk before the record that refers to it. A file without a record is an orphan of a crash and
//! swept when the store is opened.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::batch::Sequence;
use crate::disk::{self, Disk};
use crate::error::Error;

/// Bytes of a value that is set apart which are written and synced at once.
const PART_BYTES: usize = 256 << 10;

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

/// A blob with what a value has before and behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framed {
    pub head: Bytes,
    pub blob: BlobRef,
    pub tail: Bytes,
}

impl Framed {
    /// Returns the bytes of a value with so many bytes around its blob, as log and index have it.
    pub fn encoded_bytes(around: u64) -> u64 {
        (BlobRef::BYTES + 2 * LENGTH_BYTES) as u64 + around
    }

    /// Appends reference, head and tail.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.blob.encode());
        for part in [&self.head, &self.tail] {
            let length = u32::try_from(part.len()).expect("no longer than a value in the log");
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(part);
        }
    }

    /// Reads what [`Framed::encode`] wrote, and returns what comes behind it.
    pub fn decode(bytes: &[u8]) -> Option<(Framed, &[u8])> {
        let (blob, rest) = bytes.split_first_chunk::<{ BlobRef::BYTES }>()?;
        let (head, rest) = split_sized(rest)?;
        let (tail, rest) = split_sized(rest)?;
        let (head, tail) = (Bytes::copy_from_slice(head), Bytes::copy_from_slice(tail));
        Some((Framed { head, blob: BlobRef::decode(blob), tail }, rest))
    }

    /// Returns the bytes of the whole value.
    pub fn value_bytes(&self) -> u64 {
        (self.head.len() + self.tail.len()) as u64 + self.blob.bytes
    }

    /// Returns the whole value, given what the blob holds.
    pub fn around(&self, content: &[u8]) -> Bytes {
        [&self.head[..], content, &self.tail[..]].concat().into()
    }
}

const LENGTH_BYTES: usize = 4;

fn split_sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
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

    /// Writes a file under a temporary name; each part is on the disk before the next one is written. Whoever syncs another
    /// file meanwhile waits for one part at most, and not for all of it.
    pub fn write_in_parts(&self, name: &str, value: &[u8]) -> Result<[u8; 32], Error> {
        let path = self.dir.join(name);
        let file = self.disk.create(&path).map_err(Error::io("create", &path))?;
        let (mut offset, mut sha256) = (0, Sha256::new());
        for part in value.chunks(PART_BYTES) {
            file.write_at(part, offset).map_err(Error::io("write", &path))?;
            file.sync_data().map_err(Error::io("sync", &path))?;
            offset += part.len() as u64;
            sha256.update(part);
        }
        Ok(sha256.finalize().into())
    }

    /// Gives a file that [`Blobs::write_in_parts`] wrote the name of a blob, beside the one that it has. The name is durable
    /// only after [`Blobs::sync_names`]. False: this file system has no second names, or the file is gone.
    pub fn link(&self, from: &str, to: BlobName) -> Result<bool, Error> {
        let (from, to) = (self.dir.join(from), self.path(to));
        match self.disk.link(&from, &to) {
            Ok(()) => Ok(true),
            Err(error) if is_without_links(&error) || error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io("link", &to)(error)),
        }
    }

    /// Removes a file that has a temporary name.
    pub fn remove_temporary(&self, name: &str) -> Result<(), Error> {
        self.remove_file(&self.dir.join(name))
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
        self.remove_file(&self.path(name))
    }

    fn remove_file(&self, path: &Path) -> Result<(), Error> {
        match self.disk.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
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

/// Says whether a file could not get a second name because files have one here, or have as many as they can.
fn is_without_links(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(head: &'static str, tail: &'static str) -> Framed {
        let blob = BlobRef { name: BlobName { sequence: 7, position: 2 }, bytes: 40_000, sha256: [9; 32] };
        Framed { head: Bytes::from_static(head.as_bytes()), blob, tail: Bytes::from_static(tail.as_bytes()) }
    }

    #[test]
    fn what_is_around_a_blob_is_read_as_it_was_written() {
        for (head, tail) in [("", ""), ("head", ""), ("", "tail"), ("head", "tail")] {
            let framed = framed(head, tail);
            let mut written = Vec::new();
            framed.encode(&mut written);
            assert_eq!(written.len() as u64, Framed::encoded_bytes((head.len() + tail.len()) as u64));
            for cut in 0..written.len() {
                assert!(Framed::decode(&written[..cut]).is_none(), "{cut} bytes");
            }
            written.extend_from_slice(b"more");
            assert_eq!(Framed::decode(&written), Some((framed.clone(), &b"more"[..])));
            assert_eq!(framed.value_bytes(), 40_000 + (head.len() + tail.len()) as u64);
        }
        assert_eq!(framed("he", "il").around(b"ad ta"), "head tail");
    }
}
