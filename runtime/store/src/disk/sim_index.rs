//! What a power cut leaves of the index, whose files are sled's and on the real disk.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

use super::sim::Random;
use crate::folder::Folder;

/// Turns the power of the index off and on: it is as of its last completed flush, of which `copy` is a copy, or what it
/// wrote later is there too, or some of it is damaged.
pub fn cut(index: &Path, copy: &Path, random: &mut Random) -> io::Result<()> {
    start_machine_anew(index)?;
    crate::index::settle(index).map_err(io::Error::other)?;
    match random.below(8) {
        0..=4 => {
            remove(index)?;
            if copy.exists() { copy_dir(copy, index) } else { Ok(()) }
        }
        5 => damage(index, random),
        _ => Ok(()),
    }
}

/// Lets the next open take the machine for one that was started since.
pub fn start_machine_anew(index: &Path) -> io::Result<()> {
    let note = index.parent().map(|dir| Folder::new(dir).index_whole());
    match note.map_or(Ok(()), fs::remove_file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Overwrites some bytes of some file.
pub fn damage(index: &Path, random: &mut Random) -> io::Result<()> {
    let folder = if random.one_in(2) { index.join("metadata") } else { index.join("slabs") };
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.metadata().is_ok_and(|metadata| metadata.len() > 0));
    files.sort();
    if files.is_empty() {
        return Ok(());
    }
    let file = &files[random.below(files.len() as u64) as usize];
    let mut content = fs::read(file)?;
    let start = random.below(content.len() as u64) as usize;
    for byte in content[start..].iter_mut().take(64) {
        *byte ^= 0x5a;
    }
    fs::write(file, content)
}

/// Copies until the folder did not change meanwhile: sled compacts its metadata in the background.
pub fn copy_stable(from: &Path, to: &Path) -> io::Result<()> {
    let next = to.with_extension("next");
    loop {
        let before = names(&from.join("metadata"))?;
        remove(&next)?;
        let copied = copy_dir(from, &next);
        if copied.is_ok() && names(&from.join("metadata"))? == before {
            break;
        }
    }
    remove(to)?;
    fs::rename(&next, to)
}

fn names(dir: &Path) -> io::Result<Vec<(OsString, u64)>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)?.flatten() {
        names.push((entry.file_name(), entry.metadata().map_or(0, |metadata| metadata.len())));
    }
    names.sort();
    Ok(names)
}

fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.metadata()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else if entry.metadata()?.len() > 0 {
            fs::copy(entry.path(), target)?;
        } else {
            fs::write(target, [])?;
        }
    }
    Ok(())
}
