//! The file operations that log, blobs and snapshots use, behind a trait, so that tests can fail them and cut the power.
//!
//! The promises are those of a file system, no more: a write is on disk after `sync_data` of its file returned, a name
//! after `sync_dir` of its folder returned.

mod os;
pub mod sim;
pub mod sim_index;

use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use tokio::runtime::{Handle, RuntimeFlavor};

pub use os::OsDisk;

/// How long who reads a file waits for a file descriptor, when there is none: connections and guests give some back all
/// the time.
const DESCRIPTOR_WAIT_MAX: Duration = Duration::from_secs(5);
/// Between two tries.
const DESCRIPTOR_PAUSE: Duration = Duration::from_millis(5);

/// A file that can be read and written at any offset.
pub trait DiskFile: Send + Sync {
    /// Fills the buffer from `offset`; returns fewer bytes only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Puts the content on disk, and the size if it changed.
    fn sync_data(&self) -> io::Result<()>;
    /// Returns the size of the file.
    fn bytes(&self) -> io::Result<u64>;
}

/// A file in a folder, as `list` returns it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    pub name: String,
    pub bytes: u64,
}

/// A place for files.
pub trait Disk: Send + Sync + 'static {
    /// Creates an empty file, or empties the one that is there.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    fn open_read(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    fn open_write(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file a second name.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Returns the files (not the folders) of a folder, by name.
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>>;
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Returns the bytes that can still be written to the file system of `dir`.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64>;
}

/// Says whether a file could not be opened because many are open at the moment: nothing is wrong with the disk then.
pub(crate) fn lacks_descriptor(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

fn open_patiently(disk: &dyn Disk, path: &Path) -> io::Result<Box<dyn DiskFile>> {
    let started = Instant::now();
    loop {
        match disk.open_read(path) {
            Err(error) if lacks_descriptor(&error) && started.elapsed() < DESCRIPTOR_WAIT_MAX => {
                pause();
            }
            opened => return opened,
        }
    }
}

/// Others of this runtime go on meanwhile: they may be those who give a descriptor back.
fn pause() {
    let sleep = || thread::sleep(DESCRIPTOR_PAUSE);
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(sleep),
        _ => sleep(),
    }
}

/// Returns the whole content of a file. Waits for a file descriptor: who reads may be somebody whose failure stops everything.
pub fn read_all(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    let file = open_patiently(disk, path)?;
    let mut content = vec![0; usize::try_from(file.bytes()?).map_err(io::Error::other)?];
    let read = file.read_at(&mut content, 0)?;
    content.truncate(read);
    Ok(content)
}

/// Writes a file so that a crash leaves either nothing or all of it under `path`.
pub fn write_whole(disk: &dyn Disk, path: &Path, content: &[u8]) -> io::Result<()> {
    let dir = path.parent().map(PathBuf::from).unwrap_or_default();
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(TEMPORARY);
    let temporary = dir.join(name);
    let file = disk.create(&temporary)?;
    file.write_at(content, 0)?;
    file.sync_data()?;
    disk.rename(&temporary, path)?;
    disk.sync_dir(&dir)
}

/// The end of a name under which a file is written before it gets its real one.
pub const TEMPORARY: &str = ".tmp";
