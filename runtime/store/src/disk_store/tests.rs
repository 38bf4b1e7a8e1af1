//! The store on disk, driven through its public interface.

use std::path::Path;

use super::*;
use crate::batch::Op;

fn put(store: &DiskStore, fence: Fence, key: &str, value: &[u8]) -> Sequence {
    let op = Op::Put { key: key.as_bytes().to_vec(), value: Bytes::copy_from_slice(value) };
    store.commit(Batch { fence, ops: vec![op] }).unwrap()
}

fn open(dir: &Path) -> DiskStore {
    DiskStore::open(dir, Options::tiny()).unwrap()
}

fn wait(store: &DiskStore, sequence: Sequence) {
    store.wait_durable(sequence).unwrap();
}

#[test]
fn what_was_durable_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let fence = store.acquire(7).unwrap();
    let mut last = 0;
    for round in 0..500u32 {
        last = put(&store, fence, &format!("key/{:03}", round % 100), format!("value {round}").repeat(20).as_bytes());
    }
    let large = vec![5u8; 100_000];
    put(&store, fence, "large", &large);
    assert_eq!(store.get(View::Latest, b"large").unwrap().unwrap(), large);
    wait(&store, last + 1);
    assert_eq!(store.get(View::Durable, b"large").unwrap().unwrap(), large);
    drop(store);

    let store = open(dir.path());
    assert_eq!(store.get(View::Durable, b"large").unwrap().unwrap(), large);
    let found = store.scan(View::Durable, b"key/", b"key0", 1000).unwrap();
    assert_eq!(found.len(), 100);
    assert_eq!(found[99].1, "value 499".repeat(20).as_bytes());
    let newer = store.acquire(7).unwrap();
    assert_eq!(newer.epoch, fence.epoch + 1);
    let stale = store.commit(Batch { fence, ops: vec![] });
    assert!(matches!(stale, Err(Error::StaleFence { held: 1, current: 2, .. })));
}
