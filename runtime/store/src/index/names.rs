//! The folders that the index is in, one after the other.
//!
//! sled locks the folder that it was opened with, and keeps its path. Who opens the same files a second time, to give up the
//! first then, needs other names of them: another folder, with a hard link to each. Two folders take turns, and while nobody
//! uses the index it is in the first of them.
//!
//! Both are there only while nothing is written, so they are the same index then: of two that a crash left either will do.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::Error;
use crate::folder::sync_parent;

/// What sled keeps in folders of their own. It has no others.
const PARTS: [&str; 2] = ["metadata", "slabs"];
/// sled tidies its metadata up in the background: names are taken once more when they have changed meanwhile.
const TRIES_MAX: usize = 10;
const PAUSE: Duration = Duration::from_millis(10);

/// Returns the folder that takes turns with this one.
pub fn other(index: &Path) -> PathBuf {
    index.with_extension("other")
}

/// Returns the folder whose turn it is after `now`.
pub fn next(index: &Path, now: &Path) -> PathBuf {
    if now == index { other(index) } else { index.to_path_buf() }
}

/// Returns the folder that an index which nobody uses is in.
pub fn present(index: &Path) -> PathBuf {
    let other = other(index);
    if !index.exists() && other.exists() { other } else { index.to_path_buf() }
}

/// Where names are made, or removed, that are not all there.
fn partial(index: &Path) -> PathBuf {
    index.with_extension("partial")
}

/// Sees to it that the index is in its first folder, and in no other, whatever a crash left. Nobody may use it.
pub fn settle(index: &Path) -> Result<(), Error> {
    remove(&partial(index))?;
    let other = other(index);
    if !other.exists() {
        return Ok(());
    }
    if index.exists() {
        return give_up(index, &other);
    }
    fs::rename(&other, index).map_err(Error::io("rename", &other))?;
    sync_parent(index)
}

/// Gives the files of `from` names in `to` as well. Returns false, and leaves nothing, where that is not possible. Nothing may be
/// written meanwhile.
pub fn link(index: &Path, from: &Path, to: &Path) -> Result<bool, Error> {
    let partial = partial(index);
    for _ in 0..TRIES_MAX {
        remove(&partial)?;
        match link_all(from, &partial) {
            Ok(true) => {
                sync(&partial)?;
                fs::rename(&partial, to).map_err(Error::io("rename", &partial))?;
                sync_parent(to)?;
                return Ok(true);
            }
            Ok(false) => std::thread::sleep(PAUSE),
            Err(error) => {
                tracing::debug!(%error, "the index cannot have two names");
                break;
            }
        }
    }
    remove(&partial)?;
    Ok(false)
}

/// Takes the names in this folder away, all of them at once.
pub fn give_up(index: &Path, folder: &Path) -> Result<(), Error> {
    let partial = partial(index);
    fs::rename(folder, &partial).map_err(Error::io("rename", folder))?;
    // Before anything is written under the other names.
    sync_parent(index)?;
    remove(&partial)
}

/// Returns false when the names changed meanwhile.
fn link_all(from: &Path, to: &Path) -> io::Result<bool> {
    for part in PARTS {
        fs::create_dir_all(to.join(part))?;
    }
    let before = files(from)?;
    for file in before.keys() {
        match fs::hard_link(from.join(file), to.join(file)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            linked => linked?,
        }
    }
    Ok(files(from)? == before)
}

/// Returns the files of an index with their lengths.
fn files(index: &Path) -> io::Result<BTreeMap<PathBuf, u64>> {
    let mut files = BTreeMap::new();
    for part in ["", PARTS[0], PARTS[1]] {
        for entry in fs::read_dir(index.join(part))? {
            let entry = entry?;
            let metadata = match entry.metadata() {
                // It is missed when the names are compared.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                metadata => metadata?,
            };
            if metadata.is_file() {
                files.insert(Path::new(part).join(entry.file_name()), metadata.len());
            }
        }
    }
    Ok(files)
}

fn sync(folder: &Path) -> Result<(), Error> {
    for part in [folder.join(PARTS[0]), folder.join(PARTS[1]), folder.to_path_buf()] {
        File::open(&part).and_then(|file| file.sync_all()).map_err(Error::io("sync", &part))?;
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", folder)(error)),
        _ => Ok(()),
    }
}
