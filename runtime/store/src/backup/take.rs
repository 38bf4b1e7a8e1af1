//! Taking a backup: the pairs of the index, the records that came meanwhile, every blob they name, and files beside the store.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sha2::{Digest, Sha256};

use super::manifest::hex;
use super::wire::{DATA_BYTES, Frame};
use super::{BLOBS, CONTENT, FILES, FileSum, Label, MAGIC, Manifest, is_attachment};
use crate::batch::{Fence, Sequence};
use crate::blobs::BlobRef;
use crate::blocks::Encoder;
use crate::disk_store::Shared;
use crate::error::Error;
use crate::folder::FORMAT_VERSION;
use crate::index;
use crate::log::record::{self, Entry};
use crate::log::records;
use crate::stats::Status;

/// Pairs of the index that are read at once: a few, so that nobody waits for the index.
const PAIRS_AT_ONCE: usize = 512;

/// A file beside the store.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Its name in the data folder.
    pub name: String,
    pub path: PathBuf,
    /// What it has to hold. Without it the file is copied as it is, if it is there.
    pub sha256: Option<[u8; 32]>,
}

/// A backup that has begun: from now on nothing that it needs is thrown away, until it is sent or dropped.
pub struct Backup {
    shared: Arc<Shared>,
    first: Sequence,
}

impl Backup {
    pub(crate) fn begin(shared: Arc<Shared>) -> Result<Backup, Error> {
        // With the gate shut, what is being applied is applied: no blob of a later record has been removed.
        let gate = shared.apply_gate.lock();
        let first = shared.applying.load(Ordering::SeqCst);
        let is_begun = shared.hold.begin(first);
        drop(gate);
        if is_begun { Ok(Backup { shared, first }) } else { Err(Error::BackupRunning) }
    }

    /// Returns how large it becomes, roughly: without what comes meanwhile, and without files beside the store.
    #[must_use]
    pub fn bytes_expected(&self) -> u64 {
        let counters = self.shared.counters.lock();
        // What the log has behind the snapshot may be in the index by now.
        let since = counters.snapshot_sequence;
        let sealed = self.shared.segments.sealed();
        let log_bytes: u64 = sealed.iter().filter(|s| s.last_sequence > since).map(|s| s.bytes).sum();
        counters.blob_bytes + counters.snapshot_bytes + log_bytes
    }

    /// Sends everything. `files` is asked when it is certain which state of the store it is. What the backup needs is held
    /// until it is dropped.
    ///
    /// # Errors
    /// Something is damaged, the store stops or needs the space, or `out` fails. The stream ends with the reason, where it
    /// still can.
    pub fn send(
        &self,
        out: &mut dyn Write,
        label: Label,
        files: impl FnOnce() -> io::Result<Vec<Attachment>>,
    ) -> Result<Manifest, Error> {
        let mut sending = Sending { backup: self, out, blobs: 0, blob_bytes: 0 };
        let sent = sending.everything(label, files).map_err(|error| self.reason(error));
        if let Err(error) = &sent {
            let why = match error {
                Error::BackupGivenUp { why } => why.clone(),
                other => other.to_string(),
            };
            let told = Frame::Failed(&why).write(sending.out);
            told.and_then(|()| sending.out.flush()).ok();
        }
        sent
    }

    /// Returns why it failed in the end.
    fn reason(&self, error: Error) -> Error {
        match self.shared.hold.given_up() {
            // What was needed may be gone since, so anything may have been missing.
            Some(why) => Error::BackupGivenUp { why },
            None => error,
        }
    }

    /// Hands on what was read of the store, as for any other reader of it. What is missing because the backup was given up
    /// is no fault of the disk.
    fn noticed<T>(&self, found: Result<T, Error>) -> Result<T, Error> {
        match self.shared.hold.given_up() {
            Some(_) => found,
            None => self.shared.noticed(found),
        }
    }

    /// A backup is not worth a full disk or a stop that waits.
    fn check_running(&self) -> Result<(), Error> {
        self.shared.check_running(&self.shared.state())?;
        if let Some(why) = self.shared.hold.given_up() {
            return Err(Error::BackupGivenUp { why });
        }
        match &*self.shared.status.borrow() {
            Status::Ready => Ok(()),
            Status::Refusing { reason } | Status::Failed { reason } => {
                Err(Error::BackupGivenUp { why: reason.clone() })
            }
        }
    }
}

impl Drop for Backup {
    fn drop(&mut self) {
        self.shared.give_up_blobs(self.shared.hold.end());
    }
}

struct Sending<'a> {
    backup: &'a Backup,
    out: &'a mut dyn Write,
    blobs: u64,
    blob_bytes: u64,
}

/// The content as it is made: what is ready is sent.
struct Content {
    encoder: Encoder,
    hash: Sha256,
    bytes: u64,
}

impl Sending<'_> {
    fn everything(
        &mut self,
        label: Label,
        files: impl FnOnce() -> io::Result<Vec<Attachment>>,
    ) -> Result<Manifest, Error> {
        self.frame(Frame::Start(self.backup.bytes_expected()))?;
        let first = self.backup.first;
        let mut content = Content { encoder: Encoder::new(MAGIC, first), hash: Sha256::new(), bytes: 0 };
        self.pairs(&mut content)?;
        // All of this is on the disk, and in the index or in the log.
        let last = self.backup.shared.state().durable;
        self.records(&mut content, last)?;
        let rest = content.encoder.finish();
        self.content(&mut content, &rest)?;
        let listed = files().map_err(Error::io("list", &self.backup.shared.folder.dir))?;
        let mut sums = Vec::new();
        for attachment in listed {
            sums.extend(self.attachment(&attachment)?);
        }
        let content =
            FileSum { path: CONTENT.into(), bytes: content.bytes, sha256: hex(&content.hash.finalize()) };
        let (blobs, blob_bytes) = (self.blobs, self.blob_bytes);
        let manifest = Manifest {
            label,
            data_format: FORMAT_VERSION,
            first,
            last,
            content,
            blobs,
            blob_bytes,
            files: sums,
        };
        self.frame(Frame::End(manifest.encode().as_bytes()))?;
        self.out.flush().map_err(gone)?;
        Ok(manifest)
    }

    fn pairs(&mut self, content: &mut Content) -> Result<(), Error> {
        let shared = &self.backup.shared;
        for (partition, epoch) in self.backup.noticed(shared.index.epochs())? {
            content.encoder.epoch(Fence { partition, epoch });
        }
        let mut start = Vec::new();
        loop {
            self.backup.check_running()?;
            let read = shared
                .index
                .range(&start, None, |pairs| pairs.take(PAIRS_AT_ONCE).collect::<io::Result<Vec<_>>>());
            let pairs = self.backup.noticed(read)?;
            let Some((last, _)) = pairs.last() else { return Ok(()) };
            start = [&last[..], &[0]].concat();
            for (key, stored) in &pairs {
                content.encoder.pair(key, &index::encode_stored(stored));
                let ready = content.encoder.take_ready();
                self.content(content, &ready)?;
                // What a later record wrote comes with that record.
                if let Some(blob) = stored.blob()
                    && blob.name.sequence <= self.backup.first
                {
                    self.blob(blob)?;
                }
            }
        }
    }

    fn records(&mut self, content: &mut Content, last: Sequence) -> Result<(), Error> {
        let shared = self.backup.shared.clone();
        let (disk, log) = (&*shared.options.disk, shared.segments.folder());
        let number = shared.segments.holding(self.backup.first + 1);
        let read = records::read(disk, log, number, self.backup.first + 1..=last, |payload| {
            content.encoder.record(payload);
            let ready = content.encoder.take_ready();
            self.content(content, &ready)?;
            let Some(record) = record::decode(payload) else { return Ok(()) };
            let Entry::Batch { changes, .. } = record.entry else { return Ok(()) };
            let mut blobs = changes.iter().filter_map(|(_, value)| value.as_ref()?.blob());
            blobs.try_for_each(|blob| self.blob(blob))
        });
        self.backup.noticed(read)
    }

    fn content(&mut self, content: &mut Content, bytes: &[u8]) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        content.hash.update(bytes);
        content.bytes += bytes.len() as u64;
        self.frame(Frame::File(CONTENT))?;
        self.data(bytes)
    }

    fn blob(&mut self, blob: &BlobRef) -> Result<(), Error> {
        let blobs = &self.backup.shared.blobs;
        // Verified by its sum: a backup of damage would replace a good one.
        let value = self.backup.noticed(blobs.read(blob))?.ok_or_else(|| Error::BlobCorrupt {
            file: blobs.path(blob.name),
            why: "it is not there".into(),
        })?;
        self.blobs += 1;
        self.blob_bytes += value.len() as u64;
        self.frame(Frame::File(&format!("{BLOBS}/{}", blob.name.file_name())))?;
        self.data(&value)
    }

    /// Returns nothing for a file that is gone and that nobody needs.
    fn attachment(&mut self, attachment: &Attachment) -> Result<Option<FileSum>, Error> {
        let Attachment { name, path, sha256 } = attachment;
        assert!(is_attachment(name), "a backup with {name} could not be restored");
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && sha256.is_none() => return Ok(None),
            file => file.map_err(Error::io("open", path))?,
        };
        // Not more than there is now: the file of a log grows.
        let length = file.metadata().map_err(Error::io("read", path))?.len();
        self.frame(Frame::File(&format!("{FILES}/{name}")))?;
        let (mut file, mut hash, mut bytes) = (file.take(length), Sha256::new(), 0);
        let mut buffer = vec![0; DATA_BYTES];
        loop {
            let count = file.read(&mut buffer).map_err(Error::io("read", path))?;
            if count == 0 {
                break;
            }
            hash.update(&buffer[..count]);
            bytes += count as u64;
            self.data(&buffer[..count])?;
        }
        let found: [u8; 32] = hash.finalize().into();
        if sha256.is_some_and(|expected| expected != found) {
            let why = "its sha256 does not match".into();
            return Err(Error::BlobCorrupt { file: path.clone(), why });
        }
        Ok(Some(FileSum { path: name.clone(), bytes, sha256: hex(&found) }))
    }

    /// Each piece may take as long as its reader likes, so each is preceded by a look whether the backup may go on.
    fn data(&mut self, bytes: &[u8]) -> Result<(), Error> {
        bytes.chunks(DATA_BYTES).try_for_each(|chunk| {
            self.backup.check_running()?;
            self.frame(Frame::Data(chunk))
        })
    }

    fn frame(&mut self, frame: Frame<'_>) -> Result<(), Error> {
        frame.write(self.out).map_err(gone)
    }
}

fn gone(error: io::Error) -> Error {
    Error::BackupGivenUp { why: format!("nobody takes it any more: {error}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk_store::DiskStore;
    use crate::index::Index;
    use crate::options::Options;
    use crate::store::Store;

    #[test]
    fn a_damaged_index_that_a_backup_finds_stops_the_store() {
        for spoil in [Index::spoil_pair, Index::spoil_epoch] {
            let home = tempfile::tempdir().unwrap();
            let store = DiskStore::open(home.path(), Options::tiny()).unwrap();
            let backup = store.backup().unwrap();
            spoil(&backup.shared.index);
            let sent = backup.send(&mut io::sink(), Label::default(), || Ok(Vec::new()));
            let error = sent.unwrap_err();
            assert!(matches!(error, Error::Index { .. }), "{error}");
            let status = store.status().borrow().clone();
            assert!(matches!(status, Status::Failed { .. }), "{status:?}");
            assert!(home.path().join("REBUILD-INDEX").exists(), "the next start rebuilds it");
        }
    }
}
