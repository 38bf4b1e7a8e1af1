//! A power cut of a whole process: its files live on the simulated disk, and what that leaves is put back when it dies.
//!
//! sled writes to the real disk. Its part of the cut is the folder as of its last completed flush, which is atomic and
//! durable, or what it wrote later, or a damaged folder that has to be rebuilt.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::plan::die;
use crate::disk::sim::{Random, SimDisk};
use crate::disk::sim_index;
use crate::disk::{DirEntry, Disk, DiskFile};
use crate::options::Options;

/// How often the index is put back before that counts as failed.
const INDEX_TRIES: usize = 50;

/// When, and by which seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    pub seed: u64,
    pub operations: u64,
}

/// Lets a store run on a disk that loses its power.
pub fn applied(options: Options, dir: &Path, cut: Cut) -> Options {
    let power = Arc::new(Power { sim: SimDisk::new(), dir: dir.to_path_buf(), cut, is_off: Mutex::new(()) });
    load(&power.sim, dir).unwrap_or_else(|error| panic!("{} cannot be read: {error}", dir.display()));
    power.sim.cut_after(cut.operations);
    let flushed = power.clone();
    let on_flushed = move |index: &Path| {
        // A cut waits for the copy that is being made, and nothing is copied after it.
        let _copying = flushed.is_off.lock();
        if !flushed.sim.is_off()
            && let Err(error) = sim_index::copy_stable(index, &flushed.copy())
        {
            panic!("the index cannot be copied: {error}");
        }
    };
    Options { disk: Arc::new(PowerDisk(power)), on_index_flushed: Some(Arc::new(on_flushed)), ..options }
}

/// The folders whose files the store writes through its disk.
fn folders(dir: &Path) -> [PathBuf; 3] {
    ["log", "blobs", "snapshots"].map(|name| dir.join(name))
}

fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in folders(dir) {
        match fs::read_dir(&folder) {
            Ok(entries) => files.extend(entries.flatten().map(|entry| entry.path())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    let format = dir.join("FORMAT");
    files.extend(format.exists().then_some(format));
    Ok(files)
}

fn load(sim: &SimDisk, dir: &Path) -> io::Result<()> {
    for file in files(dir)? {
        sim.install(&file, fs::read(&file)?);
    }
    Ok(())
}

struct Power {
    sim: SimDisk,
    dir: PathBuf,
    cut: Cut,
    /// Whoever has it sees to the end of the process.
    is_off: Mutex<()>,
}

impl Power {
    fn copy(&self) -> PathBuf {
        self.dir.with_extension("index-copy")
    }

    /// Nothing after the cut is seen by anybody: the first who notices puts the rest back and ends the process.
    fn noticed<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if !self.sim.is_off() {
            return result;
        }
        let _for_good = self.is_off.lock();
        let Cut { seed, operations } = self.cut;
        match self.put_back() {
            Ok(()) => die(&format!("the power was cut by seed {seed} at operation {operations}")),
            Err(error) => die(&format!("what a power cut left could not be written: {error}")),
        }
    }

    fn put_back(&self) -> io::Result<()> {
        let mut random = Random::new(self.cut.seed);
        let after = self.sim.after_power_cut(random.draw());
        for file in files(&self.dir)? {
            fs::remove_file(file)?;
        }
        for (path, content) in after.files() {
            fs::create_dir_all(path.parent().unwrap_or(&self.dir))?;
            fs::write(path, content)?;
        }
        let seed = random.draw();
        // sled's threads still run: what they create or rename meanwhile can make a try fail.
        for _ in 0..INDEX_TRIES {
            if sim_index::cut(&self.dir.join("index"), &self.copy(), &mut Random::new(seed)).is_ok() {
                return Ok(());
            }
        }
        sim_index::cut(&self.dir.join("index"), &self.copy(), &mut Random::new(seed))
    }
}

struct PowerDisk(Arc<Power>);

struct PowerFile {
    file: Box<dyn DiskFile>,
    power: Arc<Power>,
}

impl PowerDisk {
    fn file(&self, file: io::Result<Box<dyn DiskFile>>) -> io::Result<Box<dyn DiskFile>> {
        let file = self.0.noticed(file)?;
        Ok(Box::new(PowerFile { file, power: self.0.clone() }))
    }
}

impl DiskFile for PowerFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.power.noticed(self.file.read_at(buffer, offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.power.noticed(self.file.write_at(bytes, offset))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.power.noticed(self.file.sync_data())
    }

    fn bytes(&self) -> io::Result<u64> {
        self.power.noticed(self.file.bytes())
    }
}

impl Disk for PowerDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.file(self.0.sim.create(path))
    }

    fn open_read(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.file(self.0.sim.open_read(path))
    }

    fn open_write(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.file(self.0.sim.open_write(path))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)?;
        self.0.noticed(self.0.sim.create_dir(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.noticed(self.0.sim.rename(from, to))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.noticed(self.0.sim.link(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.noticed(self.0.sim.remove(path))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        self.0.noticed(self.0.sim.list(dir))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.noticed(self.0.sim.sync_dir(dir))
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        self.0.noticed(self.0.sim.free_bytes(dir))
    }
}
