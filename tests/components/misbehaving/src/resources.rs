//! Using up processor, memory, stack and log.

use std::hint::black_box;

use abide_sdk::prelude::*;

/// What is allocated, and touched, at once.
const PIECE_BYTES: usize = 1024 * 1024;

pub(crate) fn spin() -> HandlerResult<()> {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

pub(crate) fn allocate_forever() -> HandlerResult<()> {
    let mut hoard = Vec::new();
    loop {
        hoard.push(black_box(vec![1_u8; PIECE_BYTES]));
    }
}

/// Not a tail call, and with a frame of its own.
#[allow(unconditional_recursion)]
pub(crate) fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    recurse(depth + 1) + black_box(frame)[7]
}

pub(crate) fn trap() -> HandlerResult<()> {
    #[cfg(target_family = "wasm")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_family = "wasm"))]
    std::process::abort();
}

pub(crate) fn text_of(bytes: u64) -> String {
    "x".repeat(bytes as usize)
}

pub(crate) fn flood(lines: u64) {
    let line = "log ".repeat(256);
    for n in 0..lines {
        println!("{n} {line}");
    }
}
