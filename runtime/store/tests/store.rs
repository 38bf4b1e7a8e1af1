//! Fences, views, limits and who may use a folder.

mod common;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use abide_store::disk::sim::SimDisk;
use abide_store::options::OWN_SYNC_MAX;
use abide_store::{
    Batch, DiskStore, Error, META_PARTITION, MemoryStore, Op, Options, Peeked, Status, Store, View, doctor,
    inspect,
};
use common::{commit, commit_and_push, delete, on, open, put, wait_until, write};

#[test]
fn a_stale_fence_is_refused_and_epochs_survive() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let first = store.acquire(1).unwrap();
    let other = store.acquire(2).unwrap();
    let second = store.acquire(1).unwrap();
    assert_eq!((first.epoch, second.epoch, other.epoch), (1, 2, 1));
    match commit(&store, first, vec![put("a", "1")]) {
        Err(Error::StaleFence { partition: 1, held: 1, current: 2 }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(store.get(View::Latest, b"a").unwrap(), None);
    commit(&store, second, vec![put("a", "2")]).unwrap();
    commit(&store, other, vec![put("b", "1")]).unwrap();
    drop(store);
    let store = open(dir.path());
    assert!(matches!(commit(&store, first, vec![]), Err(Error::StaleFence { .. })));
    commit(&store, second, vec![put("a", "3")]).unwrap();
    assert_eq!(store.acquire(1).unwrap().epoch, 3);
    assert_eq!(store.acquire(META_PARTITION).unwrap().epoch, 1);
}

#[test]
fn the_sequence_is_dense_and_goes_on_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let fence = store.acquire(1).unwrap();
    assert_eq!(commit(&store, fence, vec![put("a", "1")]).unwrap(), 2);
    assert_eq!(commit(&store, fence, vec![]).unwrap(), 3);
    drop(store);
    let store = open(dir.path());
    assert_eq!(*store.durable().borrow(), 3);
    assert_eq!(commit(&store, fence, vec![delete("a")]).unwrap(), 4);
}

#[test]
fn quiet_commits_share_the_sync_of_the_next_one_and_do_not_wait_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let fence = store.acquire(1).unwrap();
    let syncs = store.stats().syncs;
    for number in 0..10 {
        let batch = Batch { fence, ops: vec![put("a", number.to_string())] };
        store.commit_quietly(batch).unwrap();
    }
    write(&store, fence, vec![put("b", "1")]).unwrap();
    let shared = store.stats().syncs - syncs;
    assert!(shared <= 5, "{shared} syncs for ten quiet commits and one that is awaited");
    let sequence = store.commit_quietly(Batch { fence, ops: vec![put("c", "1")] }).unwrap();
    wait_until("a quiet commit is durable", || *store.durable().borrow() >= sequence);
    assert_eq!(store.get(View::Durable, b"c").unwrap().unwrap(), "1");
}

#[test]
fn who_waits_for_a_batch_does_the_sync_unless_the_disk_is_slow() {
    let dir = tempfile::tempdir().unwrap();
    let disk = SimDisk::new();
    let store = DiskStore::open(dir.path(), on(&disk)).unwrap();
    let fence = store.acquire(1).unwrap();
    let pushed = |key| commit_and_push(&store, fence, vec![put(key, "1")]).unwrap();
    wait_until("a batch is durable when its push returns", || pushed("a") == *store.durable().borrow());

    disk.pause_syncs();
    let slow = commit(&store, fence, vec![put("b", "1")]).unwrap();
    wait_until("the sync takes long", || disk.syncs_waiting() > 0);
    std::thread::sleep(OWN_SYNC_MAX * 2);
    disk.resume_syncs();
    wait_until("it ends", || *store.durable().borrow() == slow);
    for _ in 0..2 {
        disk.pause_syncs();
        let sequence = pushed("c");
        assert!(
            *store.durable().borrow() < sequence,
            "a push does not wait for a slow disk, nor after a quick sync"
        );
        disk.resume_syncs();
        wait_until("somebody else does the sync", || *store.durable().borrow() == sequence);
    }
    wait_until("after many quick ones it is waited for", || pushed("d") == *store.durable().borrow());
}

#[test]
fn of_many_who_push_at_once_all_become_durable_in_order() {
    const EACH: u64 = 300;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let fences = [1, 2, 3, 4].map(|partition| store.acquire(partition).unwrap());
    std::thread::scope(|scope| {
        for fence in fences {
            let store = &store;
            scope.spawn(move || {
                let mut durable = store.durable();
                for number in 0..EACH {
                    let ops = vec![put(&fence.partition.to_string(), number.to_be_bytes())];
                    let sequence = commit_and_push(store, fence, ops).unwrap();
                    if number % 3 > 0 {
                        wait_until("it is durable", || *durable.borrow_and_update() >= sequence);
                        let found = store.get(View::Durable, fence.partition.to_string().as_bytes());
                        assert_eq!(found.unwrap().unwrap(), number.to_be_bytes()[..]);
                    }
                }
            });
        }
    });
    drop(store);
    let store = open(dir.path());
    for fence in fences {
        let found = store.get(View::Durable, fence.partition.to_string().as_bytes()).unwrap().unwrap();
        assert_eq!(found, (EACH - 1).to_be_bytes()[..]);
    }
}

#[test]
fn a_commit_does_not_wait_for_the_disk_and_durable_readers_do() {
    let dir = tempfile::tempdir().unwrap();
    let disk = SimDisk::new();
    let store = DiskStore::open(dir.path(), on(&disk)).unwrap();
    let fence = store.acquire(1).unwrap();
    write(&store, fence, vec![put("a", "old"), put("gone", "x")]).unwrap();
    disk.pause_syncs();
    let sequence =
        commit(&store, fence, vec![put("a", "new"), delete("gone"), put("large", vec![7; 5000])]).unwrap();
    assert_eq!(store.get(View::Latest, b"a").unwrap().unwrap(), "new");
    assert_eq!(store.get(View::Latest, b"gone").unwrap(), None);
    assert_eq!(store.get(View::Durable, b"a").unwrap().unwrap(), "old");
    assert_eq!(store.scan(View::Durable, b"", b"z", 9).unwrap().len(), 2);
    assert_eq!(store.scan(View::Latest, b"", b"z", 9).unwrap().len(), 2);
    assert_eq!(store.scan(View::Latest, b"", b"z", 9).unwrap()[1].1, vec![7; 5000]);
    assert!(*store.durable().borrow() < sequence);
    disk.resume_syncs();
    wait_until("the commit is durable", || *store.durable().borrow() == sequence);
    assert_eq!(store.get(View::Durable, b"a").unwrap().unwrap(), "new");
    assert_eq!(store.get(View::Durable, b"large").unwrap().unwrap(), vec![7; 5000]);
}

#[test]
fn too_much_unsynced_makes_commits_wait() {
    let dir = tempfile::tempdir().unwrap();
    let disk = SimDisk::new();
    let store = DiskStore::open(dir.path(), on(&disk)).unwrap();
    let fence = store.acquire(1).unwrap();
    disk.pause_syncs();
    let is_waiting = AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..1000 {
                commit(&store, fence, vec![put(&format!("{n}"), vec![1; 900])]).unwrap();
            }
            is_waiting.store(false, Ordering::SeqCst);
        });
        let limit = Options::tiny().unsynced_bytes_max;
        wait_until("the limit is reached", || store.stats().unsynced_bytes > limit);
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(is_waiting.load(Ordering::SeqCst));
        assert!(store.stats().unsynced_bytes < limit + 10_000);
        disk.resume_syncs();
    });
    assert_eq!(store.scan(View::Latest, b"", b"z", usize::MAX).unwrap().len(), 1000);
}

#[test]
fn scans_see_whole_batches_while_others_write() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let fence = store.acquire(1).unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..3000 {
                let value = vec![n as u8; if n % 50 == 0 { 2000 } else { 8 }];
                let ops = (0..8).map(|key| put(&format!("{key}"), &value)).collect();
                commit(&store, fence, ops).unwrap();
            }
            is_over.store(true, Ordering::SeqCst);
        });
        while !is_over.load(Ordering::SeqCst) {
            for view in [View::Latest, View::Durable] {
                let found = store.scan(view, b"", b"z", 100).unwrap();
                assert!(found.is_empty() || found.len() == 8);
                assert!(found.windows(2).all(|pair| pair[0].1 == pair[1].1), "half a batch in {view:?}");
            }
        }
    });
}

#[test]
fn a_scan_ends_with_the_pair_that_reaches_its_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, memory) = (open(dir.path()), MemoryStore::new());
    // The last two are files of their own.
    let sizes = [10, 10, 10, 40_000, 40_000];
    for store in [&disk as &dyn Store, &memory] {
        let fence = store.acquire(1).unwrap();
        let ops = (0..).zip(sizes).map(|(n, size): (u8, usize)| put(&n.to_string(), vec![n; size]));
        write(store, fence, ops.collect()).unwrap();
        for (bytes_max, expected) in [(0, 1), (10, 1), (11, 2), (30, 3), (31, 4), (40_030, 4), (80_031, 5)] {
            let found = store.scan_within(View::Durable, b"", b"z", 10, bytes_max).unwrap();
            assert_eq!(found.len(), expected, "{bytes_max}");
        }
        assert_eq!(store.scan_within(View::Durable, b"", b"z", 2, usize::MAX).unwrap().len(), 2);
    }
}

#[test]
fn what_is_too_large_is_refused_with_the_limit() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let fence = store.acquire(1).unwrap();
    let key = "k".repeat(5000);
    assert!(matches!(
        commit(&store, fence, vec![put(&key, "")]),
        Err(Error::KeyTooLarge { bytes: 5000, .. })
    ));
    let many = (0..1000).map(|n| put(&format!("{n}"), [1; 20])).collect();
    assert!(matches!(commit(&store, fence, many), Err(Error::BatchTooLarge { .. })));
    let options = Options { value_bytes_max: 100, ..Options::tiny() };
    drop(store);
    let store = DiskStore::open(dir.path(), options).unwrap();
    match commit(&store, fence, vec![put("a", vec![0; 101])]) {
        Err(error @ Error::ValueTooLarge { .. }) => {
            assert!(error.to_string().contains("key a has 101 bytes"))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_values_of_a_batch_that_is_too_large_for_the_log_go_into_files() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let fence = store.acquire(1).unwrap();
    let value = |n: u32| vec![n as u8; if n.is_multiple_of(2) { 1000 } else { 40 }];
    let many = |add: u32| (0..200).map(|n| put(&format!("{n:03}"), value(n + add))).collect();
    write(&store, fence, many(0)).unwrap();
    wait_until("only as many as there have to be", || store.stats().blobs == 100);
    write(&store, fence, many(200)).unwrap();
    store.close().unwrap();
    let store = open(dir.path());
    for n in 0..200 {
        assert_eq!(store.get(View::Durable, format!("{n:03}").as_bytes()).unwrap().unwrap(), value(n + 200));
    }
    assert_eq!(store.stats().blobs, 100, "what was replaced is gone");
}

#[test]
fn replaced_and_deleted_blobs_give_their_space_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let fence = store.acquire(1).unwrap();
    let blobs = || fs::read_dir(dir.path().join("blobs")).unwrap().count();
    for n in 0..10u8 {
        // The same bytes again are a file of their own.
        commit(&store, fence, vec![put("a", vec![n / 2; 5000]), put("b", vec![n; 6000])]).unwrap();
    }
    wait_until("everything is applied", || store.stats().overlay_keys == 0);
    assert_eq!(blobs(), 2);
    assert_eq!(store.stats().blob_bytes, 11_000);
    commit(&store, fence, vec![put("a", "small"), delete("b")]).unwrap();
    wait_until("no blob is left", || blobs() == 0);
    assert_eq!(store.get(View::Latest, b"a").unwrap().unwrap(), "small");
}

#[test]
fn who_peeks_sees_small_values_and_that_there_are_large_ones() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let fence = store.acquire(1).unwrap();
    let changes = vec![put("small", "1"), put("large", vec![7; 5000]), put("gone", "2")];
    commit(&store, fence, changes).unwrap();
    commit(&store, fence, vec![delete("gone")]).unwrap();
    let peeked =
        || ["small", "large", "gone", "never"].map(|key| store.peek(View::Latest, key.as_bytes()).unwrap());
    let expected = [Peeked::Value("1".into()), Peeked::Apart { bytes: 5000 }, Peeked::Absent, Peeked::Absent];
    assert_eq!(peeked(), expected);
    wait_until("it is applied", || store.stats().overlay_keys == 0);
    assert_eq!(peeked(), expected, "from the index");
}

#[test]
fn a_damaged_blob_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let fence = store.acquire(1).unwrap();
    write(&store, fence, vec![put("a", vec![1; 5000]), put("b", "fine")]).unwrap();
    wait_until("it is applied", || store.stats().overlay_keys == 0);
    let blob = fs::read_dir(dir.path().join("blobs")).unwrap().next().unwrap().unwrap().path();
    fs::write(&blob, vec![2; 5000]).unwrap();
    match store.get(View::Durable, b"a") {
        Err(Error::BlobCorrupt { file, .. }) => assert_eq!(file, blob),
        other => panic!("{other:?}"),
    }
    assert_eq!(store.get(View::Durable, b"b").unwrap().unwrap(), "fine");
}

#[test]
fn a_held_folder_is_refused_with_the_holder() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    match DiskStore::open(dir.path(), Options::tiny()) {
        Err(error @ Error::Held { .. }) => {
            assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        }
        other => panic!("{:?}", other.err()),
    }
    assert!(doctor(dir.path()).unwrap().held_by.is_some());
    store.close().unwrap();
    store.close().unwrap();
    assert!(matches!(store.acquire(1), Err(Error::Stopped { .. })));
    open(dir.path());
}

/// Format 2 had no secret in its log: what such a log says stays, and what follows has one.
#[test]
fn a_folder_of_the_format_before_opens_and_gets_a_secret() {
    let dir = tempfile::tempdir().unwrap();
    let format = dir.path().join("FORMAT");
    fs::write(&format, inspect::format_without_secret()).unwrap();
    let put = |n: u32| vec![Op::Put { key: n.to_be_bytes().to_vec(), value: vec![7; 500].into() }];
    write_some(dir.path());
    fs::write(&format, "abide data folder, format 2\n").unwrap();
    for life in 1..4 {
        let store = open(dir.path());
        let fence = store.acquire(1).unwrap();
        // More than a segment each time.
        (0..200).for_each(|n| _ = commit(&store, fence, put(life * 1000 + n)).unwrap());
        store.close().unwrap();
        let found = keys_of(dir.path());
        assert_eq!(found, 50 + life as usize * 200);
    }
    assert_ne!(inspect::secret(dir.path()).unwrap(), inspect::Secret::NONE);
    let text = fs::read_to_string(&format).unwrap();
    fs::write(&format, text.replacen("sum=", "sum= ", 1)).unwrap();
    keys_of(dir.path());
    assert_eq!(fs::read_to_string(&format).unwrap(), text, "the copy that was damaged is whole again");
    // As if only its version had changed.
    fs::write(&format, text.replacen("format 4", "format 2", 1)).unwrap();
    match DiskStore::open(dir.path(), Options::tiny()) {
        Err(error @ Error::NotOurs { .. }) => assert!(error.to_string().contains("FORMAT"), "{error}"),
        other => panic!("{:?}", other.err()),
    }
}

#[test]
fn a_folder_of_format_3_keeps_its_secret() {
    let dir = tempfile::tempdir().unwrap();
    let format = dir.path().join("FORMAT");
    write_some(dir.path());
    let text = fs::read_to_string(&format).unwrap();
    let secret = inspect::secret(dir.path()).unwrap();
    fs::write(&format, text.replacen("format 4", "format 3", 1)).unwrap();
    assert_eq!(keys_of(dir.path()), 50);
    assert_eq!(fs::read_to_string(&format).unwrap(), text);
    assert_eq!(inspect::secret(dir.path()).unwrap(), secret);
}

fn write_some(dir: &Path) {
    let store = open(dir);
    let fence = store.acquire(1).unwrap();
    for n in 0..50_u32 {
        let op = Op::Put { key: n.to_be_bytes().to_vec(), value: vec![7; 500].into() };
        commit(&store, fence, vec![op]).unwrap();
    }
    store.close().unwrap();
}

/// Returns how many keys a folder has.
fn keys_of(dir: &Path) -> usize {
    let store = open(dir);
    let found = store.scan(View::Durable, b"", b"\xff\xff\xff\xff\xff", usize::MAX).unwrap().len();
    store.close().unwrap();
    found
}

#[test]
fn a_newer_format_and_a_strange_folder_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    fs::write(dir.path().join("FORMAT"), "abide data folder, format 5\n").unwrap();
    match DiskStore::open(dir.path(), Options::tiny()) {
        Err(Error::NewerFormat { found: 5, supported: 4, .. }) => {}
        other => panic!("{:?}", other.err()),
    }
    fs::write(dir.path().join("FORMAT"), "something else").unwrap();
    assert!(matches!(DiskStore::open(dir.path(), Options::tiny()), Err(Error::NotOurs { .. })));
    let strange = tempfile::tempdir().unwrap();
    fs::write(strange.path().join("holiday.jpg"), "").unwrap();
    assert!(matches!(DiskStore::open(strange.path(), Options::tiny()), Err(Error::NotOurs { .. })));
    assert_eq!(fs::read_dir(strange.path()).unwrap().count(), 1, "nothing is left in a strange folder");
}

#[test]
fn durability_can_be_held_back_in_memory() {
    let store = MemoryStore::new();
    let fence = store.acquire(1).unwrap();
    store.hold_durability();
    let sequence = commit(&store, fence, vec![put("a", "1")]).unwrap();
    assert!(*store.durable().borrow() < sequence);
    assert_eq!(store.get(View::Durable, b"a").unwrap(), None);
    assert!(store.crash().get(View::Latest, b"a").unwrap().is_none());
    assert!(matches!(*store.status().borrow(), Status::Failed { .. }));
    let store = MemoryStore::new();
    let fence = store.acquire(1).unwrap();
    store.hold_durability();
    let sequence = commit(&store, fence, vec![put("a", "1")]).unwrap();
    store.release_durability();
    assert_eq!(*store.durable().borrow(), sequence);
    assert_eq!(store.crash().get(View::Latest, b"a").unwrap().unwrap(), "1");
}

/// Reads from the end while leaves are split and emptied by a writer.
#[test]
fn a_scan_from_the_end_misses_nothing_while_others_write() {
    let dir = tempfile::tempdir().unwrap();
    let store = std::sync::Arc::new(open(dir.path()));
    let fence = store.acquire(1).unwrap();
    let key = |number: u32| format!("{number:06}");
    // Every tenth stays, what is between comes and goes.
    let steady: Vec<_> = (0..300).map(|number| put(&key(number * 10), "steady")).collect();
    write(&*store, fence, steady).unwrap();
    let is_over = std::sync::Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let (store, is_over) = (store.clone(), is_over.clone());
        move || {
            let mut round = 0u32;
            while !is_over.load(Ordering::Relaxed) {
                round += 1;
                let others = (0..300).map(|number| number * 10 + 1 + round % 9);
                let puts = others.clone().map(|number| put(&key(number), "passing")).collect();
                write(&*store, fence, puts).unwrap();
                write(&*store, fence, others.map(|number| delete(&key(number))).collect()).unwrap();
            }
        }
    });
    for _ in 0..100 {
        let mut end = b"~".to_vec();
        let mut seen = Vec::new();
        loop {
            let page = store.scan_back(View::Durable, b"", &end, 37).unwrap();
            let Some((last, _)) = page.last() else { break };
            end = last.clone();
            seen.extend(page.into_iter().filter(|(_, value)| &value[..] == b"steady").map(|(key, _)| key));
        }
        let expected: Vec<_> = (0..300).rev().map(|number| key(number * 10).into_bytes()).collect();
        assert_eq!(seen, expected);
    }
    is_over.store(true, Ordering::Relaxed);
    writer.join().unwrap();
}
