//! A disk that counts which values were read from files of their own, takes its time for each, and can stop in the middle.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use abide_store::Options;
use abide_store::disk::{DirEntry, Disk, DiskFile, OsDisk};
use parking_lot::{Mutex, MutexGuard};
use rustix::io::Errno;

#[derive(Default)]
pub struct WatchedDisk {
    opened: AtomicU64,
    pause: Duration,
    stop: Mutex<Option<(Sender<()>, Receiver<()>)>>,
    upkeep: Mutex<()>,
    without_descriptor: Mutex<u32>,
}

impl WatchedDisk {
    /// Takes `pause` longer for each value.
    pub fn new(pause: Duration) -> Arc<WatchedDisk> {
        Arc::new(WatchedDisk { pause, ..WatchedDisk::default() })
    }

    pub fn options(self: &Arc<WatchedDisk>) -> Options {
        Options { disk: self.clone(), ..Options::tiny() }
    }

    /// Returns how many values were read since it was last asked.
    pub fn take_opened(&self) -> u64 {
        self.opened.swap(0, Ordering::SeqCst)
    }

    /// Stops whoever reads the next value: tells the first end of it, and waits for the second one.
    pub fn stop_next(&self) -> (Receiver<()>, Sender<()>) {
        let (stopped, is_stopped) = channel();
        let (go_on, is_to_go_on) = channel();
        *self.stop.lock() = Some((stopped, is_to_go_on));
        (is_stopped, go_on)
    }

    /// Lets the upkeep, which looks at the free space in each turn, wait until the guard is dropped.
    pub fn stop_upkeep(&self) -> MutexGuard<'_, ()> {
        self.upkeep.lock()
    }

    /// Finds no file descriptor for a value, so many times.
    pub fn lack_descriptors(&self, times: u32) {
        *self.without_descriptor.lock() = times;
    }

    fn take_descriptor(&self) -> io::Result<()> {
        let mut times = self.without_descriptor.lock();
        if *times == 0 {
            return Ok(());
        }
        *times -= 1;
        Err(Errno::MFILE.into())
    }

    fn note_value(&self) {
        self.opened.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(self.pause);
        let stop = self.stop.lock().take();
        if let Some((stopped, is_to_go_on)) = stop {
            stopped.send(()).unwrap();
            is_to_go_on.recv().unwrap();
        }
    }
}

impl Disk for WatchedDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        OsDisk.create(path)
    }

    fn open_read(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        if path.parent().is_some_and(|folder| folder.ends_with("blobs")) {
            self.take_descriptor()?;
            self.note_value();
        }
        OsDisk.open_read(path)
    }

    fn open_write(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        OsDisk.open_write(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.create_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsDisk.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsDisk.link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        OsDisk.list(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        OsDisk.sync_dir(dir)
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        drop(self.upkeep.lock());
        OsDisk.free_bytes(dir)
    }
}
