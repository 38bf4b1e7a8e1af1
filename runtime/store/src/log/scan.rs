//! Reads a whole log, verifies it, and tells a torn tail from damage.
//!
//! A torn tail is what a power cut leaves of the last, never acknowledged group. It is accepted only where nothing that
//! was synced later stands behind it: every record names the offset its group starts at, and everything before that
//! offset was on disk when the group was written. So a break with a valid record of a later group behind it, in the same
//! segment or in a later one, is damage, and the store refuses to open.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::record::{self, Frame};
use super::secret::{LogFolder, Stamp};
use super::{SegmentInfo, segment_path, segments_of};
use crate::batch::Sequence;
use crate::disk::{self, Disk};
use crate::error::Error;

/// Where a log ends and the next record belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Every segment with records, ascending.
    pub segments: Vec<SegmentInfo>,
    /// Sequence of the last record; 0 if there is none.
    pub last_sequence: Sequence,
    /// The last record is a mark: the store was closed cleanly.
    pub is_closed: bool,
    pub tail: Tail,
    /// What was written last. It was read, so it counts, and yet it may not be on the disk: see [`secure`].
    pub last_group: Option<Group>,
    /// Segments behind the tail, without records.
    pub empty: Vec<u64>,
}

impl Scan {
    /// Returns the number of the last segment that has records, or may have had some.
    pub fn last_segment(&self) -> Option<u64> {
        let open = match &self.tail {
            Tail::Open { segment, .. } => Some(*segment),
            Tail::Sealed => None,
        };
        open.max(self.segments.last().map(|last| last.number))
    }
}

/// Bytes of a segment that were written at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub segment: u64,
    pub bytes: Range<usize>,
}

/// The place where writing goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tail {
    /// There is no segment, or the last one with records is sealed.
    Sealed,
    /// In the middle of this segment. `stale` are offsets of valid records of the torn group: they must be wiped before
    /// anything is written, or they could become part of the log again.
    Open { segment: u64, offset: u64, stale: Vec<u64>, torn_bytes: u64 },
}

/// Returns the sequence of the first record of the log, without reading the rest; `None` when there is none or the
/// first segment is broken, which [`scan`] judges.
pub fn first_sequence(disk: &dyn Disk, log: &LogFolder) -> Result<Option<Sequence>, Error> {
    let Some(number) = segments_of(disk, &log.dir)?.first().copied() else { return Ok(None) };
    let path = segment_path(&log.dir, number);
    let content = disk::read_all(disk, &path).map_err(Error::io("read", &path))?;
    Ok(match record::frame_at(&content, log.secret.stamp(number), 0) {
        // A mark repeats the sequence before it.
        Frame::Record { payload, .. } => {
            record::sequence_of(payload).map(|sequence| sequence + u64::from(record::is_mark(payload)))
        }
        Frame::End { .. } | Frame::Broken(_) => None,
    })
}

/// Reads every segment in order and calls `visit` with each record's sequence and payload.
pub fn scan(
    disk: &dyn Disk,
    log: &LogFolder,
    mut visit: impl FnMut(Sequence, &[u8]) -> Result<(), Error>,
) -> Result<Scan, Error> {
    let dir = &log.dir;
    let numbers = segments_of(disk, dir)?;
    let mut result = Scan {
        segments: Vec::new(),
        last_sequence: 0,
        is_closed: false,
        tail: Tail::Sealed,
        last_group: None,
        empty: Vec::new(),
    };
    let mut previous: Option<Sequence> = None;
    let mut broken: Option<(PathBuf, u64, &'static str)> = None;
    for (position, number) in numbers.iter().copied().enumerate() {
        let (path, stamp) = (segment_path(dir, number), log.secret.stamp(number));
        if position > 0 && numbers[position - 1] + 1 != number {
            let why = "this segment is missing".to_string();
            return Err(Error::LogCorrupt {
                file: segment_path(dir, numbers[position - 1] + 1),
                offset: 0,
                why,
            });
        }
        let content = disk::read_all(disk, &path).map_err(Error::io("read", &path))?;
        if let Some((file, offset, why)) = &broken {
            if !records_behind(&content, stamp, 0).is_empty() {
                let why = format!("{why}, but {} behind it has records", path.display());
                return Err(Error::LogCorrupt { file: file.clone(), offset: *offset, why });
            }
            result.empty.push(number);
            continue;
        }
        let mut note = |sequence: Sequence, payload: &[u8]| {
            result.is_closed = record::is_mark(payload);
            visit(sequence, payload)
        };
        let walk = walk(&content, stamp, &path, &mut previous, &mut note)?;
        if walk.records > 0 || walk.stop.is_none() {
            result.last_group = Some(Group { segment: number, bytes: walk.last_group.clone() });
            result.segments.push(SegmentInfo {
                number,
                last_sequence: previous.unwrap_or(0),
                bytes: content.len() as u64,
            });
        }
        let Some(why) = walk.stop else { continue };
        let behind = records_behind(&content, stamp, walk.offset);
        if let Some((at, _)) = behind.iter().find(|(_, group)| *group as usize > walk.offset) {
            let why = format!("{why}, but there is a later record at offset {at}");
            return Err(Error::LogCorrupt { file: path, offset: walk.offset as u64, why });
        }
        let torn_bytes = torn_bytes(&content, stamp, walk.offset, &behind);
        let stale = behind.into_iter().map(|(at, _)| at as u64).collect();
        result.tail = Tail::Open { segment: number, offset: walk.offset as u64, stale, torn_bytes };
        broken = Some((path, walk.offset as u64, why));
    }
    result.last_sequence = previous.unwrap_or(0);
    Ok(result)
}

/// Calls `visit` with each record behind `after`, of a log that was scanned before and not written since.
pub fn records_behind_sequence(
    disk: &dyn Disk,
    log: &LogFolder,
    scan: &Scan,
    after: Sequence,
    mut visit: impl FnMut(Sequence, &[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut previous = None;
    for segment in &scan.segments {
        if segment.last_sequence <= after {
            previous = Some(segment.last_sequence);
            continue;
        }
        let (path, stamp) = (segment_path(&log.dir, segment.number), log.secret.stamp(segment.number));
        let content = disk::read_all(disk, &path).map_err(Error::io("read", &path))?;
        let mut note =
            |sequence, payload: &[u8]| if sequence > after { visit(sequence, payload) } else { Ok(()) };
        let walk = walk(&content, stamp, &path, &mut previous, &mut note)?;
        if previous != Some(segment.last_sequence) {
            let (offset, last) = (walk.offset as u64, segment.last_sequence);
            let why = format!("a moment ago it had the records up to {last}, and has not any more");
            return Err(Error::LogCorrupt { file: path, offset, why });
        }
    }
    Ok(())
}

/// Puts what was written last on the disk, before anything builds on it: who wrote it may have been killed before the disk
/// had it, or the sync failed, after which a system may take for written what is in its memory only. So it is written
/// again. Nothing was acknowledged of it, but what follows it would be lost with it.
pub fn secure(disk: &dyn Disk, dir: &Path, scan: &Scan) -> Result<(), Error> {
    let Some(Group { segment, bytes }) = &scan.last_group else { return Ok(()) };
    let path = segment_path(dir, *segment);
    let written = || {
        let mut group = vec![0; bytes.len()];
        let read = disk.open_read(&path)?.read_at(&mut group, bytes.start as u64)?;
        let file = disk.open_write(&path)?;
        file.write_at(&group[..read], bytes.start as u64)?;
        file.sync_data()
    };
    written().map_err(Error::io("write", &path))
}

struct Walk {
    offset: usize,
    records: u64,
    last_group: Range<usize>,
    /// Why the walk ended; `None` at an END record.
    stop: Option<&'static str>,
}

fn walk(
    content: &[u8],
    stamp: Stamp,
    path: &Path,
    previous: &mut Option<Sequence>,
    visit: &mut impl FnMut(Sequence, &[u8]) -> Result<(), Error>,
) -> Result<Walk, Error> {
    let mut walk = Walk { offset: 0, records: 0, last_group: 0..0, stop: None };
    loop {
        match record::frame_at(content, stamp, walk.offset) {
            Frame::Record { payload, bytes, group } => {
                let corrupt = |why: String| Error::LogCorrupt {
                    file: path.to_path_buf(),
                    offset: walk.offset as u64,
                    why,
                };
                let sequence = record::sequence_of(payload)
                    .ok_or_else(|| corrupt("the record has no sequence that can be".into()))?;
                let step = u64::from(!record::is_mark(payload));
                if let Some(before) = *previous
                    && before + step != sequence
                {
                    return Err(corrupt(format!("record {sequence} follows record {before}")));
                }
                *previous = Some(sequence);
                visit(sequence, payload)?;
                walk.offset += bytes;
                walk.records += 1;
                walk.last_group = group as usize..walk.offset;
            }
            Frame::End { group } => {
                walk.last_group = group as usize..walk.offset + record::END_BYTES;
                return Ok(walk);
            }
            Frame::Broken(why) => {
                walk.stop = Some(why);
                return Ok(walk);
            }
        }
    }
}

/// Returns offset and group of every valid record, END included, at or behind `from`.
fn records_behind(content: &[u8], stamp: Stamp, from: usize) -> Vec<(usize, u32)> {
    let mut found = Vec::new();
    let mut offset = from.next_multiple_of(record::ALIGNMENT);
    while offset + record::HEADER_BYTES <= content.len() {
        match record::frame_at(content, stamp, offset) {
            Frame::Record { group, bytes, .. } => {
                found.push((offset, group));
                offset += bytes;
            }
            Frame::End { group } => {
                found.push((offset, group));
                offset += record::END_BYTES;
            }
            Frame::Broken(_) => offset += record::ALIGNMENT,
        }
    }
    found
}

/// Returns how many bytes the torn group left, as far as it can be told; 0 for a clean end.
fn torn_bytes(content: &[u8], stamp: Stamp, offset: usize, behind: &[(usize, u32)]) -> u64 {
    let end = match behind.last() {
        Some((at, _)) => match record::frame_at(content, stamp, *at) {
            Frame::Record { bytes, .. } => at + bytes,
            Frame::End { .. } | Frame::Broken(_) => at + record::END_BYTES,
        },
        None => offset,
    };
    (end - offset) as u64
}
