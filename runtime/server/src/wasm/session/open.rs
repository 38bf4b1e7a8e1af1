//! Operations that are open: a bit for each of the journal, because all of them come and go by here.

use abide_core::ids::OpId;

/// A set of operations, in their order.
#[derive(Clone, Debug, Default)]
pub struct Open {
    words: Vec<u64>,
    len: usize,
}

impl Open {
    pub fn insert(&mut self, op: OpId) {
        let (word, bit) = place(op);
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.len += usize::from(self.words[word] & bit == 0);
        self.words[word] |= bit;
    }

    pub fn remove(&mut self, op: OpId) {
        let (word, bit) = place(op);
        if let Some(word) = self.words.get_mut(word) {
            self.len -= usize::from(*word & bit != 0);
            *word &= !bit;
        }
    }

    pub fn contains(&self, op: OpId) -> bool {
        let (word, bit) = place(op);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns them in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = OpId> {
        (0..).zip(&self.words).flat_map(|(nth, word)| {
            let bits = (0..u64::BITS).filter(move |bit| word >> bit & 1 == 1);
            bits.map(move |bit| nth * u64::BITS + bit)
        })
    }
}

/// Returns the word of an operation, and its bit there.
fn place(op: OpId) -> (usize, u64) {
    ((op / u64::BITS) as usize, 1 << (op % u64::BITS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha12Rng;
    use std::collections::BTreeSet;

    #[test]
    fn it_is_a_set_in_order() {
        let mut rng = ChaCha12Rng::seed_from_u64(1);
        let (mut open, mut model) = (Open::default(), BTreeSet::new());
        for _ in 0..2_000 {
            let op = rng.random_range(0..300);
            if rng.random_range(0..3) == 0 {
                open.insert(op);
                model.insert(op);
            } else {
                open.remove(op);
                model.remove(&op);
            }
            let other = rng.random_range(0..400);
            assert_eq!(open.contains(other), model.contains(&other));
            assert_eq!((open.len(), open.is_empty()), (model.len(), model.is_empty()));
            assert!(open.iter().eq(model.iter().copied()));
        }
    }
}
