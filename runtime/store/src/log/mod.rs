//! The commit log: the truth. Preallocated segments, written with one write and one sync per group.

pub mod record;
pub mod records;
pub mod scan;
pub mod secret;

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::batch::Sequence;
use crate::disk::{Disk, DiskFile, TEMPORARY};
use crate::error::Error;
use crate::options::SPARES_MAX;
use record::Record;
use scan::{Scan, Tail};
use secret::{LogFolder, Stamp};

const SEGMENT: &str = "log-";
const SPARE: &str = "spare-";

/// A segment with records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    pub number: u64,
    pub last_sequence: Sequence,
    pub bytes: u64,
}

pub(crate) fn segment_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{SEGMENT}{number:016x}"))
}

fn spare_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{SPARE}{number:016x}"))
}

/// Returns the numbers of the segments in the folder, ascending.
pub(crate) fn segments_of(disk: &dyn Disk, dir: &Path) -> Result<Vec<u64>, Error> {
    Ok(numbered(disk, dir, SEGMENT)?.into_iter().map(|(number, _)| number).collect())
}

/// Returns how many spares the folder has.
pub(crate) fn spares_of(disk: &dyn Disk, dir: &Path) -> Result<u64, Error> {
    Ok(numbered(disk, dir, SPARE)?.len() as u64)
}

fn numbered(disk: &dyn Disk, dir: &Path, prefix: &str) -> Result<Vec<(u64, u64)>, Error> {
    let entries = disk.list(dir).map_err(Error::io("list", dir))?;
    let mut numbers: Vec<_> = entries
        .iter()
        .filter_map(|entry| {
            Some((u64::from_str_radix(entry.name.strip_prefix(prefix)?, 16).ok()?, entry.bytes))
        })
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// The segments that are full and the spares: shared by the writer, which fills, and the upkeep, which recycles.
pub struct Segments {
    disk: Arc<dyn Disk>,
    folder: LogFolder,
    segment_bytes: u64,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    sealed: VecDeque<SegmentInfo>,
    /// The segment that is written.
    open: u64,
    spares: Vec<u64>,
    next_spare: u64,
}

impl Segments {
    fn open(disk: Arc<dyn Disk>, folder: &LogFolder, segment_bytes: u64) -> Result<Segments, Error> {
        let segments = Segments { disk, folder: folder.clone(), segment_bytes, inner: Mutex::default() };
        for (number, bytes) in numbered(&*segments.disk, &folder.dir, SPARE)? {
            let mut inner = segments.inner.lock();
            inner.next_spare = number + 1;
            if bytes == segment_bytes && inner.spares.len() < SPARES_MAX {
                inner.spares.push(number);
            } else {
                segments.remove(&spare_path(&folder.dir, number))?;
            }
        }
        Ok(segments)
    }

    /// Returns where the log is, and what its records carry.
    pub fn folder(&self) -> &LogFolder {
        &self.folder
    }

    fn remove(&self, path: &Path) -> Result<(), Error> {
        self.disk.remove(path).map_err(Error::io("remove", path))
    }

    /// Writes a spare of real zeros, so that a later sync has no file size or extents to write. In synced parts: whoever
    /// syncs another file meanwhile waits for one of them at most.
    pub fn make_spare(&self) -> Result<(), Error> {
        self.write_spare(|part| part.sync_data())
    }

    /// Writes a spare and syncs it at its end.
    fn write_spare(&self, after_part: impl Fn(&dyn DiskFile) -> io::Result<()>) -> Result<(), Error> {
        const PART: usize = 1 << 20;
        let number = {
            let mut inner = self.inner.lock();
            inner.next_spare += 1;
            inner.next_spare - 1
        };
        let path = spare_path(&self.folder.dir, number);
        let temporary = self.folder.dir.join(format!("{SPARE}{number:016x}{TEMPORARY}"));
        let file = self.disk.create(&temporary).map_err(Error::io("create", &temporary))?;
        let zeros = vec![0; PART.min(self.segment_bytes as usize)];
        let mut offset = 0;
        while offset < self.segment_bytes {
            let bytes = zeros.len().min((self.segment_bytes - offset) as usize);
            file.write_at(&zeros[..bytes], offset).map_err(Error::io("write", &temporary))?;
            after_part(&*file).map_err(Error::io("sync", &temporary))?;
            offset += bytes as u64;
        }
        file.sync_data().map_err(Error::io("sync", &temporary))?;
        self.disk.rename(&temporary, &path).map_err(Error::io("rename", &temporary))?;
        self.inner.lock().spares.push(number);
        Ok(())
    }

    /// Returns how many spares are ready.
    pub fn spares(&self) -> usize {
        self.inner.lock().spares.len()
    }

    /// Turns a spare into the segment `number`; its name is durable on return.
    fn take(&self, number: u64) -> Result<Box<dyn DiskFile>, Error> {
        let spare = self.inner.lock().spares.pop();
        let spare = match spare {
            Some(spare) => spare,
            None => {
                // Everybody waits for this one: with one sync it is there soonest.
                self.write_spare(|_| Ok(()))?;
                self.inner.lock().spares.pop().expect("a spare was just made and only the writer takes them")
            }
        };
        let (spare, path) = (spare_path(&self.folder.dir, spare), segment_path(&self.folder.dir, number));
        self.disk.rename(&spare, &path).map_err(Error::io("rename", &spare))?;
        self.disk.sync_dir(&self.folder.dir).map_err(Error::io("sync", &self.folder.dir))?;
        self.disk.open_write(&path).map_err(Error::io("open", &path))
    }

    /// Returns how many segments there are, the one being written included, and their bytes with the spares.
    pub fn size(&self) -> (u64, u64) {
        let inner = self.inner.lock();
        let sealed: u64 = inner.sealed.iter().map(|segment| segment.bytes).sum();
        let unsealed = (1 + inner.spares.len() as u64) * self.segment_bytes;
        (inner.sealed.len() as u64 + 1, sealed + unsealed)
    }

    fn seal(&self, segment: SegmentInfo) {
        let mut inner = self.inner.lock();
        inner.sealed.push_back(segment);
        inner.open = segment.number + 1;
    }

    /// Returns the segment that has this record, or will have it.
    pub fn holding(&self, sequence: Sequence) -> u64 {
        let inner = self.inner.lock();
        let sealed = inner.sealed.iter().find(|segment| segment.last_sequence >= sequence);
        sealed.map_or(inner.open, |segment| segment.number)
    }

    /// Returns the full segments, oldest first.
    pub fn sealed(&self) -> Vec<SegmentInfo> {
        self.inner.lock().sealed.iter().copied().collect()
    }

    /// Gives up full segments with nothing newer than `upto`, the oldest first. The newest full one always stays: with
    /// it the log alone tells the last sequence, so an index that is ahead of the log is noticed.
    pub fn recycle(&self, upto: Sequence) -> Result<u64, Error> {
        let mut recycled = 0;
        loop {
            let segment = {
                let mut inner = self.inner.lock();
                let is_free =
                    inner.sealed.len() > 1 && inner.sealed.front().is_some_and(|s| s.last_sequence <= upto);
                if !is_free {
                    return Ok(recycled);
                }
                inner.sealed.pop_front().expect("front exists: checked above")
            };
            self.release(segment)?;
            recycled += 1;
        }
    }

    fn release(&self, segment: SegmentInfo) -> Result<(), Error> {
        let path = segment_path(&self.folder.dir, segment.number);
        if self.spares() >= SPARES_MAX || segment.bytes != self.segment_bytes {
            self.remove(&path)?;
        } else {
            let number = {
                let mut inner = self.inner.lock();
                inner.next_spare += 1;
                inner.next_spare - 1
            };
            self.disk
                .rename(&path, &spare_path(&self.folder.dir, number))
                .map_err(Error::io("rename", &path))?;
            self.inner.lock().spares.push(number);
        }
        // In order and one by one: a crash must never bring back an old segment without the one after it.
        self.disk.sync_dir(&self.folder.dir).map_err(Error::io("sync", &self.folder.dir))
    }
}

/// What one append did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// So many of the given records, from the first on, are on disk.
    pub records: usize,
    pub bytes: u64,
    pub synced_in: Duration,
    /// A segment was filled and closed before.
    pub is_rotated: bool,
}

/// The end of the log. One thread at a time has it.
pub struct Log {
    segments: Arc<Segments>,
    file: Box<dyn DiskFile>,
    number: u64,
    offset: u64,
    /// Size of the current file: not the configured one when an earlier process was configured differently.
    capacity: u64,
    last_sequence: Sequence,
    group_bytes_max: u64,
    buffer: Vec<u8>,
}

impl Log {
    /// Continues the log where `scan` found its end.
    pub fn open(
        disk: Arc<dyn Disk>,
        folder: &LogFolder,
        segment_bytes: u64,
        group_bytes_max: u64,
        scan: &Scan,
    ) -> Result<Log, Error> {
        let dir = &folder.dir;
        let segments = Arc::new(Segments::open(disk.clone(), folder, segment_bytes)?);
        // Empty segments behind the end are names that a crash left; they go first, the newest first, so that no gap
        // can ever appear.
        for number in scan.empty.iter().rev() {
            segments.remove(&segment_path(dir, *number))?;
        }
        disk.sync_dir(dir).map_err(Error::io("sync", dir))?;
        let mut sealed = scan.segments.clone();
        let (file, number, offset, capacity) = match &scan.tail {
            Tail::Sealed => {
                let number = sealed.last().map_or(1, |last| last.number + 1);
                (segments.take(number)?, number, 0, segment_bytes)
            }
            Tail::Open { segment, offset, stale, .. } => {
                sealed.retain(|info| info.number != *segment);
                let path = segment_path(dir, *segment);
                let file = disk.open_write(&path).map_err(Error::io("open", &path))?;
                wipe(&*file, stale).map_err(Error::io("write", &path))?;
                let capacity = file.bytes().map_err(Error::io("read", &path))?;
                (file, *segment, *offset, capacity)
            }
        };
        {
            let mut inner = segments.inner.lock();
            inner.sealed = sealed.into();
            inner.open = number;
        }
        let last_sequence = scan.last_sequence;
        Ok(Log {
            segments,
            file,
            number,
            offset,
            capacity,
            last_sequence,
            group_bytes_max,
            buffer: Vec::new(),
        })
    }

    /// Returns the part that the upkeep works on.
    pub fn segments(&self) -> Arc<Segments> {
        self.segments.clone()
    }

    fn path(&self) -> PathBuf {
        segment_path(&self.segments.folder.dir, self.number)
    }

    fn stamp(&self) -> Stamp {
        self.segments.folder.secret.stamp(self.number)
    }

    /// Says whether records of so many bytes, or somewhat more, fit into this segment.
    pub fn has_room(&self, bytes: u64) -> bool {
        self.offset + bytes + record::END_BYTES as u64 <= self.capacity
    }

    /// Writes the first records, as many as fit into one group and the segment, with one write and one sync.
    pub fn append(&mut self, records: &[Record]) -> Result<Appended, Error> {
        let mut taken = self.fill(records);
        let is_rotated = taken == 0 && !records.is_empty();
        if is_rotated {
            self.rotate()?;
            taken = self.fill(records);
            assert!(taken > 0, "a batch fits into an empty segment: Options::assert_sane");
        }
        let synced_in = self.write_buffer()?;
        if let Some(last) = records[..taken].last() {
            self.last_sequence = last.sequence;
        }
        Ok(Appended { records: taken, bytes: self.buffer.len() as u64, synced_in, is_rotated })
    }

    /// Encodes what fits, with room for the END record behind it.
    fn fill(&mut self, records: &[Record]) -> usize {
        self.buffer.clear();
        let group = u32::try_from(self.offset).expect("a segment fits 32 bits: Options::assert_sane");
        let room = self.capacity.saturating_sub(self.offset) as usize;
        let stamp = self.stamp();
        for (taken, record) in records.iter().enumerate() {
            let before = self.buffer.len();
            record::encode(record, stamp, group, &mut self.buffer);
            let is_too_much = before > 0 && self.buffer.len() as u64 > self.group_bytes_max;
            if is_too_much || self.buffer.len() + record::END_BYTES > room {
                self.buffer.truncate(before);
                return taken;
            }
        }
        records.len()
    }

    fn write_buffer(&mut self) -> Result<Duration, Error> {
        self.file.write_at(&self.buffer, self.offset).map_err(Error::io("write", self.path()))?;
        let before = Instant::now();
        self.file.sync_data().map_err(Error::io("sync", self.path()))?;
        self.offset += self.buffer.len() as u64;
        Ok(before.elapsed())
    }

    /// Ends the segment and goes on in the next one.
    fn rotate(&mut self) -> Result<(), Error> {
        self.buffer.clear();
        let group = u32::try_from(self.offset).expect("a segment fits 32 bits: Options::assert_sane");
        record::encode_end(self.stamp(), group, &mut self.buffer);
        self.write_buffer()?;
        self.segments.seal(SegmentInfo {
            number: self.number,
            last_sequence: self.last_sequence,
            bytes: self.capacity,
        });
        self.file = self.segments.take(self.number + 1)?;
        self.number += 1;
        self.offset = 0;
        self.capacity = self.segments.segment_bytes;
        Ok(())
    }
}

/// Makes the remains of a torn group unreadable, so that they cannot join what is written next.
fn wipe(file: &dyn DiskFile, stale: &[u64]) -> std::io::Result<()> {
    for offset in stale {
        file.write_at(&[0; record::HEADER_BYTES], *offset)?;
    }
    if stale.is_empty() { Ok(()) } else { file.sync_data() }
}

#[cfg(test)]
mod tests;
