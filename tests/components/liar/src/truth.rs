//! What the guest offers as long as nobody tells it otherwise: a service `Liar` with a handler `lie`, from bytes to bytes.

/// Where the texts begin, behind the records.
const TEXTS_AT: u32 = 168;
pub const TEXTS: &[u8; 88] =
    b"made Liar lie application/octet-stream  retry.max-attempts 1 retry.on-max-attempts kill ";

/// A place in what is returned, so many bytes behind its beginning.
const fn at(bytes: u32) -> u32 {
    super::exports::ADDRESS << 24 | bytes
}

/// A place among the texts.
const fn text_at(bytes: u32) -> u32 {
    at(TEXTS_AT + bytes)
}

/// A content type that is there, and a schema that is not.
const BYTES: [u32; 6] = [1, text_at(14), 24, 0, 0, 0];

/// The address of a manifest, and the manifest without its texts.
#[rustfmt::skip]
pub const RECORDS: [u32; 43] = [
    at(0),
    // The manifest: who made it, and its services.
    text_at(0), 4, at(16), 1,
    // The service: its name, its kind, its handlers, no documentation, no options.
    text_at(5), 4, 0, at(56), 1, 0, 0, 0, 0, 0,
    // The handler: its name, its mode, its input and output, no documentation, its options.
    text_at(10), 3, 0,
    BYTES[0], BYTES[1], BYTES[2], BYTES[3], BYTES[4], BYTES[5],
    BYTES[0], BYTES[1], BYTES[2], BYTES[3], BYTES[4], BYTES[5],
    0, 0, 0, at(136), 2,
    // The options: one attempt, and then it is over.
    text_at(40), 18, text_at(59), 1,
    text_at(61), 21, text_at(83), 4,
];
