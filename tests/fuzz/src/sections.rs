//! Where a component can be changed so that it stays valid, without a reader of its instructions.

use std::ops::Range;

/// Magic and version, of a component as of a module.
const HEADER_BYTES: usize = 8;
/// Section of a component that is a module.
const CORE_MODULE: u8 = 1;
const CODE: u8 = 10;
const DATA: u8 = 11;
/// The instruction that most often comes before a constant, and the one that ends an expression.
const I32_CONST: u8 = 0x41;
const END: u8 = 0x0b;
/// Segments of data: placed at an address, or copied by an instruction.
const ACTIVE: u8 = 0;
const PASSIVE: u8 = 1;

/// A byte that can be something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub at: usize,
    /// Which of its bits.
    pub bits: u8,
}

/// Returns the places of a component's largest module: the bytes of its data, and constants of one byte in its code. A few
/// of the latter are none, as what looks like their instruction is part of another.
///
/// None when it is no component that was built as ours are.
#[must_use]
pub fn places(component: &[u8]) -> Option<Vec<Place>> {
    let modules = sections(component, HEADER_BYTES..component.len())?.into_iter();
    let (_, module) = modules.filter(|(id, _)| *id == CORE_MODULE).max_by_key(|(_, module)| module.len())?;
    let mut places = Vec::new();
    for (id, section) in sections(component, module.start + HEADER_BYTES..module.end)? {
        match id {
            CODE => places.extend(constants(component, section)),
            DATA => places.extend(data(component, section)?),
            _ => {}
        }
    }
    Some(places)
}

fn sections(bytes: &[u8], within: Range<usize>) -> Option<Vec<(u8, Range<usize>)>> {
    let (mut found, mut reader) = (Vec::new(), Reader { bytes, at: within.start });
    while reader.at < within.end {
        found.push((reader.byte()?, reader.piece()?));
    }
    Some(found)
}

fn constants(bytes: &[u8], code: Range<usize>) -> impl Iterator<Item = Place> {
    let is_constant = |at: &usize| bytes[at - 1] == I32_CONST && bytes[*at] < 0x80;
    code.skip(1).filter(is_constant).map(|at| Place { at, bits: 0x7f })
}

fn data(bytes: &[u8], section: Range<usize>) -> Option<Vec<Place>> {
    let mut reader = Reader { bytes, at: section.start };
    let mut places = Vec::new();
    for _ in 0..reader.number()? {
        match reader.byte()? {
            ACTIVE => reader.address()?,
            PASSIVE => {}
            _ => return None,
        }
        places.extend(reader.piece()?.map(|at| Place { at, bits: 0xff }));
    }
    Some(places)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn number(&mut self) -> Option<usize> {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            number |= usize::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(number);
            }
            shift += 7;
        }
    }

    /// Reads a length and so many bytes.
    fn piece(&mut self) -> Option<Range<usize>> {
        let length = self.number()?;
        let piece = self.at..self.at.checked_add(length)?;
        self.at = piece.end;
        (piece.end <= self.bytes.len()).then_some(piece)
    }

    /// Reads a constant expression that is one number.
    fn address(&mut self) -> Option<()> {
        let is_constant = self.byte()? == I32_CONST && self.number().is_some() && self.byte()? == END;
        is_constant.then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_and_short_constants_are_found() {
        let section = |id: u8, content: &[u8]| [&[id, content.len() as u8][..], content].concat();
        let code = section(CODE, &[1, 6, 0, I32_CONST, 5, I32_CONST, 0x80, 1]);
        let data = section(DATA, &[2, ACTIVE, I32_CONST, 0x8b, 0x0b, END, 2, b'a', b'b', PASSIVE, 1, b'c']);
        let empty = b"\0asm\x01\0\0\0".as_slice();
        let modules =
            [section(CORE_MODULE, empty), section(CORE_MODULE, &[empty, &code, &data].concat())].concat();
        let component = [b"\0asm\x0d\0\x01\0".as_slice(), &modules].concat();
        let found = places(&component).unwrap();
        let is = |place: &Place| (component[place.at], place.bits);
        assert_eq!(
            found.iter().map(is).collect::<Vec<_>>(),
            [(5, 0x7f), (b'a', 0xff), (b'b', 0xff), (b'c', 0xff)]
        );
        assert_eq!(places(&component[..component.len() - 1]), None);
    }
}
