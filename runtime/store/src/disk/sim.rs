//! A disk in memory that loses power and fails when told to, by a seed. For tests.
//!
//! What was not synced is dropped, kept, torn at sectors or reordered; names that were not synced vanish, come back or
//! stay old, within one folder independently of each other. Folders themselves are always there.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex, MutexGuard};
use rustix::io::Errno;

use super::{DirEntry, Disk, DiskFile};

/// What reaches the disk as a whole.
pub const SECTOR: usize = 512;

/// A small generator: the same seed gives the same disk.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xd1b5_4a32_d192_ed03)
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.draw() % end.max(1)
    }

    pub fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }
}

/// An operation that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Create,
    Open,
    Read,
    Write,
    Sync,
    Rename,
    Link,
    Remove,
    SyncDir,
}

struct Fault {
    operation: Operation,
    path_part: String,
    /// So many matching operations succeed before.
    skip: u64,
    error: io::ErrorKind,
}

#[derive(Clone, Default)]
struct Inode {
    durable: Vec<u8>,
    current: Vec<u8>,
    /// Writes since the last sync, in order.
    pending: Vec<(usize, Vec<u8>)>,
}

#[derive(Clone)]
enum NameChange {
    Set { path: PathBuf, inode: usize },
    Rename { from: PathBuf, to: PathBuf, inode: usize },
    Remove { path: PathBuf },
}

#[derive(Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    pending_names: Vec<NameChange>,
    faults: Vec<Fault>,
    operations: u64,
    cut_at: Option<u64>,
    is_off: bool,
    are_syncs_paused: bool,
    syncs_waiting: usize,
    free_bytes: Option<u64>,
    has_no_links: bool,
}

/// The disk. Clones are the same disk.
#[derive(Clone, Default)]
pub struct SimDisk {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    resumed: Condvar,
}

struct SimFile {
    disk: SimDisk,
    path: PathBuf,
    inode: usize,
}

impl SimDisk {
    pub fn new() -> SimDisk {
        SimDisk::default()
    }

    /// The power goes off at the operation after `operations` more of them.
    pub fn cut_after(&self, operations: u64) {
        let mut state = self.shared.state.lock();
        state.cut_at = Some(state.operations + operations);
    }

    pub fn cut_now(&self) {
        self.shared.state.lock().is_off = true;
        self.shared.resumed.notify_all();
    }

    pub fn is_off(&self) -> bool {
        self.shared.state.lock().is_off
    }

    /// Returns how many operations were done.
    pub fn operations(&self) -> u64 {
        self.shared.state.lock().operations
    }

    /// Lets `operation` on a path that contains `path_part` fail once, after `skip` successes.
    pub fn fail(&self, operation: Operation, path_part: &str, skip: u64, error: io::ErrorKind) {
        let path_part = path_part.to_string();
        self.shared.state.lock().faults.push(Fault { operation, path_part, skip, error });
    }

    /// Makes every sync wait until [`SimDisk::resume_syncs`].
    pub fn pause_syncs(&self) {
        self.shared.state.lock().are_syncs_paused = true;
    }

    /// Returns how many syncs wait.
    pub fn syncs_waiting(&self) -> usize {
        self.shared.state.lock().syncs_waiting
    }

    pub fn resume_syncs(&self) {
        self.shared.state.lock().are_syncs_paused = false;
        self.shared.resumed.notify_all();
    }

    /// From now on no file gets a second name, as in file systems that have none.
    pub fn refuse_links(&self) {
        self.shared.state.lock().has_no_links = true;
    }

    pub fn set_free_bytes(&self, bytes: u64) {
        self.shared.state.lock().free_bytes = Some(bytes);
    }

    /// Puts a file on the disk that was there before.
    pub fn install(&self, path: &Path, content: Vec<u8>) {
        let mut state = self.shared.state.lock();
        state.inodes.push(Inode { durable: content.clone(), current: content, pending: Vec::new() });
        let inode = state.inodes.len() - 1;
        state.names.insert(path.to_path_buf(), inode);
        state.durable_names.insert(path.to_path_buf(), inode);
    }

    /// Returns every file with its content.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let state = self.shared.state.lock();
        let content = |inode: &usize| state.inodes[*inode].current.clone();
        state.names.iter().map(|(path, inode)| (path.clone(), content(inode))).collect()
    }

    /// Changes bytes behind the back of the store, as a failing disk does.
    pub fn flip(&self, path: &Path, offset: usize, mask: u8) {
        let mut state = self.shared.state.lock();
        let inode = state.names[path];
        state.inodes[inode].current[offset] ^= mask;
        state.inodes[inode].durable[offset] ^= mask;
    }

    /// Cuts a file off behind the back of the store.
    pub fn truncate(&self, path: &Path, bytes: usize) {
        let mut state = self.shared.state.lock();
        let inode = state.names[path];
        state.inodes[inode].current.truncate(bytes);
        state.inodes[inode].durable.truncate(bytes);
    }

    /// Returns the disk as it is found when the power is back. This one stays off.
    pub fn after_power_cut(&self, seed: u64) -> SimDisk {
        self.cut_now();
        let state = self.shared.state.lock();
        let mut random = Random::new(seed);
        let inodes: Vec<Inode> = state
            .inodes
            .iter()
            .map(|inode| {
                let content = survived_content(inode, &mut random);
                Inode { durable: content.clone(), current: content, pending: Vec::new() }
            })
            .collect();
        let names = survived_names(&state, &mut random);
        let state = State { inodes, durable_names: names.clone(), names, ..State::default() };
        SimDisk { shared: Arc::new(Shared { state: Mutex::new(state), resumed: Condvar::new() }) }
    }

    /// Counts an operation; fails it when the power is off or a fault waits for it.
    fn begin(&self, operation: Operation, path: &Path) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.shared.state.lock();
        while operation == Operation::Sync && state.are_syncs_paused && !state.is_off {
            state.syncs_waiting += 1;
            self.shared.resumed.wait(&mut state);
            state.syncs_waiting -= 1;
        }
        state.operations += 1;
        if state.cut_at.is_some_and(|at| state.operations > at) {
            state.is_off = true;
        }
        if state.is_off {
            return Err(io::Error::other("the power is off"));
        }
        let text = path.to_string_lossy().into_owned();
        let fault = state
            .faults
            .iter()
            .position(|fault| fault.operation == operation && text.contains(&fault.path_part));
        if let Some(position) = fault {
            if state.faults[position].skip == 0 {
                return Err(io::Error::new(state.faults.remove(position).error, "injected"));
            }
            state.faults[position].skip -= 1;
        }
        Ok(state)
    }

    fn file(&self, path: &Path, inode: usize) -> Box<dyn DiskFile> {
        Box::new(SimFile { disk: self.clone(), path: path.to_path_buf(), inode })
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let inode = {
            let state = self.begin(Operation::Open, path)?;
            *state.names.get(path).ok_or(io::ErrorKind::NotFound)?
        };
        Ok(self.file(path, inode))
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.begin(Operation::Read, &self.path)?;
        let content = &state.inodes[self.inode].current;
        let start = content.len().min(offset as usize);
        let bytes = buffer.len().min(content.len() - start);
        buffer[..bytes].copy_from_slice(&content[start..start + bytes]);
        Ok(bytes)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.begin(Operation::Write, &self.path)?;
        let inode = &mut state.inodes[self.inode];
        write(&mut inode.current, offset as usize, bytes);
        inode.pending.push((offset as usize, bytes.to_vec()));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.begin(Operation::Sync, &self.path)?;
        let inode = &mut state.inodes[self.inode];
        for (offset, bytes) in std::mem::take(&mut inode.pending) {
            write(&mut inode.durable, offset, &bytes);
        }
        Ok(())
    }

    fn bytes(&self) -> io::Result<u64> {
        let state = self.disk.begin(Operation::Open, &self.path)?;
        Ok(state.inodes[self.inode].current.len() as u64)
    }
}

impl Disk for SimDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let inode = {
            let mut state = self.begin(Operation::Create, path)?;
            // An inode of its own also when the name exists: after a cut it is the old file or the new one.
            state.inodes.push(Inode::default());
            let inode = state.inodes.len() - 1;
            state.names.insert(path.to_path_buf(), inode);
            state.pending_names.push(NameChange::Set { path: path.to_path_buf(), inode });
            inode
        };
        Ok(self.file(path, inode))
    }

    fn open_read(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.open(path)
    }

    fn open_write(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.open(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.begin(Operation::Create, path).map(drop)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.begin(Operation::Rename, from)?;
        let inode = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_path_buf(), inode);
        state.pending_names.push(NameChange::Rename {
            from: from.to_path_buf(),
            to: to.to_path_buf(),
            inode,
        });
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.begin(Operation::Link, from)?;
        if state.has_no_links {
            return Err(Errno::PERM.into());
        }
        let inode = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_path_buf(), inode);
        state.pending_names.push(NameChange::Set { path: to.to_path_buf(), inode });
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.begin(Operation::Remove, path)?;
        state.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        state.pending_names.push(NameChange::Remove { path: path.to_path_buf() });
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let state = self.begin(Operation::Open, dir)?;
        let files = state.names.iter().filter(|(path, _)| path.parent() == Some(dir));
        Ok(files
            .map(|(path, inode)| DirEntry {
                name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                bytes: state.inodes[*inode].current.len() as u64,
            })
            .collect())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.begin(Operation::SyncDir, dir)?;
        for change in std::mem::take(&mut state.pending_names) {
            if parent(&change) == dir {
                change_name(&mut state.durable_names, &change);
            } else {
                state.pending_names.push(change);
            }
        }
        Ok(())
    }

    fn free_bytes(&self, _dir: &Path) -> io::Result<u64> {
        Ok(self.shared.state.lock().free_bytes.unwrap_or(u64::MAX))
    }
}

fn write(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}

fn parent(change: &NameChange) -> &Path {
    let path = match change {
        NameChange::Set { path, .. } | NameChange::Remove { path } => path,
        NameChange::Rename { to, .. } => to,
    };
    path.parent().unwrap_or(Path::new(""))
}

fn change_name(names: &mut BTreeMap<PathBuf, usize>, change: &NameChange) {
    match change {
        NameChange::Set { path, inode } => {
            names.insert(path.clone(), *inode);
        }
        NameChange::Rename { from, to, inode } => {
            if names.get(from) == Some(inode) {
                names.remove(from);
            }
            names.insert(to.clone(), *inode);
        }
        NameChange::Remove { path } => {
            names.remove(path);
        }
    }
}

/// What a cut leaves of several unsynced things.
fn survivors(count: usize, random: &mut Random) -> Vec<bool> {
    match random.below(5) {
        0 => vec![false; count],
        1 => vec![true; count],
        2 => {
            let kept = random.below(count as u64 + 1) as usize;
            (0..count).map(|position| position < kept).collect()
        }
        _ => (0..count).map(|_| random.one_in(2)).collect(),
    }
}

fn survived_content(inode: &Inode, random: &mut Random) -> Vec<u8> {
    let mut content = inode.durable.clone();
    let kept = survivors(inode.pending.len(), random);
    for ((offset, bytes), is_kept) in inode.pending.iter().zip(kept) {
        if !is_kept {
            continue;
        }
        if random.one_in(2) {
            write(&mut content, *offset, bytes);
            continue;
        }
        // Torn: sectors reach the disk on their own and in any order.
        let mut at = 0;
        while at < bytes.len() {
            let end = (at + SECTOR - (offset + at) % SECTOR).min(bytes.len());
            if random.one_in(2) {
                write(&mut content, offset + at, &bytes[at..end]);
            }
            at = end;
        }
    }
    content
}

fn survived_names(state: &State, random: &mut Random) -> BTreeMap<PathBuf, usize> {
    let mut names = state.durable_names.clone();
    let kept = survivors(state.pending_names.len(), random);
    for (change, is_kept) in state.pending_names.iter().zip(kept) {
        if is_kept {
            change_name(&mut names, change);
        }
    }
    names
}
