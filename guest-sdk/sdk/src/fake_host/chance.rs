//! Events by chance: whatever can happen next may happen, as the seed decides, and what a replay
//! would deliver is written down.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_traits::RngExt;

use crate::bindings::types::OpId;

/// What is still to happen to an operation.
#[derive(Clone, Copy)]
pub(super) enum Next {
    Execute,
    Complete,
}

pub(super) struct Chance {
    random: ChaCha8Rng,
    open: BTreeMap<OpId, Next>,
    is_cancelled: bool,
    journal: Vec<String>,
}

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        let random = ChaCha8Rng::seed_from_u64(seed);
        Self { random, open: BTreeMap::new(), is_cancelled: false, journal: Vec::new() }
    }

    pub(super) fn open(&mut self, op: OpId, next: Next) {
        self.open.insert(op, next);
    }

    pub(super) fn forget(&mut self, op: OpId) {
        self.open.remove(&op);
    }

    /// Returns the events so far, without those that a replay does not repeat.
    pub(super) fn into_journal(self) -> String {
        self.journal.join("\n")
    }

    /// Makes something happen; none when nothing can.
    pub(super) fn next(&mut self) -> Option<String> {
        if !self.open.is_empty() && !self.is_cancelled && self.random.random_ratio(1, 30) {
            self.is_cancelled = true;
            self.journal.push("cancelled".to_owned());
            return self.journal.last().cloned();
        }
        let index = self.random.random_range(0..self.open.len().max(1));
        let (op, next) = self.open.iter_mut().nth(index)?;
        let op = *op;
        if let Next::Execute = next {
            *next = Next::Complete;
            return Some(format!("execute {op}"));
        }
        self.open.remove(&op);
        self.journal.push(match self.random.random_range(0..8_u32) {
            0 => format!("failure {op} 500 broken"),
            number => format!("value {op} {number}"),
        });
        self.journal.last().cloned()
    }
}
