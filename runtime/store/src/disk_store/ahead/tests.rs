//! Values on the disk before their batch: written once, found again after a cut at any moment, and gone with their keys.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;

use super::*;
use crate::batch::{Batch, Fence, Op, Peeked, View};
use crate::disk::sim::{Operation, SimDisk};
use crate::disk_store::DiskStore;
use crate::options::Options;
use crate::store::Store;

const BYTES: usize = 600_000;

fn on(disk: &SimDisk) -> Options {
    Options { disk: Arc::new(disk.clone()), ..Options::tiny() }
}

fn opened(dir: &Path, disk: &SimDisk) -> (DiskStore, Fence) {
    let store = DiskStore::open(dir, on(disk)).unwrap();
    let fence = store.acquire(1).unwrap();
    (store, fence)
}

fn around(key: &str, value: &Bytes) -> Op {
    let pieces = [Bytes::from_static(b"head"), value.clone(), Bytes::from_static(b"tail")];
    Op::PutPieces { key: key.into(), pieces: Arc::new(pieces) }
}

fn framed(value: &[u8]) -> Vec<u8> {
    [b"head", value, b"tail"].concat()
}

fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !is_true() {
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "timed out: {what}");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

fn names(disk: &SimDisk, is_wanted: fn(&str) -> bool) -> usize {
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    disk.files()
        .iter()
        .filter(|(path, _)| path.parent().unwrap().ends_with("blobs") && is_wanted(&name(path)))
        .count()
}

#[test]
fn a_value_that_is_set_apart_is_written_once_for_all_rows_that_have_it() {
    let home = tempfile::tempdir().unwrap();
    let disk = SimDisk::new();
    let (store, fence) = opened(home.path(), &disk);
    let value = store.set_apart(vec![7; BYTES].into()).unwrap();
    assert_eq!(store.set_apart(value.clone()).unwrap().as_ptr(), value.as_ptr(), "it is there already");
    // Whoever writes it once more fails.
    disk.fail(Operation::Write, "blobs/", 0, io::ErrorKind::TimedOut);
    let ops = vec![around("one", &value), around("two", &value)];
    let sequence = store.commit(Batch { fence, ops }).unwrap();
    store.wait_durable(sequence).unwrap();
    assert_eq!(names(&disk, |name| name.starts_with("ahead-")), 1);
    drop(value);
    wait_until("it is in the index", || store.stats().overlay_keys == 0);
    let bytes = framed(&[7; BYTES]);
    for key in ["one", "two"] {
        assert_eq!(store.get(View::Durable, key.as_bytes()).unwrap().unwrap(), bytes, "{key}");
        let peeked = store.peek(View::Durable, key.as_bytes()).unwrap();
        assert_eq!(peeked, Peeked::Apart { bytes: bytes.len() as u64 });
    }
    let scanned = store.scan(View::Durable, b"o", b"p", 9).unwrap();
    assert_eq!(scanned[0].1, bytes);
    assert_eq!(store.stats().blobs, 2);
    store.commit(Batch { fence, ops: vec![Op::Delete { key: b"one".to_vec() }] }).unwrap();
    wait_until("nobody has it", || names(&disk, |name| name.starts_with("ahead-")) == 0);
    wait_until("its key is gone", || names(&disk, |_| true) == 1);
    assert_eq!(store.get(View::Durable, b"two").unwrap().unwrap(), bytes);
}

#[test]
fn what_no_batch_comes_to_have_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let disk = SimDisk::new();
    let (store, fence) = opened(home.path(), &disk);
    drop(store.set_apart(vec![7; BYTES].into()).unwrap());
    store.commit(Batch { fence, ops: vec![Op::Delete { key: b"any".to_vec() }] }).unwrap();
    wait_until("it is gone", || names(&disk, |_| true) == 0);
}

#[test]
fn a_copy_of_the_bytes_and_a_large_frame_are_written_as_a_whole() {
    let home = tempfile::tempdir().unwrap();
    let disk = SimDisk::new();
    let (store, fence) = opened(home.path(), &disk);
    let value = store.set_apart(vec![7; BYTES].into()).unwrap();
    let large_head = [Bytes::from(vec![1; 2_000]), value.clone()];
    let ops = vec![
        around("copy", &Bytes::copy_from_slice(&value)),
        Op::PutPieces { key: b"large".to_vec(), pieces: Arc::new(large_head) },
    ];
    store.commit(Batch { fence, ops }).unwrap();
    drop(value);
    wait_until("they are in the index", || store.stats().overlay_keys == 0);
    assert_eq!(store.get(View::Durable, b"copy").unwrap().unwrap(), framed(&[7; BYTES]));
    let large = store.get(View::Durable, b"large").unwrap().unwrap();
    assert_eq!((large.len(), large[0], large[2_000]), (BYTES + 2_000, 1, 7));
}

/// Of which more are in a batch than a segment of the log could have.
#[test]
fn what_is_small_is_not_set_apart_from_a_larger_head() {
    let home = tempfile::tempdir().unwrap();
    let disk = SimDisk::new();
    let (store, fence) = opened(home.path(), &disk);
    let value = store.set_apart(vec![7; 30].into()).unwrap();
    let pieces: Arc<[Bytes]> = [Bytes::from(vec![1; 1_000]), value].into();
    let put = |n: usize| Op::PutPieces { key: format!("{n:03}").into_bytes(), pieces: pieces.clone() };
    let sequence = store.commit(Batch { fence, ops: (0..150).map(put).collect() }).unwrap();
    store.wait_durable(sequence).unwrap();
    wait_until("it is in the index", || store.stats().overlay_keys == 0);
    assert_eq!(store.get(View::Durable, b"149").unwrap().unwrap(), pieces.concat());
}

/// Sets a value apart and puts it; ends when that is durable.
fn put_apart(store: &DiskStore, fence: Fence, value: &Bytes) -> Result<(), Error> {
    let value = store.set_apart(value.clone())?;
    let sequence = store.commit(Batch { fence, ops: vec![around("key", &value)] })?;
    store.wait_durable(sequence)
}

/// Opens a store whose threads have nothing more to do: the operations that follow are those of a value.
fn opened_and_idle(dir: &Path, disk: &SimDisk) -> (DiskStore, Fence) {
    let (store, fence) = opened(dir, disk);
    wait_until("a spare is ready", || store.shared.segments.spares() > 0);
    (store, fence)
}

/// Opens what a cut left, which is the value with its file, or neither; says which.
fn is_there(dir: &Path, disk: &SimDisk, value: &[u8], what: &str) -> bool {
    let store = DiskStore::open(dir, on(disk)).unwrap_or_else(|error| panic!("{what}: {error}"));
    let found = store.get(View::Durable, b"key").unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(found.as_ref().is_none_or(|found| *found == framed(value)), "{what}: it is not whole");
    assert_eq!(names(disk, |name| name.starts_with("ahead-")), 0, "{what}");
    assert_eq!(names(disk, |_| true), usize::from(found.is_some()), "{what}");
    found.is_some()
}

/// From the beginning of its file to the end of its batch.
#[test]
fn a_power_cut_at_any_operation_leaves_all_of_a_value_or_nothing() {
    const SEEDS: u64 = 3;
    let value = Bytes::from((0..BYTES).map(|at| (at / 500) as u8).collect::<Vec<_>>());
    let operations = {
        let (home, disk) = (tempfile::tempdir().unwrap(), SimDisk::new());
        let (store, fence) = opened_and_idle(home.path(), &disk);
        let before = disk.operations();
        put_apart(&store, fence, &value).unwrap();
        disk.operations() - before
    };
    let mut seen = HashSet::new();
    for count in 0..=operations {
        let (home, disk) = (tempfile::tempdir().unwrap(), SimDisk::new());
        let (store, fence) = opened_and_idle(home.path(), &disk);
        disk.cut_after(count);
        let is_durable = put_apart(&store, fence, &value).is_ok();
        disk.cut_now();
        drop(store);
        for seed in count * SEEDS..(count + 1) * SEEDS {
            let what = format!("cut after {count} of {operations}, seed {seed}");
            let is_kept = is_there(home.path(), &disk.after_power_cut(seed), &value, &what);
            assert!(is_kept || !is_durable, "{what}: it is gone");
            seen.insert((is_durable, is_kept));
            // It has what this log says. The next one may say less, and an empty index follows every log.
            fs::remove_dir_all(home.path().join("index")).unwrap();
        }
    }
    assert!(seen.contains(&(false, false)) && seen.contains(&(true, true)), "{seen:?}");
}

#[test]
fn an_error_of_the_disk_stops_the_store() {
    for operation in [Operation::Create, Operation::Write, Operation::Sync, Operation::Link] {
        let home = tempfile::tempdir().unwrap();
        let disk = SimDisk::new();
        let (store, fence) = opened(home.path(), &disk);
        disk.fail(operation, "blobs/", 0, io::ErrorKind::TimedOut);
        let value = store.set_apart(vec![7; BYTES].into());
        assert_eq!(value.is_ok(), operation == Operation::Link, "{operation:?}");
        if let Ok(value) = value {
            let sequence = store.commit(Batch { fence, ops: vec![around("key", &value)] }).unwrap();
            assert!(store.wait_durable(sequence).is_err());
        }
        assert!(store.commit(Batch { fence, ops: Vec::new() }).is_err(), "{operation:?}");
    }
}

#[test]
fn where_files_have_one_name_the_value_is_written_once_more() {
    let home = tempfile::tempdir().unwrap();
    let disk = SimDisk::new();
    let (store, fence) = opened(home.path(), &disk);
    let value = store.set_apart(vec![7; BYTES].into()).unwrap();
    disk.refuse_links();
    store.commit(Batch { fence, ops: vec![around("key", &value)] }).unwrap();
    drop(value);
    wait_until("it is in the index", || store.stats().overlay_keys == 0);
    assert_eq!(store.get(View::Durable, b"key").unwrap().unwrap(), framed(&[7; BYTES]));
}

/// Its row may be small enough for the log: the file is there already.
#[test]
fn a_small_value_that_is_set_apart_stays_where_it_is() {
    let home = tempfile::tempdir().unwrap();
    let disk = SimDisk::new();
    let (store, fence) = opened(home.path(), &disk);
    let value = store.set_apart(vec![7; 900].into()).unwrap();
    disk.fail(Operation::Write, "blobs/", 0, io::ErrorKind::TimedOut);
    store.commit(Batch { fence, ops: vec![around("key", &value)] }).unwrap();
    drop(value);
    wait_until("it is in the index", || store.stats().overlay_keys == 0);
    assert_eq!((store.stats().blobs, store.backlog_bytes()), (1, 0));
    assert_eq!(store.get(View::Durable, b"key").unwrap().unwrap(), framed(&[7; 900]));
}

#[test]
fn what_is_written_with_its_record_is_backlog_and_what_is_set_apart_is_not() {
    let home = tempfile::tempdir().unwrap();
    let disk = SimDisk::new();
    let (store, fence) = opened(home.path(), &disk);
    // Less than a commit waits for.
    let value = store.set_apart(vec![7; 100_000].into()).unwrap();
    disk.pause_syncs();
    store.commit(Batch { fence, ops: vec![around("apart", &value)] }).unwrap();
    assert!(store.backlog_bytes() < 1_000);
    store.commit(Batch { fence, ops: vec![around("whole", &Bytes::from(vec![7; 3_000]))] }).unwrap();
    assert!(store.backlog_bytes() > 3_000);
    disk.resume_syncs();
    wait_until("both are in the index", || store.backlog_bytes() == 0);
}
