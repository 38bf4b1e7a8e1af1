//! Numbered batches that follow from a seed, and a map that knows what the store must hold after each.

use std::collections::BTreeMap;

use abide_store::disk::sim::Random;
use abide_store::{Error, Fence, Op, Store, View};
use bytes::Bytes;

/// The first and the last key of the small pairs: every batch writes its number to both.
pub const HEAD: &[u8] = b"k/!";
pub const TAIL: &[u8] = b"k/~";
pub const SMALL_START: &[u8] = b"k/";
pub const SMALL_END: &[u8] = b"k0";
pub const PARTITION: u16 = 3;
const KEYS: u64 = 400;
const SMALL_MAX: u64 = 900;
const BLOB_MIN: u64 = 1_100;
const BLOB_MAX: u64 = 40_000;
const HUGE_MAX: u64 = 16 * 1024 * 1024;

/// What the batches look like.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    pub seed: u64,
    /// One batch in so many has a value of up to 16 MiB; 0 is none.
    pub huge_one_in: u64,
}

impl Workload {
    /// Returns the keys that batch `number` changes, with the size of the new value.
    fn changes(&self, number: u64) -> Vec<(Vec<u8>, Option<usize>)> {
        let mut random = Random::new(self.seed ^ number.wrapping_mul(0x5851_f42d_4c95_7f2d));
        let mut changes = vec![(HEAD.to_vec(), Some(8)), (TAIL.to_vec(), Some(8))];
        for _ in 0..random.below(9) {
            let key = format!("k/{:04}", random.below(KEYS)).into_bytes();
            changes.push((key, (!random.one_in(3)).then(|| random.below(SMALL_MAX) as usize)));
        }
        if random.one_in(6) {
            let key = format!("b/{:02}", random.below(24)).into_bytes();
            let bytes = BLOB_MIN + random.below(BLOB_MAX);
            changes.push((key, (!random.one_in(3)).then_some(bytes as usize)));
        }
        if self.huge_one_in > 0 && number.is_multiple_of(self.huge_one_in) {
            changes.push((
                format!("b/huge/{}", random.below(3)).into_bytes(),
                Some(random.below(HUGE_MAX) as usize),
            ));
        }
        changes
    }

    pub fn ops(&self, number: u64) -> Vec<Op> {
        let op = |(key, bytes): (Vec<u8>, Option<usize>)| match bytes {
            Some(bytes) if bytes as u64 >= BLOB_MIN && number.is_multiple_of(2) => {
                let value = value(number, &key, bytes);
                let pieces = [value.slice(..8), value.slice(8..bytes - 1), value.slice(bytes - 1..)];
                Op::PutPieces { key, pieces: pieces.into() }
            }
            Some(bytes) => Op::Put { value: value(number, &key, bytes), key },
            None => Op::Delete { key },
        };
        self.changes(number).into_iter().map(op).collect()
    }
}

/// Returns the value that batch `number` gives to `key`.
fn value(number: u64, key: &[u8], bytes: usize) -> Bytes {
    if bytes == 8 {
        return Bytes::copy_from_slice(&number.to_be_bytes());
    }
    let hash = key.iter().fold(number, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    let mut random = Random::new(hash);
    let mut out = Vec::with_capacity(bytes + 8);
    while out.len() < bytes {
        out.extend_from_slice(&random.draw().to_le_bytes());
    }
    out.truncate(bytes);
    out.into()
}

/// What must be there.
pub struct Model {
    workload: Workload,
    pub applied: u64,
    pairs: BTreeMap<Vec<u8>, (u64, usize)>,
}

impl Model {
    pub fn new(workload: Workload) -> Model {
        Model { workload, applied: 0, pairs: BTreeMap::new() }
    }

    /// Applies every batch up to and with `number`.
    pub fn advance(&mut self, number: u64) {
        while self.applied < number {
            self.applied += 1;
            for (key, bytes) in self.workload.changes(self.applied) {
                match bytes {
                    Some(bytes) => self.pairs.insert(key, (self.applied, bytes)),
                    None => self.pairs.remove(&key),
                };
            }
        }
    }

    /// Compares everything; `acked` is the newest batch the store had called durable.
    pub fn check(&mut self, store: &dyn Store, acked: u64) -> Result<(), String> {
        let number = newest(store, View::Durable).map_err(|error| error.to_string())?;
        if number < acked {
            return Err(format!("batch {acked} was acknowledged, the store ends with {number}"));
        }
        if number < self.applied {
            return Err(format!(
                "batch {} was there after an earlier recovery, now {number} is the last",
                self.applied
            ));
        }
        self.advance(number);
        let everything =
            store.scan(View::Durable, b"", b"\xff", usize::MAX).map_err(|error| error.to_string())?;
        let small = store
            .scan(View::Latest, SMALL_START, SMALL_END, usize::MAX)
            .map_err(|error| error.to_string())?;
        self.compare(everything, (b"", b"\xff"))?;
        self.compare(small, (SMALL_START, SMALL_END))
    }

    fn compare(&self, found: Vec<(Vec<u8>, Bytes)>, (start, end): (&[u8], &[u8])) -> Result<(), String> {
        let number = self.applied;
        let expected: Vec<_> = self.pairs.range(start.to_vec()..end.to_vec()).map(|(key, _)| key).collect();
        if !found.iter().map(|(key, _)| key).eq(expected.iter().copied()) {
            return Err(format!("after batch {number}: {} keys, expected {}", found.len(), expected.len()));
        }
        for (key, found) in found {
            let (from, bytes) = self.pairs[&key];
            if found != value(from, &key, bytes) {
                return Err(format!(
                    "after batch {number}: key {} is not from batch {from}",
                    key.escape_ascii()
                ));
            }
        }
        Ok(())
    }
}

/// Returns the number of the newest batch, 0 for an empty store.
pub fn newest(store: &dyn Store, view: View) -> Result<u64, Error> {
    Ok(store
        .get(view, HEAD)?
        .map_or(0, |value| u64::from_be_bytes(value[..].try_into().expect("eight bytes"))))
}

/// Commits batch `number`; of every second one the caller does the sync, when it is quick. Of every second one of the others
/// the large values are set apart before.
pub fn commit(store: &dyn Store, workload: Workload, fence: Fence, number: u64) -> Result<u64, Error> {
    let mut ops = workload.ops(number);
    if number.is_multiple_of(4) {
        set_apart(store, &mut ops)?;
    }
    let batch = abide_store::Batch { fence, ops };
    if number.is_multiple_of(2) {
        return store.commit(batch);
    }
    let sequence = store.commit_quietly(batch)?;
    store.push(sequence);
    Ok(sequence)
}

/// Puts the large pieces of values on the disk before their batch.
fn set_apart(store: &dyn Store, ops: &mut [Op]) -> Result<(), Error> {
    for op in ops {
        let Op::PutPieces { pieces, .. } = op else { continue };
        let [head, large, tail] = &pieces[..] else { continue };
        *pieces = [head.clone(), store.set_apart(large.clone())?, tail.clone()].into();
    }
    Ok(())
}

/// Checks that a scan sees whole batches only.
pub fn check_whole(store: &dyn Store, view: View) -> Result<(), String> {
    let found = match store.scan(view, SMALL_START, SMALL_END, usize::MAX) {
        Ok(found) => found,
        // The disk is gone; what was found so far is checked by the recovery.
        Err(_) => return Ok(()),
    };
    match (found.first(), found.last()) {
        (None, None) => Ok(()),
        (Some((head, first)), Some((tail, last))) if head == HEAD && tail == TAIL && first == last => Ok(()),
        _ => Err("a scan saw half a batch".to_string()),
    }
}
