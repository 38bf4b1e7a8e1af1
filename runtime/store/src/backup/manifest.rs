//! What a backup says about itself.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{BACKUP_FORMAT, MANIFEST, component_sha256, is_attachment};
use crate::batch::Sequence;
use crate::error::Error;
use crate::folder::FORMAT_VERSION;

const PREFIX: &str = "abide backup, format ";
const SUM: &str = ", sha256 ";

/// Who made a backup, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    pub made_by: String,
    pub made_at: String,
}

/// A file and what it should hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSum {
    pub path: String,
    pub bytes: u64,
    pub sha256: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    #[serde(flatten)]
    pub label: Label,
    /// The version of the data folder it was taken from.
    pub data_format: u32,
    /// The pairs are as of this sequence, or later.
    pub first: Sequence,
    /// With the records they are as of this one.
    pub last: Sequence,
    pub content: FileSum,
    pub blobs: u64,
    pub blob_bytes: u64,
    /// Files that others keep beside the store.
    pub files: Vec<FileSum>,
}

impl Manifest {
    /// Returns the bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        // None of the numbers is verified yet.
        let files = self.files.iter().map(|file| file.bytes);
        files.fold(self.content.bytes.saturating_add(self.blob_bytes), u64::saturating_add)
    }

    /// Returns the text of the file: a line with a checksum of the rest.
    pub(super) fn encode(&self) -> String {
        let body = serde_json::to_string_pretty(self).expect("it has text and numbers only") + "\n";
        format!("{PREFIX}{BACKUP_FORMAT}{SUM}{}\n{body}", hex(&Sha256::digest(&body)))
    }

    /// Reads the text of the file. `dir` is for the errors.
    pub(super) fn decode(text: &[u8], dir: &Path) -> Result<Manifest, Error> {
        let damaged = |why: &str| Error::BackupDamaged {
            dir: dir.to_path_buf(),
            what: vec![format!("{MANIFEST}: {why}")],
        };
        let text = std::str::from_utf8(text).map_err(|_| damaged("it is no text"))?;
        let (line, body) = text.split_once('\n').ok_or_else(|| damaged("it ends too early"))?;
        let head = line.strip_prefix(PREFIX).and_then(|rest| rest.split_once(SUM));
        let (format, sum) = head.ok_or_else(|| damaged("its first line is not readable"))?;
        let format = format.parse::<u32>().map_err(|_| damaged("its first line is not readable"))?;
        let newer = |found, supported| Error::NewerBackup { dir: dir.to_path_buf(), found, supported };
        if format > BACKUP_FORMAT {
            return Err(newer(format, BACKUP_FORMAT));
        }
        if hex(&Sha256::digest(body)) != sum {
            return Err(damaged("its checksum does not match"));
        }
        let manifest: Manifest =
            serde_json::from_str(body).map_err(|error| damaged(&format!("it is not readable: {error}")))?;
        if manifest.data_format > FORMAT_VERSION {
            return Err(newer(manifest.data_format, FORMAT_VERSION));
        }
        match manifest.files.iter().find(|file| !file.is_possible()) {
            Some(file) => Err(damaged(&format!("it names a file {:?}", file.path))),
            None => Ok(manifest),
        }
    }
}

impl FileSum {
    /// Says whether a file beside the store can be this one: components are named after what they hold.
    fn is_possible(&self) -> bool {
        is_attachment(&self.path) && component_sha256(&self.path).is_none_or(|sha256| sha256 == self.sha256)
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
