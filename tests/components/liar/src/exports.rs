//! The exports as the canonical ABI has them: each returns the address of what it returns, and nothing of that is checked.

use crate::truth::{RECORDS, TEXTS};

wit_bindgen::generate!({
    inline: "package abide:liar; world liar { export abide:runtime/guest@0.1.0; }",
    path: "../../../wit",
    world: "abide:liar/liar",
    generate_all,
    // Nobody looks for functions of these names. All that is wanted of them are the types, which go into the component.
    export_prefix: "typed-",
});

struct Typed;

impl exports::abide::runtime::guest::Guest for Typed {
    fn discover() -> exports::abide::runtime::guest::Manifest {
        unreachable!("nobody looks for it")
    }

    fn invoke(
        _invocation: exports::abide::runtime::guest::Invocation,
    ) -> Result<Vec<u8>, exports::abide::runtime::guest::HandlerError> {
        unreachable!("nobody looks for it")
    }
}

export!(Typed);

/// Words of what is returned, at most.
const WORDS_MAX: usize = 1_000;
/// A word with this highest byte is a place in what is returned; the rest of it says where. All other words are as they are.
pub const ADDRESS: u32 = 0xaa;

/// What is told at discovery: the host finds it by its first bytes, and puts other words there.
#[repr(C)]
struct Lie {
    mark: [u8; 16],
    words: [u32; WORDS_MAX],
}

static LIE: Lie = Lie { mark: *b"what it tells:  ", words: truth() };

const fn truth() -> [u32; WORDS_MAX] {
    let mut words = [0; WORDS_MAX];
    let (records, _) = words.split_at_mut(RECORDS.len());
    records.copy_from_slice(&RECORDS);
    let (texts, _) = TEXTS.as_chunks::<4>();
    let mut index = 0;
    while index < texts.len() {
        words[RECORDS.len() + index] = u32::from_le_bytes(texts[index]);
        index += 1;
    }
    words
}

/// Where what is returned is put together. As aligned as anything that the host reads.
#[repr(C, align(8))]
struct Area([u32; WORDS_MAX]);

static mut AREA: Area = Area([0; WORDS_MAX]);

#[unsafe(export_name = "abide:runtime/guest@0.1.0#discover")]
extern "C" fn discover() -> u32 {
    // SAFETY: it is a static of this type. Volatile, as the compiler must not rely on what it sees there.
    let lie = unsafe { std::ptr::read_volatile(&raw const LIE) };
    assert_eq!(lie.mark[0], b'w', "the mark belongs to it");
    tell(lie.words.into_iter())
}

/// An invocation: its id, its target, its headers, its seed and its input.
#[unsafe(export_name = "abide:runtime/guest@0.1.0#invoke")]
extern "C" fn invoke(
    _id: u32,
    _id_bytes: u32,
    _service: u32,
    _service_bytes: u32,
    _has_key: u32,
    _key: u32,
    _key_bytes: u32,
    _handler: u32,
    _handler_bytes: u32,
    _headers: u32,
    _headers_len: u32,
    _seed: u64,
    input: *const u8,
    input_bytes: usize,
) -> u32 {
    // SAFETY: this is where the host put the input.
    let input = unsafe { std::slice::from_raw_parts(input, input_bytes) };
    tell(input.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)))
}

/// Returns what the first word says, after the other words were put where an honest guest has what it returns.
fn tell(mut words: impl Iterator<Item = u32>) -> u32 {
    let area = (&raw mut AREA).cast::<u32>();
    let address = area.addr() as u32;
    let place = |word: u32| if word >> 24 == ADDRESS { address + (word & 0x00ff_ffff) } else { word };
    let told = words.next().map_or(address, place);
    for (index, word) in words.take(WORDS_MAX).enumerate() {
        // SAFETY: it is within the area, which nobody else uses: a guest has one thread.
        unsafe { area.add(index).write(place(word)) };
    }
    told
}
