//! What tells the records of this log from all other bytes.
//!
//! A client can put whole records into a value, and a recycled segment still has that value when new records are written
//! over its beginning. None of what it wrote may ever count as a record: neither as damage nor as something that was
//! committed. So every record carries what no client knows.

use std::io;
use std::path::PathBuf;

use rustix::rand::{GetRandomFlags, getrandom};

/// Where a log is, and what its records carry.
#[derive(Clone, Debug)]
pub struct LogFolder {
    pub dir: PathBuf,
    pub secret: Secret,
}

/// Random, one for each data folder, and nowhere but in its FORMAT file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret {
    magic: [u8; 4],
    mask: u32,
    /// Segments before this one were written without a secret.
    first_segment: u64,
}

/// What each record of one segment carries.
#[derive(Clone, Copy)]
pub struct Stamp {
    /// Stands in the record.
    pub magic: [u8; 4],
    /// Is part of its checksum: the number of the segment makes the old records of a recycled segment invalid.
    pub seed: u64,
}

impl Secret {
    /// What everybody knows: format 2 had no other.
    pub const NONE: Secret = Secret { magic: *b"ABR1", mask: 0, first_segment: 1 };

    /// Returns another one each time, for this segment and all after it.
    ///
    /// # Errors
    /// The machine has no random numbers.
    pub fn fresh(first_segment: u64) -> io::Result<Secret> {
        let mut bytes = [0; 8];
        let drawn = getrandom(&mut bytes[..], GetRandomFlags::empty())?;
        if drawn < bytes.len() {
            return Err(io::Error::other("too few random numbers were drawn"));
        }
        let [magic @ .., a, b, c, d] = bytes;
        Ok(Secret { magic, mask: u32::from_le_bytes([a, b, c, d]), first_segment })
    }

    /// Returns what the records of a segment carry.
    pub fn stamp(self, segment: u64) -> Stamp {
        let own = if segment < self.first_segment { Secret::NONE } else { self };
        Stamp { magic: own.magic, seed: segment ^ u64::from(own.mask) }
    }

    /// Returns the line that [`Secret::parse`] reads, with a checksum: with another secret no record of the log is one.
    pub fn line(self) -> String {
        let said = self.said();
        let sum = crc32fast::hash(said.as_bytes());
        format!("{said} sum={sum:08x}")
    }

    fn said(self) -> String {
        let magic = u32::from_be_bytes(self.magic);
        format!("{}{magic:08x}{:08x} first-segment={:x}", Self::PREFIX, self.mask, self.first_segment)
    }

    /// How the line begins.
    pub const PREFIX: &str = "log-secret=";

    /// Reads the line; `None` when it is not exactly as it was written.
    pub fn parse(line: &str) -> Option<Secret> {
        let mut parts = line.strip_prefix(Self::PREFIX)?.split(' ');
        let (magic, mask) = parts.next()?.split_at_checked(8)?;
        let first_segment = parts.next()?.strip_prefix("first-segment=")?;
        let secret = Secret {
            magic: u32::from_str_radix(magic, 16).ok()?.to_be_bytes(),
            mask: u32::from_str_radix(mask, 16).ok()?,
            first_segment: u64::from_str_radix(first_segment, 16).ok()?,
        };
        (secret.line() == line).then_some(secret)
    }
}

/// Says that there is one, not which.
impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Secret(from segment {})", self.first_segment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written_or_not_at_all() {
        let line = Secret { magic: *b"\x01\xffab", mask: 7, first_segment: 0x1f }.line();
        assert_eq!(line, "log-secret=01ff616200000007 first-segment=1f sum=d118ce20");
        assert_eq!(Secret::parse(&line).expect("readable").line(), line);
        for at in 0..line.len() {
            for bit in 0..8 {
                let mut flipped = line.clone().into_bytes();
                flipped[at] ^= 1 << bit;
                let Ok(flipped) = String::from_utf8(flipped) else { continue };
                assert_eq!(Secret::parse(&flipped), None, "{flipped}");
            }
        }
    }

    #[test]
    fn each_is_another_and_segments_from_before_have_none() {
        let (one, two) = (Secret::fresh(3).unwrap(), Secret::fresh(3).unwrap());
        assert_ne!(one, two);
        assert_eq!(one.stamp(2).magic, *b"ABR1");
        assert_eq!(one.stamp(2).seed, 2);
        assert_ne!((one.stamp(3).magic, one.stamp(3).seed), (two.stamp(3).magic, two.stamp(3).seed));
    }
}
