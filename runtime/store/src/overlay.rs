//! Committed operations that the index does not have yet.
//!
//! They lie in layers, one on top of the other. What the index has goes layer by layer: to take out each key by itself
//! would take longer than to put it in, and everybody else waits meanwhile.
//!
//! Invariant: an entry leaves only after the index holds it, so overlay first, index second never misses a write. It may
//! stay for longer than that: it says the same as the index, or something newer says what holds.

use std::collections::{BTreeMap, VecDeque};
use std::iter::Peekable;
use std::ops::Bound;

use crate::batch::{Batch, Order, Sequence, Value};

/// A read looks into each of them.
const LAYERS_MAX: usize = 4;

/// What one key held after one batch; `None` is deleted.
type Version = (Sequence, Option<Value>);

pub struct Overlay {
    /// The newest one first, and always one.
    layers: VecDeque<Layer>,
}

/// What some batches wrote that were committed one after the other.
pub struct Layer {
    /// The last of them; beyond all others as long as there is none.
    last: Sequence,
    keys: BTreeMap<Vec<u8>, Versions>,
}

/// What the batches of a layer left at one key.
struct Versions {
    newest: Version,
    /// Older ones, the newest of them last. Most keys have none.
    older: Vec<Version>,
}

impl Default for Overlay {
    fn default() -> Self {
        Self { layers: VecDeque::from([Layer::empty()]) }
    }
}

impl Overlay {
    pub fn insert(&mut self, sequence: Sequence, batch: &Batch) {
        let layer = &mut self.layers[0];
        layer.last = sequence;
        for op in &batch.ops {
            let version = (sequence, op.value());
            match layer.keys.get_mut(op.key()) {
                Some(versions) => versions.push(version),
                None => {
                    layer.keys.insert(op.key().to_vec(), Versions { newest: version, older: Vec::new() });
                }
            }
        }
    }

    /// What is inserted from now on comes into a layer of its own, unless there are many.
    pub fn begin_layer(&mut self) {
        if self.layers.len() < LAYERS_MAX && !self.layers[0].keys.is_empty() {
            self.layers.push_front(Layer::empty());
        }
    }

    /// Takes out what the index has, now that it has the batch `applied` and older ones. To be dropped where nobody waits.
    #[must_use]
    pub fn take_applied(&mut self, applied: Sequence) -> Vec<Layer> {
        let newer = self.layers.iter().take_while(|layer| layer.last > applied).count();
        let taken = self.layers.drain(newer..).collect();
        if self.layers.is_empty() {
            self.layers.push_front(Layer::empty());
        }
        taken
    }

    /// Returns what the key holds as of `upto`; the outer `None` means: ask the index.
    pub fn get(&self, upto: Sequence, key: &[u8]) -> Option<Option<Value>> {
        self.layers.iter().find_map(|layer| layer.keys.get(key)?.as_of(upto))
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
        let spans = self
            .layers
            .iter()
            .map(|layer| layer.keys.range::<[u8], _>((Bound::Included(start), Bound::Excluded(end))));
        match order {
            Order::Ascending => take_live(spans.map(Iterator::peekable).collect(), upto, order, limit),
            Order::Descending => {
                take_live(spans.map(|span| span.rev().peekable()).collect(), upto, order, limit)
            }
        }
    }

    /// Returns how many entries there are; a key has one in each layer.
    pub fn len(&self) -> usize {
        self.layers.iter().map(|layer| layer.keys.len()).sum()
    }
}

impl Layer {
    fn empty() -> Self {
        Self { last: Sequence::MAX, keys: BTreeMap::new() }
    }
}

impl Versions {
    fn push(&mut self, version: Version) {
        let before = std::mem::replace(&mut self.newest, version);
        // Two operations on one key in one batch: the later one is what the batch leaves behind.
        if before.0 != self.newest.0 {
            self.older.push(before);
        }
    }

    fn as_of(&self, upto: Sequence) -> Option<Option<Value>> {
        let mut newest_first = std::iter::once(&self.newest).chain(self.older.iter().rev());
        newest_first.find(|(at, _)| *at <= upto).map(|(_, value)| value.clone())
    }
}

/// Goes through the layers together, the newest one first.
fn take_live<'a>(
    mut layers: Vec<Peekable<impl Iterator<Item = (&'a Vec<u8>, &'a Versions)>>>,
    upto: Sequence,
    order: Order,
    limit: usize,
) -> Vec<(Vec<u8>, Option<Value>)> {
    let mut found = Vec::new();
    let mut live = 0;
    while live < limit
        && let Some(key) = next_key(&mut layers, order)
    {
        let mut value = None;
        for layer in &mut layers {
            if let Some((_, versions)) = layer.next_if(|(at, _)| *at == key) {
                value = value.or_else(|| versions.as_of(upto));
            }
        }
        let Some(value) = value else { continue };
        live += usize::from(value.is_some());
        found.push((key.clone(), value));
    }
    found
}

fn next_key<'a>(
    layers: &mut [Peekable<impl Iterator<Item = (&'a Vec<u8>, &'a Versions)>>],
    order: Order,
) -> Option<&'a Vec<u8>> {
    let keys = layers.iter_mut().filter_map(|layer| layer.peek().map(|(key, _)| *key));
    keys.reduce(|first, key| if order.is_before(key, first) { key } else { first })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Fence, Op};
    use bytes::Bytes;

    fn batch() -> Batch {
        Batch { fence: Fence { partition: 0, epoch: 1 }, ops: Vec::new() }
    }

    /// All that was ever committed, and an index that follows.
    #[derive(Default)]
    struct World {
        overlay: Overlay,
        batches: Vec<Batch>,
        applied: Sequence,
        random: u64,
    }

    impl World {
        fn below(&mut self, end: u64) -> u64 {
            self.random =
                self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.random >> 33) % end
        }

        fn commit(&mut self) {
            let mut batch = batch();
            for _ in 0..1 + self.below(3) {
                let key = vec![u8::try_from(self.below(6)).expect("it is below 6")];
                batch.ops.push(match self.below(3) {
                    0 => Op::Delete { key },
                    _ => Op::Put { key, value: Bytes::from(self.batches.len().to_string()) },
                });
            }
            self.batches.push(batch);
            self.overlay.insert(self.batches.len() as u64, self.batches.last().expect("it was just pushed"));
        }

        fn apply(&mut self) {
            self.overlay.begin_layer();
            self.applied += self.below(self.batches.len() as u64 - self.applied + 1);
            drop(self.overlay.take_applied(self.applied));
        }

        /// Returns what holds as of a batch.
        fn as_of(&self, upto: Sequence) -> BTreeMap<Vec<u8>, Bytes> {
            let mut pairs = BTreeMap::new();
            for op in self
                .batches
                .iter()
                .take(usize::try_from(upto).expect("few batches"))
                .flat_map(|batch| &batch.ops)
            {
                match op.value() {
                    Some(value) => pairs.insert(op.key().to_vec(), value.into_whole()),
                    None => pairs.remove(op.key()),
                };
            }
            pairs
        }

        fn read(&self, upto: Sequence, order: Order, limit: usize) -> Vec<(Vec<u8>, Bytes)> {
            let over = self.overlay.range(upto, (&[1], &[5]), order, limit);
            let over = over.into_iter().map(|(key, value)| (key, value.map(Value::into_whole))).collect();
            let index = self.as_of(self.applied);
            let under =
                index.range(vec![1]..vec![5]).map(|(key, value)| Ok::<_, ()>((key.clone(), value.clone())));
            let merged = match order {
                Order::Ascending => merge(over, under, order, limit),
                Order::Descending => merge(over, under.rev(), order, limit),
            };
            merged.expect("nothing fails")
        }

        fn check(&self) {
            for upto in self.applied..=self.batches.len() as u64 {
                let (index, truth) = (self.as_of(self.applied), self.as_of(upto));
                for key in (0..6).map(|key| vec![key]) {
                    let over = self.overlay.get(upto, &key).map(|value| value.map(Value::into_whole));
                    assert_eq!(over.unwrap_or_else(|| index.get(&key).cloned()), truth.get(&key).cloned());
                }
                for limit in 0..6 {
                    let up: Vec<_> =
                        truth.clone().into_iter().filter(|(key, _)| (1..5).contains(&key[0])).collect();
                    let down = up.iter().rev().take(limit).cloned().collect::<Vec<_>>();
                    assert_eq!(self.read(upto, Order::Ascending, limit), up[..limit.min(up.len())]);
                    assert_eq!(self.read(upto, Order::Descending, limit), down);
                }
            }
        }
    }

    #[test]
    fn layers_over_an_index_say_what_holds_at_every_batch() {
        for random in 0..40 {
            let mut world = World { random, ..World::default() };
            for _ in 0..40 {
                match world.below(4) {
                    0 => world.apply(),
                    _ => world.commit(),
                }
                assert!(world.overlay.layers.len() <= LAYERS_MAX);
                world.check();
            }
            world.applied = world.batches.len() as u64;
            drop(world.overlay.take_applied(world.applied));
            assert_eq!(
                world.overlay.len(),
                0,
                "it keeps nothing that the index has when nothing is left to apply"
            );
        }
    }

    #[test]
    fn a_layer_goes_without_what_was_committed_after_it() {
        let mut overlay = Overlay::default();
        let mut batch = batch();
        batch.ops.push(Op::Put { key: b"a".to_vec(), value: Bytes::from_static(b"1") });
        overlay.insert(1, &batch);
        overlay.begin_layer();
        overlay.insert(2, &batch);
        assert_eq!(overlay.take_applied(1).len(), 1);
        assert_eq!(overlay.len(), 1);
        assert!(overlay.get(1, b"a").is_none() && overlay.get(2, b"a").is_some());
    }
}
