//! Examining a backup: everything that it names is there and is what it was.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::manifest::hex;
use super::receive::blobs_of;
use super::wire::DATA_BYTES;
use super::{CONTENT, FILES, FileSum, MAGIC, MANIFEST, Manifest};
use crate::batch::{Fence, Sequence};
use crate::blobs::{BlobName, BlobRef, Blobs};
use crate::blocks::{self, Broken, Entry};
use crate::disk::{Disk, OsDisk, read_all};
use crate::error::Error;
use crate::index;
use crate::log::record::{self, Record, Stored};

/// Findings that are listed; more are counted.
const LISTED_MAX: usize = 20;

/// A backup that was examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    pub manifest: Manifest,
    /// What is damaged, and how.
    pub damaged: Vec<String>,
}

/// Reads all of a backup. `progress` gets the bytes that were read.
///
/// # Errors
/// It is no backup, or one of a newer version, or it cannot be read.
pub fn check(dir: &Path, mut progress: impl FnMut(u64)) -> Result<Checked, Error> {
    let manifest = read_manifest(dir)?;
    let mut damaged = Damaged::default();
    let content = FileSum { path: CONTENT.into(), ..manifest.content.clone() };
    if check_file(dir, &content, &mut damaged, &mut progress)? {
        check_content(dir, &manifest, &mut damaged, &mut progress)?;
    }
    for file in &manifest.files {
        let file = FileSum { path: format!("{FILES}/{}", file.path), ..file.clone() };
        check_file(dir, &file, &mut damaged, &mut progress)?;
    }
    Ok(Checked { manifest, damaged: damaged.listed() })
}

/// Reads what a backup says about itself.
pub(super) fn read_manifest(dir: &Path) -> Result<Manifest, Error> {
    let path = dir.join(MANIFEST);
    let text = match read_all(&OsDisk, &path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let why = format!("it has no file {MANIFEST}");
            return Err(Error::NotABackup { dir: dir.to_path_buf(), why });
        }
        text => text.map_err(Error::io("read", &path))?,
    };
    Manifest::decode(&text, dir)
}

/// Reads the entries of the content; returns how many there are.
pub(super) fn visit(
    dir: &Path,
    manifest: &Manifest,
    visit: impl FnMut(Entry<'_>) -> Result<(), Error>,
) -> Result<u64, Broken> {
    let path = dir.join(CONTENT);
    let file = OsDisk.open_read(&path).map_err(Error::io("open", &path))?;
    blocks::read(&*file, &path, (MAGIC, manifest.first), visit)
}

/// An entry of the content, understood.
pub(super) enum Decoded<'a> {
    Pair { key: &'a [u8], value: &'a [u8], stored: Stored },
    Epoch(Fence),
    Record { record: Record, bytes: u64 },
}

impl Decoded<'_> {
    /// Returns the blobs that it needs.
    pub fn blobs(&self) -> Vec<BlobRef> {
        let blob = |stored: &Stored| stored.blob().copied();
        match self {
            Decoded::Pair { stored, .. } => blob(stored).into_iter().collect(),
            Decoded::Epoch(_) => Vec::new(),
            Decoded::Record { record, .. } => match &record.entry {
                record::Entry::Batch { changes, .. } => {
                    changes.iter().filter_map(|(_, value)| value.as_ref().and_then(blob)).collect()
                }
                record::Entry::Epoch(_) | record::Entry::Mark => Vec::new(),
            },
        }
    }
}

/// Reads an entry. A record has to be the one after `last`; marks are not copied.
pub(super) fn decode(entry: Entry<'_>, last: Sequence) -> Result<Decoded<'_>, String> {
    match entry {
        Entry::Pair { key, value } => {
            let stored = index::decode_stored(value).map_err(|error| error.to_string())?;
            Ok(Decoded::Pair { key, value, stored })
        }
        Entry::Epoch(fence) => Ok(Decoded::Epoch(fence)),
        Entry::Record(payload) => {
            let record = record::decode(payload).filter(|record| record.entry != record::Entry::Mark);
            let record = record.ok_or("a record is not readable")?;
            if last.checked_add(1) != Some(record.sequence) {
                return Err(format!("record {} follows record {last}", record.sequence));
            }
            Ok(Decoded::Record { record, bytes: payload.len() as u64 })
        }
    }
}

/// What the content comes to, as it is read.
struct Sum {
    last: Sequence,
    /// A pair and the record that wrote it name the same blob.
    blobs: BTreeSet<BlobName>,
    blob_bytes: u64,
    /// What is behind an entry that makes no sense is not looked at.
    broken: Option<String>,
}

/// Reads all entries, and the blobs that they name. What has its sums can still be nothing that a server wrote.
fn check_content(
    dir: &Path,
    manifest: &Manifest,
    damaged: &mut Damaged,
    progress: &mut impl FnMut(u64),
) -> Result<(), Error> {
    let files = Blobs::new(Arc::new(OsDisk), &blobs_of(dir));
    let mut sum = Sum { last: manifest.first, blobs: BTreeSet::new(), blob_bytes: 0, broken: None };
    let visited = visit(dir, manifest, |entry| {
        if sum.broken.is_some() {
            return Ok(());
        }
        let decoded = match decode(entry, sum.last) {
            Ok(decoded) => decoded,
            Err(why) => {
                sum.broken = Some(why);
                return Ok(());
            }
        };
        if let Decoded::Record { record, .. } = &decoded {
            sum.last = record.sequence;
        }
        for blob in decoded.blobs() {
            if sum.blobs.insert(blob.name) {
                sum.blob_bytes = sum.blob_bytes.saturating_add(blob.bytes);
                check_blob(&files, &blob, damaged)?;
                progress(blob.bytes);
            }
        }
        Ok(())
    });
    match visited {
        Ok(_) => sum.compare(manifest, damaged),
        Err(Broken::Damaged { offset, why }) => damaged.add(format!("{CONTENT} at offset {offset}: {why}")),
        Err(Broken::Other(error)) => return Err(error),
    }
    Ok(())
}

impl Sum {
    fn compare(self, manifest: &Manifest, damaged: &mut Damaged) {
        if let Some(why) = self.broken {
            return damaged.add(format!("{CONTENT}: {why}"));
        }
        if self.last != manifest.last {
            let (last, expected) = (self.last, manifest.last);
            damaged.add(format!("{CONTENT}: it ends with record {last} and should end with {expected}"));
        }
        let (blobs, blob_bytes) = (self.blobs.len() as u64, self.blob_bytes);
        if (blobs, blob_bytes) != (manifest.blobs, manifest.blob_bytes) {
            let expected = format!("{} with {} bytes", manifest.blobs, manifest.blob_bytes);
            damaged.add(format!(
                "{CONTENT}: it names {blobs} large values with {blob_bytes} bytes and should name {expected}"
            ));
        }
    }
}

#[derive(Default)]
struct Damaged {
    listed: Vec<String>,
    more: usize,
}

impl Damaged {
    fn add(&mut self, what: String) {
        if self.listed.len() < LISTED_MAX { self.listed.push(what) } else { self.more += 1 }
    }

    fn listed(mut self) -> Vec<String> {
        if self.more > 0 {
            self.listed.push(format!("and {} more", self.more));
        }
        self.listed
    }
}

fn check_blob(blobs: &Blobs, blob: &BlobRef, damaged: &mut Damaged) -> Result<(), Error> {
    let name = blob.name.file_name();
    match blobs.read(blob) {
        Ok(Some(_)) => {}
        Ok(None) => damaged.add(format!("blobs/{name}: it is not there")),
        Err(Error::BlobCorrupt { why, .. }) => damaged.add(format!("blobs/{name}: {why}")),
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Compares a file with its sum; says whether it is what it was.
fn check_file(
    dir: &Path,
    expected: &FileSum,
    damaged: &mut Damaged,
    progress: &mut impl FnMut(u64),
) -> Result<bool, Error> {
    let path = dir.join(&expected.path);
    let mut file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            damaged.add(format!("{}: it is not there", expected.path));
            return Ok(false);
        }
        file => file.map_err(Error::io("open", &path))?,
    };
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; DATA_BYTES]);
    loop {
        let count = file.read(&mut buffer).map_err(Error::io("read", &path))?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
        bytes += count as u64;
        progress(count as u64);
    }
    let why = if bytes != expected.bytes {
        format!("it has {bytes} bytes and should have {}", expected.bytes)
    } else if hex(&hash.finalize()) != expected.sha256 {
        "its sha256 does not match".to_owned()
    } else {
        return Ok(true);
    };
    damaged.add(format!("{}: {why}", expected.path));
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::Label;
    use crate::blocks::Encoder;
    use crate::log::secret::Secret;

    /// Adds to a content.
    type More<'a> = &'a dyn Fn(&mut Encoder);

    const FENCE: Fence = Fence { partition: 1, epoch: 1 };

    /// A folder with this content, with sums that are right.
    fn forged(content: impl FnOnce(&mut Encoder), change: impl FnOnce(&mut Manifest)) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let mut encoder = Encoder::new(MAGIC, 7);
        content(&mut encoder);
        let bytes = encoder.finish();
        std::fs::write(dir.path().join(CONTENT), &bytes).unwrap();
        let sha256 = hex(&Sha256::digest(&bytes));
        let mut manifest = Manifest {
            label: Label::default(),
            data_format: 1,
            first: 7,
            last: 8,
            content: FileSum { path: CONTENT.into(), bytes: bytes.len() as u64, sha256 },
            blobs: 0,
            blob_bytes: 0,
            files: Vec::new(),
        };
        change(&mut manifest);
        std::fs::write(dir.path().join(MANIFEST), manifest.encode()).unwrap();
        dir
    }

    fn payload(sequence: Sequence, entry: record::Entry) -> Vec<u8> {
        let mut framed = Vec::new();
        record::encode(&Record { sequence, entry }, Secret::NONE.stamp(1), 0, &mut framed);
        let length = u32::from_le_bytes(framed[..4].try_into().unwrap()) as usize;
        framed[record::HEADER_BYTES..][..length].to_vec()
    }

    fn good(encoder: &mut Encoder) {
        encoder.epoch(FENCE);
        encoder.pair(b"key", &index::encode_stored(&Stored::Inline("value".into())));
        encoder.record(&payload(8, record::Entry::Epoch(FENCE)));
    }

    fn found(dir: &tempfile::TempDir) -> String {
        check(dir.path(), |_| {}).unwrap().damaged.join("; ")
    }

    /// Whoever can compute sums can forge a backup; it must not become a folder that no server would have made.
    #[test]
    fn what_no_server_wrote_is_damage_although_its_sums_are_right() {
        assert_eq!(found(&forged(good, |_| {})), "");
        let cases: [(&str, More<'_>); 5] = [
            ("a value in the index is not readable", &|encoder| encoder.pair(b"key", &[9])),
            ("a record is not readable", &|encoder| encoder.record(b"what is this")),
            ("a record is not readable", &|encoder| encoder.record(&payload(9, record::Entry::Mark))),
            ("record 10 follows record 8", &|encoder| {
                encoder.record(&payload(10, record::Entry::Epoch(FENCE)));
            }),
            ("it ends with record 9 and should end with 8", &|encoder| {
                encoder.record(&payload(9, record::Entry::Epoch(FENCE)));
            }),
        ];
        for (why, more) in cases {
            let dir = forged(
                |encoder| {
                    good(encoder);
                    more(encoder);
                },
                |_| {},
            );
            assert_eq!(found(&dir), format!("{CONTENT}: {why}"));
        }
        let dir = forged(good, |manifest| (manifest.blobs, manifest.blob_bytes) = (u64::MAX, u64::MAX));
        assert!(found(&dir).contains("it names 0 large values"), "{}", found(&dir));
        assert_eq!(read_manifest(dir.path()).unwrap().bytes(), u64::MAX);
        let dir = forged(good, |manifest| manifest.first = u64::MAX);
        assert!(found(&dir).contains("the header does not match"), "{}", found(&dir));
    }
}
