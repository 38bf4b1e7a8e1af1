//! Which invocations may have lines: a few bits per invocation, so that a purge of one without any is free.

use abide_core::ids::InvocationId;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// 128 KiB; with a hundred thousand invocations that have lines, one in ten others is looked for in vain.
const BITS: usize = 1 << 20;

pub struct Marks {
    words: Box<[AtomicU64]>,
    /// Every invocation that has lines is marked.
    are_complete: AtomicBool,
}

impl Marks {
    /// Everybody may have lines, until [`Marks::are_complete`].
    pub fn all() -> Self {
        let words = (0..BITS / 64).map(|_| AtomicU64::new(0)).collect();
        Self { words, are_complete: AtomicBool::new(false) }
    }

    /// From now on those without a mark have no lines.
    pub fn are_complete(&self) {
        self.are_complete.store(true, Ordering::Release);
    }

    pub fn set(&self, invocation: InvocationId) {
        let (word, bit) = self.place(invocation);
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    pub fn may_have(&self, invocation: InvocationId) -> bool {
        let (word, bit) = self.place(invocation);
        !self.are_complete.load(Ordering::Acquire) || word.load(Ordering::Relaxed) & bit != 0
    }

    fn place(&self, invocation: InvocationId) -> (&AtomicU64, u64) {
        let mut hasher = DefaultHasher::new();
        invocation.hash(&mut hasher);
        let bit = hasher.finish() as usize % BITS;
        (&self.words[bit / 64], 1 << (bit % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_with_lines_is_missed() {
        let id = |unique| InvocationId { unique, partition_key: 7 };
        let marks = Marks::all();
        assert!(marks.may_have(id(1)), "nothing is known yet");
        (0..1_000).for_each(|unique| marks.set(id(unique)));
        marks.are_complete();
        assert!((0..1_000).all(|unique| marks.may_have(id(unique))));
        let others = (1_000..2_000).filter(|unique| marks.may_have(id(*unique))).count();
        assert!(others < 20, "{others} of a thousand are looked for in vain");
    }
}
