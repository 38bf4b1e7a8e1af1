//! Values in files of their own: who reads many of them reads each once, whatever others write meanwhile; who reads keys
//! reads none.

mod common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use abide_store::{DiskStore, Fence, Op, Status, Store, View};
use common::watched::WatchedDisk;
use common::{commit, framed, put, put_apart, wait_until, write};

const COUNT: u8 = 50;
const BYTES: usize = 3_000;

fn all(byte: u8) -> Vec<Op> {
    (0..COUNT).map(|n| put(&format!("large{n:02}"), vec![byte; BYTES])).collect()
}

/// Opens a store with large values, none of which is in memory.
fn filled(dir: &Path, disk: &Arc<WatchedDisk>) -> (DiskStore, Fence) {
    let store = DiskStore::open(dir, disk.options()).unwrap();
    let fence = store.acquire(1).unwrap();
    write(&store, fence, all(1)).unwrap();
    wait_until("they are read from the disk", || store.stats().overlay_keys == 0);
    (store, fence)
}

fn scan(store: &DiskStore, bytes_max: usize) -> Vec<(Vec<u8>, bytes::Bytes)> {
    store.scan_within(View::Durable, b"large", b"m", 100, bytes_max).unwrap()
}

#[test]
fn a_scan_reads_each_value_once_although_others_write_all_the_time() {
    let dir = tempfile::tempdir().unwrap();
    // All of them take twice as long as the index gathers what is written.
    let disk = WatchedDisk::new(Duration::from_millis(4));
    let (store, fence) = filled(dir.path(), &disk);
    let is_over = AtomicBool::new(false);
    let found = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                commit(&store, fence, vec![put("small", "x")]).unwrap();
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let found = store.scan(View::Durable, b"large", b"m", 100);
        is_over.store(true, Ordering::SeqCst);
        found.unwrap()
    });
    assert_eq!(found.len(), usize::from(COUNT));
    assert_eq!(disk.take_opened(), u64::from(COUNT));
}

#[test]
fn a_scan_reads_no_more_values_than_it_returns() {
    let dir = tempfile::tempdir().unwrap();
    let disk = WatchedDisk::new(Duration::ZERO);
    let (store, _) = filled(dir.path(), &disk);
    assert_eq!(scan(&store, 2 * BYTES).len(), 2);
    assert_eq!(disk.take_opened(), 2);
}

#[test]
fn who_scans_keys_reads_no_value() {
    let dir = tempfile::tempdir().unwrap();
    let disk = WatchedDisk::new(Duration::ZERO);
    let (store, _) = filled(dir.path(), &disk);
    let keys = store.scan_keys(View::Latest, b"large", b"m", 100).unwrap();
    assert_eq!(keys.len(), usize::from(COUNT));
    assert_eq!(store.scan_keys(View::Durable, b"large07", b"m", 1).unwrap(), [b"large07"]);
    assert_eq!(disk.take_opened(), 0);
}

/// Reads; all values are replaced when the first file is about to be opened.
fn read_while_replaced<T: Send>(
    store: &DiskStore,
    fence: Fence,
    disk: &WatchedDisk,
    read: impl FnOnce() -> T + Send,
) -> T {
    std::thread::scope(|scope| {
        let (is_stopped, go_on) = disk.stop_next();
        let reader = scope.spawn(read);
        is_stopped.recv().unwrap();
        write(store, fence, all(2)).unwrap();
        wait_until("they are replaced", || store.stats().overlay_keys == 0);
        go_on.send(()).unwrap();
        reader.join().unwrap()
    })
}

fn files(dir: &Path) -> usize {
    std::fs::read_dir(dir.join("blobs")).unwrap().count()
}

#[test]
fn what_is_replaced_while_it_is_read_goes_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let disk = WatchedDisk::new(Duration::ZERO);
    let (store, fence) = filled(dir.path(), &disk);
    let found = read_while_replaced(&store, fence, &disk, || scan(&store, usize::MAX));
    assert_eq!(found.len(), usize::from(COUNT));
    assert!(found.iter().all(|(_, value)| value[..] == [1; BYTES]), "all are of one moment");
    assert_eq!(disk.take_opened(), u64::from(COUNT));
    wait_until("the old ones are gone", || files(dir.path()) == usize::from(COUNT));

    write(&store, fence, all(1)).unwrap();
    wait_until("they are read from the disk", || store.stats().overlay_keys == 0);
    let get = || store.get(View::Durable, b"large07").unwrap();
    let found = read_while_replaced(&store, fence, &disk, get);
    assert_eq!(found.unwrap()[..], [1; BYTES]);
    assert_eq!(disk.take_opened(), 1);
    assert_eq!(get().unwrap()[..], [2; BYTES]);
    wait_until("the old ones are gone", || files(dir.path()) == usize::from(COUNT));
}

#[test]
fn what_was_set_apart_stays_while_it_is_read_and_goes_when_it_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let disk = WatchedDisk::new(Duration::ZERO);
    let (store, fence) = filled(dir.path(), &disk);
    let apart = |n: u8| put_apart(&store, &format!("large{n:02}"), [1; BYTES]);
    write(&store, fence, (0..COUNT).map(apart).collect()).unwrap();
    wait_until("they are read from the disk", || store.stats().overlay_keys == 0);
    let found = read_while_replaced(&store, fence, &disk, || scan(&store, usize::MAX));
    assert_eq!(found.len(), usize::from(COUNT));
    assert!(found.iter().all(|(_, value)| *value == framed([1; BYTES])), "all are of one moment");
    assert_eq!(disk.take_opened(), u64::from(COUNT));
    assert_eq!(store.get(View::Durable, b"large07").unwrap().unwrap()[..], [2; BYTES]);
    wait_until("the old ones are gone", || files(dir.path()) == usize::from(COUNT));
}

/// Nobody waits for the upkeep, which takes a snapshot of everything now and then.
#[test]
fn what_was_kept_for_a_reader_goes_with_the_next_change() {
    let dir = tempfile::tempdir().unwrap();
    let disk = WatchedDisk::new(Duration::ZERO);
    let (store, fence) = filled(dir.path(), &disk);
    let _upkeep = disk.stop_upkeep();
    read_while_replaced(&store, fence, &disk, || scan(&store, usize::MAX));
    assert_eq!(files(dir.path()), 2 * usize::from(COUNT));
    write(&store, fence, vec![put("small", "x")]).unwrap();
    wait_until("the old ones are gone", || files(dir.path()) == usize::from(COUNT));
}

#[test]
fn who_finds_no_file_descriptor_waits_for_one() {
    let dir = tempfile::tempdir().unwrap();
    let disk = WatchedDisk::new(Duration::ZERO);
    let (store, _) = filled(dir.path(), &disk);
    disk.lack_descriptors(3);
    assert_eq!(store.get(View::Durable, b"large07").unwrap().unwrap()[..], [1; BYTES]);
    disk.lack_descriptors(3);
    assert_eq!(scan(&store, usize::MAX).len(), usize::from(COUNT));
    assert_eq!(disk.take_opened(), 1 + u64::from(COUNT));
    assert_eq!(*store.status().borrow(), Status::Ready);
}
