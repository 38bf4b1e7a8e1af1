//! Committed operations that the index does not have yet, newest last for each key.
//!
//! Invariant: an entry leaves only after the index holds it, so overlay first, index second never misses a write.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use crate::batch::{Batch, Order, Sequence, Value};

/// What one key held after one batch; `None` is deleted.
type Version = (Sequence, Option<Value>);

#[derive(Default)]
pub struct Overlay {
    keys: BTreeMap<Vec<u8>, VecDeque<Version>>,
}

impl Overlay {
    pub fn insert(&mut self, sequence: Sequence, batch: &Batch) {
        for op in &batch.ops {
            let versions = self.keys.entry(op.key().to_vec()).or_default();
            // Two operations on one key in one batch: the later one is what the batch leaves behind.
            if versions.back().is_some_and(|(at, _)| *at == sequence) {
                versions.pop_back();
            }
            versions.push_back((sequence, op.value()));
        }
    }

    /// Forgets what the batch `sequence` and older ones wrote to `keys`: the index has it now.
    pub fn remove_applied<'a>(&mut self, sequence: Sequence, keys: impl Iterator<Item = &'a [u8]>) {
        for key in keys {
            let Some(versions) = self.keys.get_mut(key) else { continue };
            while versions.front().is_some_and(|(at, _)| *at <= sequence) {
                versions.pop_front();
            }
            if versions.is_empty() {
                self.keys.remove(key);
            }
        }
    }

    /// Returns what the key holds as of `upto`; the outer `None` means: ask the index.
    pub fn get(&self, upto: Sequence, key: &[u8]) -> Option<Option<Value>> {
        newest(self.keys.get(key)?, upto)
    }

    /// Returns the keys of `start..end` with what they hold as of `upto`, deleted ones too, until `limit` of them hold
    /// a value. A merge with the index needs nothing behind that: it has its `limit` pairs by then.
    pub fn range(
        &self,
        upto: Sequence,
        (start, end): (&[u8], &[u8]),
        order: Order,
        limit: usize,
    ) -> Vec<(Vec<u8>, Option<Value>)> {
        if start >= end {
            return Vec::new();
        }
        let span = self.keys.range::<[u8], _>((Bound::Included(start), Bound::Excluded(end)));
        match order {
            Order::Ascending => take_live(span, upto, limit),
            Order::Descending => take_live(span.rev(), upto, limit),
        }
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }
}

fn newest(versions: &VecDeque<Version>, upto: Sequence) -> Option<Option<Value>> {
    versions.iter().rev().find(|(at, _)| *at <= upto).map(|(_, value)| value.clone())
}

fn take_live<'a>(
    versions: impl Iterator<Item = (&'a Vec<u8>, &'a VecDeque<Version>)>,
    upto: Sequence,
    limit: usize,
) -> Vec<(Vec<u8>, Option<Value>)> {
    let mut found = Vec::new();
    let mut live = 0;
    for (key, versions) in versions {
        if live == limit {
            break;
        }
        let Some(value) = newest(versions, upto) else { continue };
        live += usize::from(value.is_some());
        found.push((key.clone(), value));
    }
    found
}

/// Merges what the overlay says over the pairs of the index, both in this order; stops at `limit` pairs.
pub fn merge<V, E>(
    overlay: Vec<(Vec<u8>, Option<V>)>,
    index: impl Iterator<Item = Result<(Vec<u8>, V), E>>,
    order: Order,
    limit: usize,
) -> Result<Vec<(Vec<u8>, V)>, E> {
    if overlay.is_empty() {
        return index.take(limit).collect();
    }
    let mut merged = Vec::new();
    let mut overlay = overlay.into_iter().peekable();
    let mut index = index.peekable();
    while merged.len() < limit {
        let index_key = match index.peek() {
            Some(Ok((key, _))) => Some(key),
            Some(Err(_)) => {
                return Err(index.next().expect("peeked").map(|_| ()).expect_err("peeked an error"));
            }
            None => None,
        };
        let overlay_first = match (overlay.peek(), index_key) {
            (None, None) => break,
            (None, Some(_)) => false,
            (Some(_), None) => true,
            (Some((over, _)), Some(under)) => {
                if over == under {
                    index.next();
                    continue;
                }
                order.is_before(over, under)
            }
        };
        if overlay_first {
            let (key, value) = overlay.next().expect("peeked");
            merged.extend(value.map(|value| (key, value)));
        } else if let Some(pair) = index.next() {
            merged.push(pair?);
        }
    }
    Ok(merged)
}
