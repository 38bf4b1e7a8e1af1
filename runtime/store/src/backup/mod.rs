//! Backups: a copy of everything, taken while the store is used, and the data folder that is made of it.
//!
//! **The consistent point.** A backup is the store as of one sequence, `last`: every batch up to it, whole, with its blobs,
//! and nothing of any later one. `last` is chosen when the index has been walked, so it is at or after everything that was
//! durable when the backup began. How: the pairs of the index are copied while writes go on, so each is as it was at some
//! moment after `first`; the records of the log from `first` to `last` follow, and applying them makes the pairs exact,
//! because changes are absolute. Meanwhile the log from `first` on, and every blob that a record after `first` replaces,
//! are held (`hold.rs`), until the disk becomes nearly full: then the backup is given up. Nobody waits for a backup: the pairs
//! are read in small parts, the log and the blobs from their files.
//!
//! **The stream** (`wire.rs`) is what the store sends, with a checksum per frame; whoever receives it makes a folder of it.
//!
//! **The folder** has one file for the pairs and records (`content`, see `blocks.rs`), one per blob (`blobs/`), one per file
//! that others keep beside the store (`files/`), and `BACKUP`, which names and sums up all of that. `BACKUP` is written last:
//! a folder without it is a backup that broke off. Blobs are summed up by the references in the content.

mod check;
pub(crate) mod hold;
mod manifest;
mod receive;
mod restore;
mod take;
pub mod wire;

pub use check::{Checked, check};
pub use manifest::{FileSum, Label, Manifest};
pub use receive::{Received, Receiver};
pub use restore::{Restored, check_empty, restore};
pub use take::{Attachment, Backup};

use crate::blobs::BlobName;

/// The version of the stream, and of the folder that is made of it.
pub const BACKUP_FORMAT: u32 = 1;
/// The file that names all others.
pub const MANIFEST: &str = "BACKUP";
const CONTENT: &str = "content";
const BLOBS: &str = "blobs";
const FILES: &str = "files";
const MAGIC: [u8; 8] = *b"ABBACK1\n";
/// The files beside the store: the audit trail with the full ones before it, and the folder of components.
const AUDIT: &str = "audit.log";
const COMPONENTS: &str = "components";
const SHA256_HEX_LEN: usize = 64;

/// Says whether a file of a backup may have this path: nothing that a hostile server names leads out of the folder.
fn is_path(path: &str) -> bool {
    match path.split_once('/') {
        None => path == CONTENT,
        Some((BLOBS, name)) => BlobName::parse(name).is_some_and(|blob| blob.file_name() == name),
        Some((FILES, name)) => is_attachment(name),
        Some(_) => false,
    }
}

/// Says whether a file beside the store may have this name. Only what a server writes there may: a data folder also has
/// files that are trusted as they are, such as compiled components, and those are in no backup.
fn is_attachment(name: &str) -> bool {
    let is_number =
        |text: &str| (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    match name.strip_prefix(AUDIT) {
        Some(rest) => rest.is_empty() || rest.strip_prefix('.').is_some_and(is_number),
        None => component_sha256(name).is_some(),
    }
}

/// Returns the digest that the file of a component is named after.
fn component_sha256(name: &str) -> Option<&str> {
    let (COMPONENTS, file) = name.split_once('/')? else { return None };
    let sha256 = file.strip_suffix(".wasm")?;
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (sha256.len() == SHA256_HEX_LEN && sha256.bytes().all(is_hex)).then_some(sha256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_server_writes_is_taken() {
        let digest = "0a".repeat(32);
        let component = format!("files/components/{digest}.wasm");
        for path in [
            "content",
            "blobs/0000000000000007-00000002",
            "files/audit.log",
            "files/audit.log.1",
            "files/audit.log.1000",
            &component,
        ] {
            assert!(is_path(path), "{path}");
        }
        for path in [
            "files/notes.txt",
            // It would be loaded as it is, as machine code.
            &format!("files/artifacts/{digest}-0123456789abcdef.cwasm"),
            &format!("files/components/{digest}.cwasm"),
            &format!("files/components/{}.wasm", "0A".repeat(32)),
            &format!("files/components/x/{digest}.wasm"),
            &format!("files/{digest}.wasm"),
            "files/components/ab12.wasm",
            "files/components",
            "files/audit.log.",
            "files/audit.log.x",
            "files/audit.log.1/x",
            "files/audit.logs",
            "files/index",
            "",
            "BACKUP",
            "/etc/passwd",
            "files/../x",
            "files/a/../b",
            "files/a/b/c",
            "files//b",
            "files/.hidden",
            "files/log/x",
            "files/FORMAT",
            "blobs/../../x",
            "blobs/7-2",
            "content/x",
            "files/a b",
        ] {
            assert!(!is_path(path), "{path}");
        }
    }
}
