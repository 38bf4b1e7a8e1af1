//! A disk that fails, fills up or lies: the store stops acknowledging, says why, and everything acknowledged is found again.

mod common;

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use abide_store::backup::Label;
use abide_store::disk::sim::{Operation, SimDisk};
use abide_store::{DiskStore, Error, Options, Status, Store, View, doctor};
use common::{commit, commit_and_push, framed, on, open, put, put_apart, wait_until, write};

/// Writes until the fault strikes; then nothing more may be acknowledged, and everything that was is there again.
fn stops_and_keeps_what_was_acknowledged(operation: Operation, path_part: &str, skip: u64, error: ErrorKind) {
    let dir = tempfile::tempdir().unwrap();
    let disk = SimDisk::new();
    let store = DiskStore::open(dir.path(), on(&disk)).unwrap();
    let fence = store.acquire(1).unwrap();
    disk.fail(operation, path_part, skip, error);
    let mut number = 0u64;
    let mut sequences = Vec::new();
    let refused = loop {
        let large = vec![number as u8; if number.is_multiple_of(9) { 3000 } else { 300 }];
        let key = format!("{:02}", number % 40);
        let commit = if number.is_multiple_of(2) { commit } else { commit_and_push };
        match commit(&store, fence, vec![put(&key, large), put("number", number.to_be_bytes())]) {
            Ok(sequence) => sequences.push((sequence, number)),
            Err(error) => break error,
        }
        number += 1;
        // Slow enough for several groups.
        wait_until("the store keeps up", || {
            store.stats().unsynced_bytes < 20_000 || matches!(*store.status().borrow(), Status::Failed { .. })
        });
        assert!(number < 20_000, "{operation:?} of {path_part} never failed");
    };
    let what = format!("{operation:?} of {path_part}");
    assert!(
        matches!(&refused, Error::Stopped { reason } if reason.contains("injected")),
        "{what}: {refused}"
    );
    assert!(
        matches!(&*store.status().borrow(), Status::Failed { reason } if reason.contains(path_part)),
        "{what}"
    );
    let mut durable = *store.durable().borrow();
    assert!(matches!(store.acquire(1), Err(Error::Stopped { .. })), "{what}");
    assert!(store.close().is_err(), "{what}: a close says that not everything is on disk");
    // A group that was on its way when something else than the log failed is on disk all the same.
    let at_failure = std::mem::replace(&mut durable, *store.durable().borrow());
    assert!(durable == at_failure || !path_part.starts_with("log"), "{what}: acknowledged after the failure");
    drop(store);

    let acked = sequences.iter().rev().find(|(sequence, _)| *sequence <= durable).map(|(_, number)| *number);
    let store = DiskStore::open(dir.path(), on(&disk.after_power_cut(5))).unwrap();
    let found = store
        .get(View::Durable, b"number")
        .unwrap()
        .map(|value| u64::from_be_bytes(value[..].try_into().unwrap()));
    assert!(found >= acked, "{what}: {acked:?} was acknowledged, found {found:?}");
    store.acquire(1).unwrap();
}

#[test]
fn a_failed_write_of_the_log_stops_the_store() {
    stops_and_keeps_what_was_acknowledged(Operation::Write, "log-", 20, ErrorKind::Other);
}

#[test]
fn a_failed_sync_of_the_log_stops_the_store() {
    stops_and_keeps_what_was_acknowledged(Operation::Sync, "log-", 20, ErrorKind::Other);
}

#[test]
fn a_failed_blob_stops_the_store() {
    for operation in [Operation::Create, Operation::Write, Operation::Sync] {
        stops_and_keeps_what_was_acknowledged(operation, "blobs/", 3, ErrorKind::Other);
    }
    stops_and_keeps_what_was_acknowledged(Operation::SyncDir, "blobs", 3, ErrorKind::Other);
    stops_and_keeps_what_was_acknowledged(Operation::Remove, "blobs/", 3, ErrorKind::PermissionDenied);
}

/// A way to read "large" from its file: a look without the value, and a scan of keys, read none.
type Read = fn(&DiskStore) -> Result<(), Error>;

const READS: [(&str, Read); 3] = [
    ("get", |store| store.get(View::Durable, b"large").map(drop)),
    ("scan", |store| store.scan(View::Durable, b"l", b"m", 9).map(drop)),
    ("scan_back", |store| store.scan_back(View::Durable, b"l", b"m", 9).map(drop)),
];

/// Whoever reads it: nobody writes here.
#[test]
fn a_value_that_the_disk_does_not_give_stops_the_store() {
    for (name, read) in READS {
        let dir = tempfile::tempdir().unwrap();
        let disk = SimDisk::new();
        let store = DiskStore::open(dir.path(), on(&disk)).unwrap();
        let fence = store.acquire(1).unwrap();
        write(&store, fence, vec![put("large", vec![1; 3000])]).unwrap();
        wait_until("it is read from the disk", || store.stats().overlay_keys == 0);
        disk.fail(Operation::Read, "blobs/", 0, ErrorKind::TimedOut);
        let found = read(&store);
        assert!(matches!(found, Err(Error::Io { .. })), "{name}: {found:?}");
        let status = store.status().borrow().clone();
        assert!(
            matches!(&status, Status::Failed { reason } if reason.contains("blobs/")),
            "{name}: {status:?}"
        );
        assert!(store.close().is_err(), "{name}");
    }
}

/// As whoever else reads it.
#[test]
fn what_the_disk_does_not_give_a_backup_stops_the_store() {
    for part in ["blobs/", "log-"] {
        let dir = tempfile::tempdir().unwrap();
        let disk = SimDisk::new();
        let store = DiskStore::open(dir.path(), on(&disk)).unwrap();
        let fence = store.acquire(1).unwrap();
        write(&store, fence, vec![put("large", vec![1; 3_000])]).unwrap();
        wait_until("the index has it", || store.stats().overlay_keys == 0);
        let backup = store.backup().unwrap();
        // Comes later than the beginning, so it is read from the log.
        write(&store, fence, vec![put("small", "x")]).unwrap();
        disk.fail(Operation::Read, part, 0, ErrorKind::TimedOut);
        let error = backup.send(&mut io::sink(), Label::default(), || Ok(Vec::new())).unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{part}: {error}");
        let status = store.status().borrow().clone();
        assert!(matches!(&status, Status::Failed { reason } if reason.contains(part)), "{part}: {status:?}");
    }
}

#[test]
fn a_log_that_the_disk_does_not_give_is_named_by_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let disk = SimDisk::new();
    let store = DiskStore::open(dir.path(), on(&disk)).unwrap();
    let fence = store.acquire(1).unwrap();
    write(&store, fence, vec![put("a", "b")]).unwrap();
    store.close().unwrap();
    disk.fail(Operation::Read, "log-", 0, ErrorKind::TimedOut);
    match DiskStore::open(dir.path(), on(&disk)) {
        Err(Error::Io { path, .. }) => assert!(path.to_string_lossy().contains("log-"), "{}", path.display()),
        other => panic!("{:?}", other.err()),
    }
    let store = DiskStore::open(dir.path(), on(&disk)).unwrap();
    assert_eq!(store.get(View::Durable, b"a").unwrap().unwrap(), "b");
}

#[test]
fn a_failed_rotation_stops_the_store() {
    stops_and_keeps_what_was_acknowledged(Operation::Rename, "spare-", 2, ErrorKind::Other);
    stops_and_keeps_what_was_acknowledged(Operation::SyncDir, "log", 2, ErrorKind::Other);
}

#[test]
fn a_full_disk_stops_the_store() {
    stops_and_keeps_what_was_acknowledged(Operation::Write, "spare-", 0, ErrorKind::StorageFull);
}

#[test]
fn a_snapshot_that_a_full_disk_has_no_room_for_is_put_off() {
    let dir = tempfile::tempdir().unwrap();
    let disk = SimDisk::new();
    let store = DiskStore::open(dir.path(), on(&disk)).unwrap();
    let fence = store.acquire(1).unwrap();
    disk.fail(Operation::Write, "snapshot-", 0, ErrorKind::StorageFull);
    let mut number = 0u64;
    while store.stats().snapshots == 0 {
        write(&store, fence, vec![put(&format!("{:02}", number % 40), vec![7; 900])]).unwrap();
        number += 1;
        assert!(number < 20_000, "no snapshot was taken later");
    }
    // The first is due when three segments are full.
    assert!(number > 230, "the first one was taken, after {number}");
    assert_eq!(*store.status().borrow(), Status::Ready);
    store.close().unwrap();
    let is_draft = |path: &Path| path.to_string_lossy().contains("/snapshot-") && path.extension().is_some();
    assert!(disk.files().iter().all(|(path, _)| !is_draft(path)), "nothing is left of it");
}

#[test]
fn a_failed_snapshot_stops_the_store() {
    stops_and_keeps_what_was_acknowledged(Operation::Sync, "snapshot-", 0, ErrorKind::Other);
    stops_and_keeps_what_was_acknowledged(Operation::Rename, "snapshot-", 0, ErrorKind::Other);
}

#[test]
fn little_free_space_refuses_new_work_until_there_is_more() {
    let dir = tempfile::tempdir().unwrap();
    let disk = SimDisk::new();
    let options = Options { disk_reserve_bytes: 1000, ..on(&disk) };
    let store = DiskStore::open(dir.path(), options).unwrap();
    let fence = store.acquire(1).unwrap();
    disk.set_free_bytes(999);
    wait_until(
        "it refuses",
        || matches!(&*store.status().borrow(), Status::Refusing { reason } if reason.contains("999")),
    );
    write(&store, fence, vec![put("a", "running work goes on")]).unwrap();
    disk.set_free_bytes(1000);
    wait_until("it is ready again", || *store.status().borrow() == Status::Ready);
}

fn fill(dir: &Path, batches: u64) {
    let store = open(dir);
    let fence = store.acquire(1).unwrap();
    for n in 0..batches {
        let mut ops = vec![put(&format!("{n:05}"), vec![n as u8; 600]), put("blob", vec![n as u8; 1500])];
        // One for a snapshot and one for the end of the log.
        let apart = apart(batches).into_iter().find(|(_, batch)| *batch == n);
        ops.extend(apart.map(|(key, _)| put_apart(&store, key, vec![n as u8; 5000])));
        commit(&store, fence, ops).unwrap();
        // Checkpoints and snapshots get their turn.
        wait_until("the store keeps up", || store.stats().unsynced_bytes < 50_000);
    }
    store.close().unwrap();
}

/// Returns the values that [`fill`] sets apart, with the batches that have them.
fn apart(batches: u64) -> [(&'static str, u64); 2] {
    [("apart/first", 0), ("apart/last", batches - 1)]
}

fn check_apart(store: &DiskStore, batches: u64) {
    for (key, batch) in apart(batches) {
        let found = store.get(View::Durable, key.as_bytes()).unwrap();
        assert_eq!(found.unwrap(), framed(vec![batch as u8; 5000]), "{key}");
    }
}

fn check(dir: &Path, batches: u64, is_rebuilt: bool) {
    let store = open(dir);
    assert_eq!(store.stats().index_rebuilt, is_rebuilt);
    let found = store.scan(View::Durable, b"0", b"9", usize::MAX).unwrap();
    assert_eq!(found.len() as u64, batches);
    assert!(found.iter().enumerate().all(|(n, (_, value))| value[..] == vec![n as u8; 600]));
    assert_eq!(store.get(View::Durable, b"blob").unwrap().unwrap(), vec![(batches - 1) as u8; 1500]);
    check_apart(&store, batches);
    assert_eq!(store.acquire(1).unwrap().epoch % 2, u64::from(!is_rebuilt), "epochs are rebuilt too");
}

#[test]
fn a_lost_index_is_rebuilt_from_the_log_alone() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), 50);
    fs::remove_dir_all(dir.path().join("index")).unwrap();
    // Nothing was ever recycled, so an empty index follows the log like any other.
    let store = open(dir.path());
    assert_eq!(store.scan(View::Durable, b"0", b"9", usize::MAX).unwrap().len(), 50);
    check_apart(&store, 50);
}

#[test]
fn a_lost_index_is_rebuilt_from_snapshot_and_log() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), 1500);
    let report = doctor(dir.path()).unwrap();
    assert!(report.problems.is_empty() && report.snapshot.is_some(), "{report:?}");
    fs::remove_dir_all(dir.path().join("index")).unwrap();
    check(dir.path(), 1500, true);
}

#[test]
fn a_damaged_index_is_moved_aside_and_rebuilt() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), 1500);
    for entry in fs::read_dir(dir.path().join("index/metadata")).unwrap() {
        let path = entry.unwrap().path();
        let mut content = fs::read(&path).unwrap();
        content.iter_mut().for_each(|byte| *byte = !*byte);
        fs::write(path, content).unwrap();
    }
    let report = doctor(dir.path()).unwrap();
    assert!(!report.index.opens && report.problems.len() == 1, "{report:?}");
    assert!(report.problems[0].ends_with("the next start rebuilds it"), "{report:?}");
    check(dir.path(), 1500, true);
    assert!(dir.path().join("index.broken").exists());
    let report = doctor(dir.path()).unwrap();
    assert!(report.problems.is_empty(), "{report:?}");
}

#[test]
fn without_index_and_snapshot_a_cut_log_is_not_enough() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), 1500);
    fs::remove_dir_all(dir.path().join("index")).unwrap();
    for entry in fs::read_dir(dir.path().join("snapshots")).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let report = doctor(dir.path()).unwrap();
    let [problem] = report.problems.as_slice() else { panic!("{report:?}") };
    assert!(problem.contains("it cannot be rebuilt: the newest snapshot ends with record 0"), "{problem}");
    assert!(matches!(DiskStore::open(dir.path(), Options::tiny()), Err(Error::IndexLost { .. })));
}

#[test]
fn a_flipped_bit_in_the_log_is_named_by_open_and_doctor() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), 100);
    let segment = dir.path().join("log/log-0000000000000001");
    let mut content = fs::read(&segment).unwrap();
    content[5000] ^= 16;
    fs::write(&segment, content).unwrap();
    match DiskStore::open(dir.path(), Options::tiny()) {
        Err(Error::LogCorrupt { file, offset, .. }) => {
            assert_eq!(file, segment);
            assert!(offset <= 5000 && offset > 3000);
        }
        other => panic!("{:?}", other.err()),
    }
    let report = doctor(dir.path()).unwrap();
    assert!(
        report.log.damage.as_ref().is_some_and(|damage| damage.contains("log-0000000000000001")),
        "{report:?}"
    );
}

#[test]
fn a_log_that_lost_its_end_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), 20);
    fs::write(dir.path().join("log/log-0000000000000001"), vec![0; 65536]).unwrap();
    assert!(matches!(DiskStore::open(dir.path(), Options::tiny()), Err(Error::LogCorrupt { .. })));
}

#[test]
fn the_doctor_counts_and_finds_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), 30);
    let report = doctor(dir.path()).unwrap();
    assert_eq!(
        (report.index.keys, report.blobs.referenced, report.blobs.orphaned, report.blobs.missing),
        (33, 3, 0, 0)
    );
    assert_eq!(report.blobs.referenced_bytes, 1500 + 2 * 5000);
    assert_eq!(report.log.last_sequence, 31);
    assert!(report.log.is_closed_cleanly && report.index.opens && report.problems.is_empty(), "{report:?}");
    let mut blobs = fs::read_dir(dir.path().join("blobs")).unwrap().map(|entry| entry.unwrap().path());
    // The temporary name of the last value that was set apart may still be there.
    let blob = blobs.find(|path| path.extension().is_none()).unwrap();
    fs::rename(&blob, blob.with_file_name("00000000000000ff-00000000")).unwrap();
    let report = doctor(dir.path()).unwrap();
    assert_eq!((report.blobs.orphaned, report.blobs.missing), (1, 1));
    assert!(serde_json::to_string(&report).unwrap().contains("\"missing\":1"));
    assert!(matches!(doctor(&dir.path().join("blobs")), Err(Error::NotOurs { .. })));
    for (name, expected) in [("nowhere", "it is not there"), ("empty", "it has nothing of a server")] {
        let other = dir.path().join(name);
        if name == "empty" {
            fs::create_dir(&other).unwrap();
        }
        let why = doctor(&other).unwrap_err().to_string();
        assert!(why.contains(expected), "{why}");
    }
}

#[test]
fn an_index_is_read_whole_when_a_machine_or_a_disk_may_have_lost_a_part_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let disk = SimDisk::new();
    let store = DiskStore::open(dir.path(), on(&disk)).unwrap();
    let fence = store.acquire(1).unwrap();
    write(&store, fence, vec![put("a", "b")]).unwrap();
    assert!(dir.path().join("INDEX-WHOLE").exists());
    // The store fails by that: the disk may have lost more than what it says.
    disk.cut_after(0);
    commit(&store, fence, vec![put("a", "c")]).ok();
    wait_until("it fails", || matches!(*store.status().borrow(), Status::Failed { .. }));
    assert!(!dir.path().join("INDEX-WHOLE").exists());
    drop(store);
    let disk = disk.after_power_cut(1);
    let store = DiskStore::open(dir.path(), on(&disk)).unwrap();
    assert!(store.stats().index_verified);
    store.close().unwrap();
    let store = DiskStore::open(dir.path(), on(&disk)).unwrap();
    assert!(!store.stats().index_verified, "a clean close says that there was no crash");
}

#[test]
fn a_close_that_did_not_come_to_its_end_says_nothing_of_the_index() {
    let dir = tempfile::tempdir().unwrap();
    let open_verified = |close: bool| {
        let store = open(dir.path());
        let is_verified = store.stats().index_verified;
        assert!(!dir.path().join("INDEX-CLOSED").exists(), "it does not count twice");
        if close {
            store.close().unwrap();
        }
        // As on another machine: all that is known comes from the close.
        fs::remove_file(dir.path().join("INDEX-WHOLE")).unwrap();
        is_verified
    };
    open_verified(true);
    assert!(!open_verified(true));
    fs::remove_file(dir.path().join("INDEX-CLOSED")).unwrap();
    assert!(open_verified(true), "the log was closed, the index perhaps not");
    fs::write(dir.path().join("INDEX-CLOSED"), "1").unwrap();
    assert!(open_verified(true), "another index was closed");
}
