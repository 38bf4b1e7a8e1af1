//! Receiving a backup: the stream becomes a folder.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::manifest::hex;
use super::wire::{Decoder, Frame};
use super::{BLOBS, CONTENT, FILES, FileSum, MANIFEST, Manifest, is_path};
use crate::disk::{Disk, OsDisk, write_whole};
use crate::error::Error;

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    pub bytes: u64,
    /// As the store guessed before.
    pub bytes_expected: u64,
    pub blobs: u64,
    pub blob_bytes: u64,
}

/// Makes a folder of a stream that comes in pieces.
pub struct Receiver {
    dir: PathBuf,
    decoder: Decoder,
    content: Writing,
    /// Any other file.
    current: Option<Writing>,
    is_content: bool,
    files: Vec<FileSum>,
    received: Received,
    manifest: Option<(Manifest, Vec<u8>)>,
}

/// A file that is being written.
struct Writing {
    path: String,
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl Writing {
    fn create(dir: &Path, path: &str) -> Result<Writing, Error> {
        let full = dir.join(path);
        let parent = full.parent().unwrap_or(dir);
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        let file = File::create(&full).map_err(Error::io("create", &full))?;
        Ok(Writing { path: path.into(), file, hash: Sha256::new(), bytes: 0 })
    }

    fn write(&mut self, dir: &Path, data: &[u8]) -> Result<(), Error> {
        self.file.write_all(data).map_err(Error::io("write", dir.join(&self.path)))?;
        self.hash.update(data);
        self.bytes += data.len() as u64;
        Ok(())
    }

    fn close(self, dir: &Path) -> Result<FileSum, Error> {
        let Writing { path, file, hash, bytes } = self;
        file.sync_all().map_err(Error::io("sync", dir.join(&path)))?;
        Ok(FileSum { path, bytes, sha256: hex(&hash.finalize()) })
    }
}

impl Receiver {
    /// Prepares a folder, which must be empty or not be there.
    ///
    /// # Errors
    /// There is something in it, or it cannot be made.
    pub fn create(dir: &Path) -> Result<Receiver, Error> {
        super::restore::check_empty(dir)?;
        crate::folder::create_private(dir)?;
        Ok(Receiver {
            dir: dir.to_path_buf(),
            decoder: Decoder::default(),
            content: Writing::create(dir, CONTENT)?,
            current: None,
            is_content: false,
            files: Vec::new(),
            received: Received::default(),
            manifest: None,
        })
    }

    /// Takes the next piece of the stream.
    ///
    /// # Errors
    /// It is damaged, the server gave up, or the folder cannot be written.
    pub fn push(&mut self, piece: &[u8]) -> Result<Received, Error> {
        let mut decoder = std::mem::take(&mut self.decoder);
        decoder.push(piece);
        while let Some(frame) = decoder.next_frame().map_err(|why| self.bad(why))? {
            self.take(frame)?;
        }
        self.decoder = decoder;
        Ok(self.received)
    }

    fn bad(&self, why: &str) -> Error {
        Error::NotABackup { dir: self.dir.clone(), why: why.into() }
    }

    fn take(&mut self, frame: Frame<'_>) -> Result<(), Error> {
        if self.manifest.is_some() {
            return Err(self.bad("something comes behind its end"));
        }
        match frame {
            Frame::Start(expected) => self.start(expected),
            Frame::File(path) => self.file(path),
            Frame::Data(data) => self.data(data),
            Frame::Failed(why) => Err(Error::BackupGivenUp { why: why.into() }),
            Frame::End(text) => {
                self.close_current()?;
                self.manifest = Some((Manifest::decode(text, &self.dir)?, text.to_vec()));
                Ok(())
            }
        }
    }

    fn start(&mut self, expected: u64) -> Result<(), Error> {
        self.received.bytes_expected = expected;
        let free = OsDisk.free_bytes(&self.dir).map_err(Error::io("read the free space of", &self.dir))?;
        if free < expected {
            return Err(Error::NoSpace { dir: self.dir.clone(), free, needed: expected });
        }
        Ok(())
    }

    fn file(&mut self, path: &str) -> Result<(), Error> {
        if !is_path(path) {
            return Err(self.bad(&format!("it names a file {path:?}")));
        }
        self.close_current()?;
        self.is_content = path == CONTENT;
        if !self.is_content {
            self.current = Some(Writing::create(&self.dir, path)?);
        }
        Ok(())
    }

    fn data(&mut self, data: &[u8]) -> Result<(), Error> {
        self.received.bytes += data.len() as u64;
        match (&mut self.current, self.is_content) {
            (Some(current), _) => current.write(&self.dir, data),
            (None, true) => self.content.write(&self.dir, data),
            (None, false) => Err(self.bad("data comes before the name of its file")),
        }
    }

    fn close_current(&mut self) -> Result<(), Error> {
        let Some(current) = self.current.take() else { return Ok(()) };
        let mut sum = current.close(&self.dir)?;
        if let Some(name) = sum.path.strip_prefix(&format!("{FILES}/")) {
            sum.path = name.into();
            self.files.push(sum);
        } else {
            self.received.blobs += 1;
            self.received.blob_bytes += sum.bytes;
        }
        Ok(())
    }

    /// Ends the backup, once the stream has ended: all of it is on the disk, and named.
    ///
    /// # Errors
    /// The stream broke off, or it is not what its end says.
    pub fn finish(self) -> Result<Manifest, Error> {
        let Some((manifest, text)) = &self.manifest else { return Err(self.bad("the stream broke off")) };
        if !self.decoder.is_empty() {
            return Err(self.bad("something comes behind its end"));
        }
        let dir = &self.dir;
        let (manifest, text) = (manifest.clone(), text.clone());
        let (files, received) = (self.files, self.received);
        let content = self.content.close(dir)?;
        let is_whole = content == manifest.content
            && files == manifest.files
            && (received.blobs, received.blob_bytes) == (manifest.blobs, manifest.blob_bytes);
        if !is_whole {
            let why = "what came is not what its end says".into();
            return Err(Error::NotABackup { dir: dir.clone(), why });
        }
        sync_folders(dir)?;
        let path = dir.join(MANIFEST);
        write_whole(&OsDisk, &path, &text).map_err(Error::io("write", &path))?;
        Ok(manifest)
    }
}

/// Makes the names of all files durable.
pub(super) fn sync_folders(dir: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let path = entry.map_err(Error::io("list", dir))?.path();
        if path.is_dir() {
            sync_folders(&path)?;
        }
    }
    OsDisk.sync_dir(dir).map_err(Error::io("sync", dir))
}

/// Returns where a blob of a backup is.
pub(super) fn blobs_of(dir: &Path) -> PathBuf {
    dir.join(BLOBS)
}
