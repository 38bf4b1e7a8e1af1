//! What the index keeps in memory.

use super::*;
use crate::batch::Fence;
use tempfile::TempDir;

/// For tests of those who read.
impl Index {
    /// Gives "key" a value that nobody can read, as a damaged leaf has them.
    pub fn spoil_pair(&self) {
        self.with(|handles| handles.pairs.insert(b"key", vec![u8::MAX]).map(drop)).unwrap();
    }

    /// As [`Index::spoil_pair`], an epoch.
    pub fn spoil_epoch(&self) {
        self.with(|handles| handles.meta.insert(epoch_key(1), vec![u8::MAX]).map(drop)).unwrap();
    }
}

#[test]
fn values_have_their_golden_bytes() {
    let blob = BlobRef { name: BlobName { sequence: 7, position: 2 }, bytes: 40_000, sha256: [9; 32] };
    let framed = Framed { head: Bytes::from_static(b"head"), blob, tail: Bytes::from_static(b"il") };
    let reference = "070000000000000002000000409c000000000000\
                     0909090909090909090909090909090909090909090909090909090909090909";
    let golden = [
        (Stored::Inline(Bytes::from_static(b"one")), "006f6e65".to_owned()),
        (Stored::Blob(blob), format!("01{reference}")),
        (Stored::Framed(framed), format!("02{reference}040000006865616402000000696c")),
    ];
    for (stored, expected) in golden {
        let bytes = encode_stored(&stored);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected, "{stored:?}");
        assert_eq!(decode_stored(&bytes).unwrap(), stored);
        if stored.blob().is_some() {
            assert!((0..bytes.len()).all(|cut| decode_stored(&bytes[..cut]).is_err()), "{stored:?}");
            assert!(decode_stored(&[&bytes[..], b"more"].concat()).is_err(), "{stored:?}");
        }
    }
}

/// In more than 900 leaves. Of each 256th of them the cache keeps at least one, however small it is.
const PAIRS: u32 = 120_000;
/// Of one scan, as listings have it.
const PAIRS_OF_A_SCAN: usize = 10;

fn misses(index: &Index) -> u64 {
    index.with(|handles| Ok(handles.pairs.stats().cache.cache_misses)).unwrap()
}

/// Scans everything in short parts, in one direction or the other; returns how many pairs there are.
fn scan_in_parts(index: &Index, is_ascending: bool) -> u32 {
    let (mut count, mut at) = (0, None::<Vec<u8>>);
    loop {
        let mut part = Vec::new();
        let mut read = |pairs: &mut dyn Iterator<Item = io::Result<(Vec<u8>, Stored)>>| {
            pairs.take(PAIRS_OF_A_SCAN).try_for_each(|pair| pair.map(|(key, _)| part.push(key)))
        };
        match (is_ascending, &at) {
            (true, at) => {
                let start = at.as_ref().map_or(Vec::new(), |last| [&last[..], &[0]].concat());
                index.range(&start, None, &mut read).unwrap();
            }
            (false, at) => {
                index.range_back(&[], at.as_deref().unwrap_or(&[u8::MAX]), &mut read).unwrap();
            }
        }
        count += u32::try_from(part.len()).unwrap();
        match part.pop() {
            Some(last) => at = Some(last),
            None => return count,
        }
    }
}

#[test]
fn what_short_scans_read_does_not_stay_in_memory() {
    let dir = TempDir::new().unwrap();
    let options = Options { cache_bytes: 1 << 20, ..Options::default() };
    let index = Index::open(dir.path(), &options).unwrap();
    let changes = (0..PAIRS).map(|number| {
        let value = Bytes::from(format!("{number:0>100}"));
        (number.to_be_bytes().to_vec(), Some(Stored::Inline(value)))
    });
    let entry = Entry::Batch { fence: Fence { partition: 0, epoch: 1 }, changes: changes.collect() };
    index.apply(std::iter::once(&Record { sequence: 1, entry })).unwrap();
    index.reopen().unwrap();
    for is_ascending in [true, false, true] {
        let before = misses(&index);
        assert_eq!(scan_in_parts(&index, is_ascending), PAIRS);
        let read_again = misses(&index) - before;
        assert!(
            read_again > u64::from(PAIRS) / FANOUT as u64 / 2,
            "{read_again} leaves, ascending: {is_ascending}"
        );
    }
}

/// What is on the disk when sled flushes between the changes of a pair and of the list of blobs.
#[test]
fn a_flush_at_any_moment_of_a_change_is_put_right_by_the_same_change() {
    let blob =
        |n| Stored::Blob(BlobRef { name: BlobName { sequence: n, position: 0 }, bytes: 9, sha256: [0; 32] });
    let values = [None, Some(Stored::Inline(Bytes::from_static(b"small"))), Some(blob(1)), Some(blob(2))];
    for (old, new) in values.iter().flat_map(|old| values.iter().map(move |new| (old, new))) {
        for steps in 0..3 {
            let dir = TempDir::new().unwrap();
            let index = Index::open(dir.path(), &Options::tiny()).unwrap();
            let record = |value: &Option<Stored>, sequence| {
                let changes = vec![(b"key".to_vec(), value.clone())];
                Record { sequence, entry: Entry::Batch { fence: Fence { partition: 0, epoch: 1 }, changes } }
            };
            index.apply(std::iter::once(&record(old, 1))).unwrap();
            // The steps of a change, as many as were flushed.
            index
                .with(|handles| {
                    let mut applied = Applied::default();
                    if steps > 0 {
                        unlist(handles, b"key", &mut applied)?;
                    }
                    match new {
                        Some(new) if steps > 1 => _ = handles.pairs.insert(b"key", encode_stored(new))?,
                        None if steps > 1 => _ = handles.pairs.remove(b"key")?,
                        _ => {}
                    }
                    Ok(())
                })
                .unwrap();
            index.close().unwrap();
            let index = Index::open(dir.path(), &Options::tiny()).unwrap();
            index.apply(std::iter::once(&record(new, 2))).unwrap();
            let verified = index.verify(&AtomicU64::new(0));
            assert!(verified.is_ok(), "{old:?} to {new:?}, {steps} steps: {verified:?}");
        }
    }
}
