//! What several test files need.
#![allow(dead_code, reason = "each test file uses a part")]

pub mod watched;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use abide_store::disk::sim::SimDisk;
use abide_store::{Batch, DiskStore, Error, Fence, Op, Options, Sequence, Store};
use bytes::Bytes;

pub const WAIT_MAX: Duration = Duration::from_secs(20);

pub fn put(key: &str, value: impl AsRef<[u8]>) -> Op {
    Op::Put { key: key.as_bytes().to_vec(), value: Bytes::copy_from_slice(value.as_ref()) }
}

/// Sets a value apart; what it is put with is around it, see [`framed`].
pub fn put_apart(store: &dyn Store, key: &str, value: impl AsRef<[u8]>) -> Op {
    let value = store.set_apart(Bytes::copy_from_slice(value.as_ref())).unwrap();
    let pieces = [Bytes::from_static(b"head"), value, Bytes::from_static(b"tail")];
    Op::PutPieces { key: key.as_bytes().to_vec(), pieces: pieces.into() }
}

pub fn framed(value: impl AsRef<[u8]>) -> Vec<u8> {
    [&b"head"[..], value.as_ref(), b"tail"].concat()
}

pub fn delete(key: &str) -> Op {
    Op::Delete { key: key.as_bytes().to_vec() }
}

pub fn commit(store: &dyn Store, fence: Fence, ops: Vec<Op>) -> Result<Sequence, Error> {
    store.commit(Batch { fence, ops })
}

/// Commits a batch that somebody waits for at once: who waits may do the sync.
pub fn commit_and_push(store: &dyn Store, fence: Fence, ops: Vec<Op>) -> Result<Sequence, Error> {
    let sequence = store.commit_quietly(Batch { fence, ops })?;
    store.push(sequence);
    Ok(sequence)
}

/// Commits and waits until it is durable.
pub fn write(store: &dyn Store, fence: Fence, ops: Vec<Op>) -> Result<Sequence, Error> {
    let sequence = commit(store, fence, ops)?;
    wait_until("the commit is durable", || *store.durable().borrow() >= sequence);
    Ok(sequence)
}

pub fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_true() {
        assert!(started.elapsed() < WAIT_MAX, "timed out: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub fn on(disk: &SimDisk) -> Options {
    Options { disk: Arc::new(disk.clone()), ..Options::tiny() }
}

pub fn open(dir: &Path) -> DiskStore {
    DiskStore::open(dir, Options::tiny()).unwrap()
}
