//! The index: sled, which holds what the log says, ready to be read. It may lose anything it has not flushed.
//!
//! What sled 1.0.0-alpha.124 makes us do: handles are not `Sync`, so they come from a pool; `apply_batch` deadlocks with
//! `remove` and never merges leaves, so operations are applied one by one; bounded ranges read to the end of the tree, so
//! scans are open-ended and stop themselves; the cache does not learn what a short scan reads, and would keep it for
//! good, so scans tell it; written leaves are never evicted, so the index is opened anew now and then (`renew`);
//! after a failed flush every later one hangs, also in `drop`, so broken handles are leaked; it panics, so calls are caught.

mod guard;
mod names;
mod renew;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use sled::InlineArray;

use crate::batch::{Fence, Sequence};
use crate::blobs::{BlobName, BlobRef, Framed};
use crate::error::Error;
use crate::faults::{self, Site};
use crate::log::record::{Change, Entry, Record, Stored};
use crate::options::{OnFlushed, Options};

pub use names::{present, settle};

/// Entries of one leaf. Fixed when the index is created.
const FANOUT: usize = 128;
/// Pairs of a scan after which sled's cache is told of the leaf: more often than one leaf has pairs.
const TELL_CACHE_EVERY: usize = FANOUT / 4;
const ZSTD_LEVEL: i32 = 1;
/// sled flushes when we say so. `None` would flush on every dropped handle.
const FLUSH_NEVER_MS: usize = 1_000_000_000;
/// A closed index gives its folder back a moment after the last handle is dropped.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(5);

const META_TREE: &[u8] = b"meta";
const BLOBS_TREE: &[u8] = b"blobs";
const APPLIED: &[u8] = b"applied";
const EPOCH: &[u8] = b"epoch/";
const TAG_INLINE: u8 = 0;
const TAG_BLOB: u8 = 1;
const TAG_FRAMED: u8 = 2;

#[derive(Clone)]
struct Handles {
    pairs: sled::Db<FANOUT>,
    meta: sled::Tree<FANOUT>,
    blobs: sled::Tree<FANOUT>,
}

/// sled, open, with handles for as many threads as use it at the same time.
struct Pool {
    /// Where its files are: the folder of the index, or its other name.
    dir: PathBuf,
    /// Boxed: they are large, and each read takes one and gives it back.
    idle: Mutex<Vec<Box<Handles>>>,
}

/// What applying a record did.
#[derive(Default)]
pub struct Applied {
    /// Blobs that no key refers to any more.
    pub unreferenced: Vec<BlobName>,
    pub blobs_added: i64,
    pub blob_bytes_added: i64,
}

pub struct Index {
    dir: PathBuf,
    cache_bytes: u64,
    /// `None` while closed. Whoever uses it holds it, not the lock: the lock makes them wait while there is none.
    pool: RwLock<Option<Arc<Pool>>>,
    /// Whoever changes something has it, and whoever needs that nobody does.
    changing: Mutex<()>,
    bytes_since_open: AtomicU64,
    /// A call failed. sled is not touched again, not even to drop it: after a failed flush that would hang.
    is_broken: AtomicBool,
    on_flushed: Option<OnFlushed>,
}

impl Index {
    pub fn open(dir: &Path, options: &Options) -> Result<Index, Error> {
        let handles = open_handles(dir, options.cache_bytes)?;
        let index = Index {
            dir: dir.to_path_buf(),
            cache_bytes: options.cache_bytes,
            pool: RwLock::new(Some(Pool::new(dir, handles))),
            changing: Mutex::new(()),
            bytes_since_open: AtomicU64::new(0),
            is_broken: AtomicBool::new(false),
            on_flushed: options.on_index_flushed.clone(),
        };
        index.check()?;
        Ok(index)
    }

    /// Reads a little of everything, so that a broken index is noticed while it can still be rebuilt.
    fn check(&self) -> Result<(), Error> {
        self.read(|handles| {
            handles.pairs.first()?;
            handles.pairs.last()?;
            handles.meta.get(APPLIED)?;
            Ok(())
        })
    }

    /// Reads everything; finds leaves that are damaged and references that do not agree with the list of blobs.
    pub fn verify(&self, progress: &AtomicU64) -> Result<(), Error> {
        let mut referenced = BTreeSet::new();
        self.range(&[], None, |pairs| {
            for pair in pairs {
                referenced.extend(pair?.1.blob().map(|blob| blob.name));
                progress.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        })?;
        if self.blobs()?.0 != referenced {
            return Err(Error::Index { why: "its list of blobs does not agree with its pairs".into() });
        }
        Ok(())
    }

    /// Runs `work` with a handle of its own; an error or a panic of sled becomes ours.
    fn with<T>(&self, work: impl FnOnce(&Handles) -> io::Result<T>) -> Result<T, Error> {
        let pool = self.pool.read().clone();
        let pool = pool.ok_or_else(|| Error::Stopped { reason: "it was closed".into() })?;
        let handles = {
            let mut idle = pool.idle.lock();
            let is_last = idle.len() == 1;
            // The last one stays, so that there is always one to clone.
            if is_last { idle[0].clone() } else { idle.pop().expect("a pool is never empty") }
        };
        let result = caught(|| work(&handles));
        match result {
            Ok(_) => pool.idle.lock().push(handles),
            Err(_) => {
                self.is_broken.store(true, Ordering::SeqCst);
                std::mem::forget(handles);
            }
        }
        result
    }

    /// Reads with a handle of its own; every read goes through here.
    fn read<T>(&self, work: impl FnOnce(&Handles) -> io::Result<T>) -> Result<T, Error> {
        self.with(|handles| faults::around(Site::IndexRead, || work(handles)))
    }

    /// Changes something; every change goes through here.
    fn change<T>(&self, work: impl FnOnce(&Handles) -> io::Result<T>) -> Result<T, Error> {
        let _changing = self.changing.lock();
        self.with(work)
    }

    pub fn get(&self, key: &[u8]) -> Result<Option<Stored>, Error> {
        self.read(|handles| handles.pairs.get(key)?.map(|value| decode_stored(&value)).transpose())
    }

    /// Hands an ascending iterator over the pairs from `start` to `read`; it ends before `end`.
    pub fn range<T>(
        &self,
        start: &[u8],
        end: Option<&[u8]>,
        read: impl FnOnce(&mut dyn Iterator<Item = io::Result<(Vec<u8>, Stored)>>) -> io::Result<T>,
    ) -> Result<T, Error> {
        self.read(|handles| {
            let mut pairs = handles
                .pairs
                .range(start.to_vec()..)
                .take_while(|pair| {
                    pair.as_ref().map_or(true, |(key, _)| end.is_none_or(|end| &key[..] < end))
                })
                .enumerate()
                .map(|(nth, pair)| read_pair(handles, nth, pair?));
            read(&mut pairs)
        })
    }

    /// Hands a descending iterator over the pairs of `start..end` to `read`.
    pub fn range_back<T>(
        &self,
        start: &[u8],
        end: &[u8],
        read: impl FnOnce(&mut dyn Iterator<Item = io::Result<(Vec<u8>, Stored)>>) -> io::Result<T>,
    ) -> Result<T, Error> {
        self.read(|handles| {
            // From the end sled stops at the start by itself, unlike the other way round.
            let mut pairs = handles
                .pairs
                .range(start.to_vec()..end.to_vec())
                .rev()
                .enumerate()
                .map(|(nth, pair)| read_pair(handles, nth, pair?));
            read(&mut pairs)
        })
    }

    /// Applies records that follow each other, of each key the last change only. Idempotent, because every change is
    /// absolute.
    pub fn apply<'a>(&self, records: impl DoubleEndedIterator<Item = &'a Record>) -> Result<Applied, Error> {
        faults::between(Site::IndexApply, || self.apply_now(records))
    }

    fn apply_now<'a>(&self, records: impl DoubleEndedIterator<Item = &'a Record>) -> Result<Applied, Error> {
        let mut bytes = 0;
        let applied = self.change(|handles| {
            let mut applied = Applied::default();
            // Names that this adds are of other keys.
            let are_blobs_listed = !handles.blobs.is_empty()?;
            let (mut changed, mut fenced) = (HashSet::new(), HashSet::new());
            for record in records.rev() {
                match &record.entry {
                    Entry::Batch { changes, .. } => {
                        bytes +=
                            apply_changes(handles, changes, are_blobs_listed, &mut changed, &mut applied)?;
                    }
                    Entry::Epoch(fence) if fenced.insert(fence.partition) => note_epoch(handles, *fence)?,
                    Entry::Epoch(_) | Entry::Mark => {}
                }
            }
            Ok(applied)
        })?;
        self.bytes_since_open.fetch_add(bytes, Ordering::Relaxed);
        Ok(applied)
    }

    /// Puts a pair of a snapshot in, the value as [`encode_stored`] wrote it.
    pub fn load(&self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.change(|handles| {
            let stored = decode_stored(value)?;
            handles.pairs.insert(key, value.to_vec())?;
            list(handles, Some(&stored), &mut Applied::default())
        })?;
        self.bytes_since_open.fetch_add((key.len() + value.len()) as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Returns a sequence up to which everything is applied. A lower bound: some later changes may be there too.
    pub fn applied(&self) -> Result<Sequence, Error> {
        self.read(|handles| handles.meta.get(APPLIED)?.map_or(Ok(0), |value| decode_u64(&value)))
    }

    pub fn set_applied(&self, sequence: Sequence) -> Result<(), Error> {
        faults::between(Site::IndexMark, || {
            self.change(|handles| handles.meta.insert(APPLIED, sequence.to_le_bytes().to_vec()).map(drop))
        })
    }

    /// Returns the newest epoch of every partition.
    pub fn epochs(&self) -> Result<HashMap<u16, u64>, Error> {
        self.read(|handles| {
            let mut epochs = HashMap::new();
            for pair in handles.meta.range(EPOCH.to_vec()..) {
                let (key, value) = pair?;
                let Some(partition) = key.strip_prefix(EPOCH) else { break };
                let partition = partition.try_into().map_err(|_| invalid("the key of an epoch"))?;
                epochs.insert(u16::from_be_bytes(partition), decode_u64(&value)?);
            }
            Ok(epochs)
        })
    }

    pub fn set_epoch(&self, fence: Fence) -> Result<(), Error> {
        self.change(|handles| note_epoch(handles, fence))
    }

    /// Returns every blob that a key refers to, and their bytes together.
    pub fn blobs(&self) -> Result<(BTreeSet<BlobName>, u64), Error> {
        self.read(|handles| {
            let (mut names, mut bytes) = (BTreeSet::new(), 0u64);
            for pair in handles.blobs.range(Vec::new()..) {
                let (key, value) = pair?;
                names.insert(BlobName::decode(&key).ok_or_else(|| invalid("the name of a blob"))?);
                bytes = bytes.saturating_add(decode_u64(&value)?);
            }
            Ok((names, bytes))
        })
    }
}

/// Reads what a scan came to. A handle tells the cache of 32 leaves at a time, and those of a scan have a handle that
/// goes with them: reading one pair of each leaf by ours makes it known.
fn read_pair(
    handles: &Handles,
    nth: usize,
    (key, value): (InlineArray, InlineArray),
) -> io::Result<(Vec<u8>, Stored)> {
    if nth.is_multiple_of(TELL_CACHE_EVERY) {
        handles.pairs.get(&key)?;
    }
    Ok((key.to_vec(), decode_stored(&value)?))
}

/// Runs a call of sled; its errors and panics become ours.
fn caught<T>(work: impl FnOnce() -> io::Result<T>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(ours(error)),
        Err(panic) => Err(Error::Index { why: format!("sled panicked: {}", panic_message(&*panic)) }),
    }
}

/// Tells damage, which a rebuild repairs, from trouble with the machine, which it does not.
fn ours(error: io::Error) -> Error {
    use io::ErrorKind;
    match error.kind() {
        ErrorKind::InvalidData
        | ErrorKind::UnexpectedEof
        | ErrorKind::Unsupported
        | ErrorKind::NotFound
        | ErrorKind::Other => Error::Index { why: error.to_string() },
        _ => Error::Io { action: "use the index", path: PathBuf::from("index"), source: error },
    }
}

fn open_handles(dir: &Path, cache_bytes: u64) -> Result<Box<Handles>, Error> {
    guard::before_open(dir).map_err(Error::io("prepare", dir))?;
    let config = sled::Config::new()
        .path(dir)
        .cache_capacity_bytes(usize::try_from(cache_bytes).unwrap_or(usize::MAX))
        .flush_every_ms(Some(FLUSH_NEVER_MS))
        .zstd_compression_level(ZSTD_LEVEL);
    let started = Instant::now();
    loop {
        let opened = caught(|| {
            let pairs: sled::Db<FANOUT> = config.open()?;
            let meta = pairs.open_tree(META_TREE)?;
            let blobs = pairs.open_tree(BLOBS_TREE)?;
            Ok(Box::new(Handles { pairs, meta, blobs }))
        });
        match opened {
            Ok(handles) => {
                guard::after_open(dir).map_err(Error::io("sync", dir))?;
                return Ok(handles);
            }
            Err(Error::Io { source, .. })
                if source.kind() == io::ErrorKind::WouldBlock && started.elapsed() < LOCK_WAIT_MAX =>
            {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(error) => return Err(error),
        }
    }
}

/// Applies the changes of a batch, the last one first. Keys in `changed` were changed again later.
fn apply_changes<'a>(
    handles: &Handles,
    changes: &'a [Change],
    are_blobs_listed: bool,
    changed: &mut HashSet<&'a [u8]>,
    applied: &mut Applied,
) -> io::Result<u64> {
    let mut bytes = 0;
    for (key, value) in changes.iter().rev() {
        if changed.insert(&key[..]) {
            if are_blobs_listed {
                unlist(handles, key, applied)?;
            }
            bytes += change(handles, key, value.as_ref(), applied)?;
        } else if let Some(blob) = value.as_ref().and_then(Stored::blob) {
            // It was replaced before the index ever saw it.
            applied.unreferenced.push(blob.name);
        }
    }
    Ok(bytes)
}

/// Makes one change; returns the bytes of what was written.
fn change(handles: &Handles, key: &[u8], value: Option<&Stored>, applied: &mut Applied) -> io::Result<u64> {
    let mut bytes = key.len() as u64;
    match value {
        Some(stored) => {
            let encoded = encode_stored(stored);
            bytes += encoded.len() as u64;
            handles.pairs.insert(key, encoded)?;
        }
        None => _ = handles.pairs.remove(key)?,
    }
    list(handles, value, applied)?;
    Ok(bytes)
}

fn note_epoch(handles: &Handles, fence: Fence) -> io::Result<()> {
    handles.meta.insert(epoch_key(fence.partition), fence.epoch.to_le_bytes().to_vec()).map(drop)
}

/// Takes the blob of a pair that is about to change from the list of blobs. Before the pair: a flush in between leaves a
/// name too few, which the same change, applied once more, puts right; a name too many would stay.
fn unlist(handles: &Handles, key: &[u8], applied: &mut Applied) -> io::Result<()> {
    if let Some(old) = handles.pairs.get(key)?
        && let Some(old) = decode_stored(&old)?.blob()
    {
        handles.blobs.remove(old.name.encode())?;
        applied.unreferenced.push(old.name);
        applied.blobs_added -= 1;
        applied.blob_bytes_added -= old.bytes as i64;
    }
    Ok(())
}

/// Puts the blob of a pair that was just changed on the list.
fn list(handles: &Handles, new: Option<&Stored>, applied: &mut Applied) -> io::Result<()> {
    if let Some(new) = new.and_then(Stored::blob) {
        handles.blobs.insert(new.name.encode(), new.bytes.to_le_bytes().to_vec())?;
        applied.blobs_added += 1;
        applied.blob_bytes_added += new.bytes as i64;
    }
    Ok(())
}

/// Returns the bytes of a value in the index and in snapshots.
pub fn encode_stored(stored: &Stored) -> Vec<u8> {
    match stored {
        Stored::Inline(value) => {
            let mut out = Vec::with_capacity(1 + value.len());
            out.push(TAG_INLINE);
            out.extend_from_slice(value);
            out
        }
        Stored::Blob(blob) => {
            let mut out = Vec::with_capacity(1 + BlobRef::BYTES);
            out.push(TAG_BLOB);
            out.extend_from_slice(&blob.encode());
            out
        }
        Stored::Framed(framed) => {
            let mut out = vec![TAG_FRAMED];
            framed.encode(&mut out);
            out
        }
    }
}

pub fn decode_stored(bytes: &[u8]) -> io::Result<Stored> {
    match bytes.split_first() {
        Some((&TAG_INLINE, value)) => Ok(Stored::Inline(Bytes::copy_from_slice(value))),
        Some((&TAG_BLOB, blob)) => {
            let blob = blob.try_into().map_err(|_| invalid("the reference of a blob"))?;
            Ok(Stored::Blob(BlobRef::decode(blob)))
        }
        Some((&TAG_FRAMED, framed)) => match Framed::decode(framed) {
            Some((framed, [])) => Ok(Stored::Framed(framed)),
            _ => Err(invalid("the reference of a blob with what is around it")),
        },
        _ => Err(invalid("a value")),
    }
}

fn epoch_key(partition: u16) -> Vec<u8> {
    [EPOCH, &partition.to_be_bytes()].concat()
}

fn decode_u64(bytes: &[u8]) -> io::Result<u64> {
    Ok(u64::from_le_bytes(bytes.try_into().map_err(|_| invalid("a number"))?))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what} in the index is not readable"))
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
