//! The stream of a backup: frames, each with its length and a checksum, so that whoever receives it notices what is lost.
//!
//! A frame: kind (1), length (4), crc over kind, length and payload (4), payload. Kinds: 1 start (bytes expected 8), 2 file
//! (its path; data that follows is for it), 3 data, 4 end (the manifest), 5 failed (the reason). A stream that ends without
//! 4 or 5 broke off.

use std::io::{self, Write};

const HEADER_BYTES: usize = 9;
/// Data in one frame.
pub const DATA_BYTES: usize = 256 * 1024;
/// Above any frame; only manifests are larger than `DATA_BYTES`.
const FRAME_BYTES_MAX: usize = 64 * 1024 * 1024;

const START: u8 = 1;
const FILE: u8 = 2;
const DATA: u8 = 3;
const END: u8 = 4;
const FAILED: u8 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// The backup has about so many bytes.
    Start(u64),
    File(&'a str),
    Data(&'a [u8]),
    End(&'a [u8]),
    Failed(&'a str),
}

impl Frame<'_> {
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let bytes;
        let (kind, payload): (u8, &[u8]) = match self {
            Frame::Start(expected) => {
                bytes = expected.to_le_bytes();
                (START, &bytes)
            }
            Frame::File(path) => (FILE, path.as_bytes()),
            Frame::Data(data) => (DATA, data),
            Frame::End(manifest) => (END, manifest),
            Frame::Failed(why) => (FAILED, why.as_bytes()),
        };
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?.to_le_bytes();
        out.write_all(&[kind])?;
        out.write_all(&length)?;
        out.write_all(&checksum(kind, length, payload).to_le_bytes())?;
        out.write_all(payload)
    }
}

fn checksum(kind: u8, length: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind]);
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize()
}

/// Puts frames together from pieces as they come.
#[derive(Default)]
pub struct Decoder {
    pending: Vec<u8>,
    taken: usize,
}

impl Decoder {
    pub fn push(&mut self, piece: &[u8]) {
        self.pending.drain(..self.taken);
        self.taken = 0;
        self.pending.extend_from_slice(piece);
    }

    /// Returns the next whole frame; `None` when more has to come.
    ///
    /// # Errors
    /// What came is no such stream.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, &'static str> {
        let rest = &self.pending[self.taken..];
        let Some(header) = rest.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let kind = header[0];
        let length = [header[1], header[2], header[3], header[4]];
        let bytes = u32::from_le_bytes(length) as usize;
        if bytes > FRAME_BYTES_MAX {
            return Err("a frame is longer than possible");
        }
        let Some(payload) = rest.get(HEADER_BYTES..HEADER_BYTES + bytes) else { return Ok(None) };
        let crc = u32::from_le_bytes([header[5], header[6], header[7], header[8]]);
        if checksum(kind, length, payload) != crc {
            return Err("the checksum of a frame does not match");
        }
        self.taken += HEADER_BYTES + bytes;
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| "a text is not UTF-8");
        Ok(Some(match kind {
            START => {
                Frame::Start(u64::from_le_bytes(payload.try_into().map_err(|_| "a start is not readable")?))
            }
            FILE => Frame::File(text(payload)?),
            DATA => Frame::Data(payload),
            END => Frame::End(payload),
            FAILED => Frame::Failed(text(payload)?),
            _ => return Err("a frame is of a kind that is not known; is the server newer?"),
        }))
    }

    /// Says whether nothing is left over.
    pub fn is_empty(&self) -> bool {
        self.taken == self.pending.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Vec<u8> {
        let mut out = Vec::new();
        for frame in [
            Frame::Start(7),
            Frame::File("content"),
            Frame::Data(b"some data"),
            Frame::Data(b""),
            Frame::Failed("no"),
            Frame::End(b"{}"),
        ] {
            frame.write(&mut out).unwrap();
        }
        out
    }

    fn decoded(stream: &[u8], piece: usize) -> Result<String, &'static str> {
        let (mut decoder, mut seen) = (Decoder::default(), String::new());
        for piece in stream.chunks(piece) {
            decoder.push(piece);
            while let Some(frame) = decoder.next_frame()? {
                seen += &format!("{frame:?} ");
            }
        }
        if decoder.is_empty() { Ok(seen) } else { Err("it broke off") }
    }

    #[test]
    fn frames_come_as_they_were_sent_in_pieces_of_any_size() {
        let expected = decoded(&stream(), usize::MAX).unwrap();
        assert!(expected.starts_with("Start(7) File(\"content\") Data([115, "), "{expected}");
        for piece in 1..40 {
            assert_eq!(decoded(&stream(), piece).unwrap(), expected, "{piece}");
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let whole = stream();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << (at % 8);
            assert!(decoded(&damaged, 11).is_err(), "byte {at}");
        }
    }
}
