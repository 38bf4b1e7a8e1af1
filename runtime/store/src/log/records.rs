//! Reads a part of the log while it is written: records that are on disk, by their sequences.

use super::record::{self, Frame};
use super::secret::LogFolder;
use super::segment_path;
use crate::batch::Sequence;
use crate::disk::{self, Disk};
use crate::error::Error;
use std::ops::RangeInclusive;

/// Calls `visit` with the payload of each record in `wanted`, which are all on disk. The first is in segment `number`, and
/// nobody recycles that or a later one.
pub fn read(
    disk: &dyn Disk,
    log: &LogFolder,
    mut number: u64,
    wanted: RangeInclusive<Sequence>,
    mut visit: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let (mut next, last) = wanted.into_inner();
    while next <= last {
        let path = segment_path(&log.dir, number);
        let content = disk::read_all(disk, &path).map_err(Error::io("read", &path))?;
        let mut offset = 0;
        while next <= last {
            let corrupt = |why: String| Error::LogCorrupt { file: path.clone(), offset: offset as u64, why };
            match record::frame_at(&content, log.secret.stamp(number), offset) {
                Frame::Record { payload, bytes, .. } => {
                    let sequence = record::sequence_of(payload)
                        .ok_or_else(|| corrupt("the record has no sequence".into()))?;
                    if !record::is_mark(payload) && sequence >= next {
                        if sequence != next {
                            return Err(corrupt(format!("record {sequence} follows record {}", next - 1)));
                        }
                        visit(payload)?;
                        next += 1;
                    }
                    offset += bytes;
                }
                Frame::End { .. } => break,
                Frame::Broken(why) => return Err(corrupt(why.into())),
            }
        }
        number += 1;
    }
    Ok(())
}
