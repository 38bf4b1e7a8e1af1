//! Has the index to be read as a whole, because a part of it may be lost?
//!
//! What a process has written is there after its end, however it came to that. It takes a machine that went down, or a
//! disk that failed, to lose or tear some of it. So a note beside the index says which index was found whole, on which
//! machine, since that machine was started; a start after a mere end of the process then takes no longer the more
//! there is. A copy of the folder is another index.
//!
//! And another note, for as long as nobody uses it, says that it was closed in order: nothing was on its way to the disk.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::batch::Sequence;
use crate::disk::{self, Disk, OsDisk};
use crate::error::Error;
use crate::folder::Folder;

/// Another one after each start of the machine.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Says whether the index was found whole, and nothing but a process has ended since.
pub fn is_noted_whole(folder: &Folder, index: &Path) -> bool {
    let noted = fs::read_to_string(note(folder)).ok();
    noted.is_some() && noted == identity(index)
}

/// Notes that the index is whole.
pub fn note_whole(folder: &Folder, index: &Path) -> Result<(), Error> {
    match identity(index) {
        _ if is_noted_whole(folder, index) => Ok(()),
        Some(identity) => disk::write_whole(&OsDisk, &note(folder), identity.as_bytes())
            .map_err(Error::io("write", note(folder))),
        None => withdraw_whole(folder),
    }
}

/// Lets the next start read all of the index, also one on another machine after this one fell.
pub fn withdraw_whole(folder: &Folder) -> Result<(), Error> {
    match fs::remove_file(note(folder)) {
        Ok(()) => OsDisk.sync_dir(&folder.dir).map_err(Error::io("sync", &folder.dir)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("remove", note(folder))(error)),
    }
}

/// Notes that the index has all up to this record, and that all of it is on the disk.
pub fn note_closed(folder: &Folder, last: Sequence) -> Result<(), Error> {
    let path = folder.index_closed();
    disk::write_whole(&OsDisk, &path, last.to_string().as_bytes()).map_err(Error::io("write", &path))
}

/// Returns the record that it was closed with, for whoever is about to use it: it does not count a second time.
pub fn take_closed(folder: &Folder) -> Result<Option<Sequence>, Error> {
    let path = folder.index_closed();
    let last = match fs::read(&path) {
        // A damaged note says nothing.
        Ok(noted) => String::from_utf8(noted).ok().and_then(|noted| noted.parse().ok()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", &path)(error)),
    };
    fs::remove_file(&path).map_err(Error::io("remove", &path))?;
    OsDisk.sync_dir(&folder.dir).map_err(Error::io("sync", &folder.dir))?;
    Ok(last)
}

fn note(folder: &Folder) -> PathBuf {
    folder.index_whole()
}

/// Tells this index on this machine from all others; None where the system does not say enough.
fn identity(index: &Path) -> Option<String> {
    let boot = fs::read_to_string(BOOT_ID).ok()?;
    let index = fs::metadata(index).ok()?;
    // A folder that takes the place of one that was removed may get its number, but not its time.
    let created = index.created().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{} {} {} {}\n", boot.trim(), index.dev(), index.ino(), created.as_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_counts_for_one_index_and_one_start_of_the_machine() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::new(home.path());
        fs::create_dir(folder.index()).unwrap();
        assert!(!is_noted_whole(&folder, &folder.index()));
        note_whole(&folder, &folder.index()).unwrap();
        let noted = fs::read_to_string(note(&folder)).expect("this system says enough");
        assert!(is_noted_whole(&folder, &folder.index()));

        fs::write(note(&folder), noted.replacen(|c: char| c.is_ascii_hexdigit(), "x", 1)).unwrap();
        assert!(!is_noted_whole(&folder, &folder.index()), "the machine was started again");

        fs::write(note(&folder), &noted).unwrap();
        fs::remove_dir(folder.index()).unwrap();
        fs::create_dir(folder.index()).unwrap();
        assert!(!is_noted_whole(&folder, &folder.index()), "another index has taken its place");

        note_whole(&folder, &folder.index()).unwrap();
        withdraw_whole(&folder).unwrap();
        assert!(!is_noted_whole(&folder, &folder.index()));
    }
}
