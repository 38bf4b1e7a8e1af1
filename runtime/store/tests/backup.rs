//! Backups taken while others write, restored elsewhere, and damaged in every way.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use abide_store::backup::wire::{DATA_BYTES, Frame};
use abide_store::backup::{self, Attachment, Label, Manifest, Receiver};
use abide_store::disk::Disk;
use abide_store::disk::sim::{Random, SimDisk};
use abide_store::{Batch, DiskStore, Error, Op, Options, Sequence, Store, View};
use common::{commit, delete, framed, on, open, put, put_apart, wait_until, write};
use sha2::{Digest, Sha256};

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

fn label() -> Label {
    Label { made_by: "a test".into(), made_at: "now".into() }
}

/// Passes the stream on, in pieces that end anywhere.
struct To {
    receiver: Receiver,
    pieces: Random,
}

impl Write for To {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(1 + self.pieces.below(100_000) as usize);
        self.receiver.push(&bytes[..count]).map_err(io::Error::other)?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn take(store: &DiskStore, dir: &Path, files: Vec<Attachment>) -> Manifest {
    let mut to = To { receiver: Receiver::create(dir).unwrap(), pieces: Random::new(1) };
    let sent = store.backup().unwrap().send(&mut to, label(), || Ok(files)).unwrap();
    assert_eq!(to.receiver.finish().unwrap(), sent);
    sent
}

fn restore(dir: &Path, data: &Path) -> Result<backup::Restored, Error> {
    backup::restore(dir, data, Options::tiny(), |_| {})
}

fn content(store: &DiskStore) -> Map {
    let found = store.scan(View::Durable, b"", b"\xff\xff", usize::MAX).unwrap();
    found.into_iter().map(|(key, value)| (key, value.to_vec())).collect()
}

fn apply(map: &mut Map, ops: &[Op]) {
    for op in ops {
        match op.value() {
            Some(value) => map.insert(op.key().to_vec(), value.into_whole().to_vec()),
            None => map.remove(op.key()),
        };
    }
}

/// So many that a backup reads them in several parts, and that many change while it does.
const KEYS: u64 = 2_500;

fn key(number: u64) -> String {
    format!("{number:04}")
}

/// A few changes; some values are blobs.
fn random_ops(random: &mut Random) -> Vec<Op> {
    let count = 1 + random.below(5);
    let op = |_| {
        let key = key(random.below(KEYS));
        match random.below(32) {
            0..4 => delete(&key),
            4 => put(&key, vec![random.below(256) as u8; 1_025 + random.below(3_000) as usize]),
            _ => put(&key, vec![random.below(256) as u8; random.below(200) as usize]),
        }
    };
    (0..count).map(op).collect()
}

/// Writes until it is told to stop; returns what it wrote.
fn write_on(
    store: &DiskStore,
    partition: u16,
    is_over: &AtomicBool,
    acknowledged: &Mutex<Sequence>,
) -> Vec<(Sequence, Vec<Op>)> {
    let fence = store.acquire(partition).unwrap();
    let mut random = Random::new(u64::from(partition));
    let mut written = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let ops = random_ops(&mut random);
        let sequence = store.commit(Batch { fence, ops: ops.clone() }).unwrap();
        written.push((sequence, ops));
        if random.one_in(8) {
            wait_until("it is durable", || *store.durable().borrow() >= sequence);
            let mut acknowledged = acknowledged.lock().unwrap();
            *acknowledged = sequence.max(*acknowledged);
        }
    }
    written
}

/// A backup under concurrent commits, with rotations, checkpoints, snapshots and blobs that come and go, is the store as
/// of one sequence: not before what was acknowledged when it began.
#[test]
fn a_backup_is_a_prefix_of_what_was_committed() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let store = open(&data);
    let (is_over, acknowledged) = (AtomicBool::new(false), Mutex::new(0));
    let mut taken = Vec::new();
    let fence = store.acquire(4).unwrap();
    let first = (0..KEYS).step_by(100).map(|from| {
        let ops: Vec<Op> = (from..from + 100).map(|number| put(&key(number), "there before")).collect();
        (write(&store, fence, ops.clone()).unwrap(), ops)
    });
    let mut written: Vec<(Sequence, Vec<Op>)> = first.collect();
    let more = std::thread::scope(|scope| {
        let (store, is_over, acknowledged) = (&store, &is_over, &acknowledged);
        let writers: Vec<_> = (1..=3)
            .map(|partition| scope.spawn(move || write_on(store, partition, is_over, acknowledged)))
            .collect();
        let rotations = || store.stats().checkpoints;
        for number in 0..4 {
            let before = rotations();
            wait_until("the log goes on", || rotations() > before + 2);
            let dir = home.path().join(format!("backup-{number}"));
            let acknowledged = *acknowledged.lock().unwrap();
            taken.push((take(store, &dir, Vec::new()), dir, acknowledged));
        }
        is_over.store(true, Ordering::Relaxed);
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect::<Vec<_>>()
    });
    written.extend(more);
    assert!(store.stats().snapshots > 0);
    written.sort_by_key(|(sequence, _)| *sequence);
    for (manifest, dir, acknowledged) in taken {
        assert!(manifest.last >= acknowledged, "{} is not in {}", acknowledged, manifest.last);
        assert!(manifest.blobs > 0, "blobs were copied");
        let mut expected = Map::new();
        let upto = written.iter().take_while(|(sequence, _)| *sequence <= manifest.last);
        upto.for_each(|(_, ops)| apply(&mut expected, ops));
        let restored = dir.with_extension("restored");
        assert_eq!(restore(&dir, &restored).unwrap().manifest, manifest);
        let copy = open(&restored);
        assert!(expected.len() > 1_500, "{} keys are walked in several parts", expected.len());
        assert!(content(&copy) == expected, "backup of {} to {}", manifest.first, manifest.last);
        assert_eq!(*copy.durable().borrow(), manifest.last);
        assert_eq!(copy.acquire(1).unwrap().epoch, 2, "epochs go on");
    }
}

#[test]
fn what_a_backup_holds_goes_when_it_is_over() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let store = open(&data);
    let fence = store.acquire(1).unwrap();
    let blobs = || fs::read_dir(data.join("blobs")).unwrap().count();
    write(&store, fence, vec![put("a", vec![1; 5_000])]).unwrap();
    wait_until("it is applied", || store.stats().overlay_keys == 0);
    let backup = store.backup().unwrap();
    assert!(matches!(store.backup(), Err(Error::BackupRunning)));
    for n in 0..200u8 {
        write(&store, fence, vec![put("a", vec![n; 5_000]), put("b", vec![n; 900])]).unwrap();
    }
    wait_until("it is applied", || store.stats().overlay_keys == 0);
    assert_eq!(blobs(), 201, "a backup may need every one of them");
    let mut stream = Vec::new();
    let manifest = backup.send(&mut stream, label(), || Ok(Vec::new())).unwrap();
    // The first value was replaced by a record that comes with its own.
    assert_eq!((manifest.last - manifest.first, manifest.blobs), (200, 200));
    assert_eq!(blobs(), 201, "it may be sent to somebody else");
    drop(backup);
    assert_eq!(blobs(), 1);
    drop(store.backup().unwrap());
    assert_eq!(content(&store).len(), 2);
}

#[test]
fn values_that_were_set_apart_are_in_a_backup() {
    let home = tempfile::tempdir().unwrap();
    let (dir, restored) = (home.path().join("backup"), home.path().join("restored"));
    let store = open(&home.path().join("data"));
    let fence = store.acquire(1).unwrap();
    write(&store, fence, vec![put_apart(&store, "a", [1; 5_000])]).unwrap();
    wait_until("it is applied", || store.stats().overlay_keys == 0);
    let backup = store.backup().unwrap();
    // The first is a pair of the index, this one comes with its record.
    write(&store, fence, vec![put_apart(&store, "b", [2; 6_000])]).unwrap();
    let mut to = To { receiver: Receiver::create(&dir).unwrap(), pieces: Random::new(1) };
    let manifest = backup.send(&mut to, label(), || Ok(Vec::new())).unwrap();
    assert_eq!(to.receiver.finish().unwrap(), manifest);
    assert_eq!((manifest.blobs, manifest.blob_bytes), (2, 11_000));
    let checked = backup::check(&dir, |_| {}).unwrap();
    assert!(checked.damaged.is_empty(), "{checked:?}");
    restore(&dir, &restored).unwrap();
    let report = abide_store::doctor(&restored).unwrap();
    assert!(report.problems.is_empty() && report.blobs.referenced == 2, "{report:?}");
    let expected = [(b"a".to_vec(), framed([1; 5_000])), (b"b".to_vec(), framed([2; 6_000]))];
    assert!(content(&open(&restored)) == Map::from(expected));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The file of a component, as a server names it.
fn component() -> String {
    format!("components/{}.wasm", hex(&Sha256::digest("some code")))
}

/// A store with small values, a blob, and two files beside it; returns its backup.
fn small_backup(home: &Path) -> (PathBuf, Manifest) {
    let data = home.join("data");
    let store = open(&data);
    let fence = store.acquire(1).unwrap();
    write(&store, fence, vec![put("a", "1"), put("b", vec![7; 5_000]), put("c", "3")]).unwrap();
    write(&store, fence, vec![delete("c")]).unwrap();
    wait_until("it is applied", || store.stats().overlay_keys == 0);
    fs::create_dir(data.join("components")).unwrap();
    fs::write(data.join(component()), "some code").unwrap();
    fs::write(data.join("audit.log"), "a line\n").unwrap();
    let sha256 = Some(Sha256::digest("some code").into());
    let file = |name: &str, sha256| Attachment { name: name.into(), path: data.join(name), sha256 };
    let files = vec![file(&component(), sha256), file("audit.log", None), file("audit.log.1", None)];
    let dir = home.join("backup");
    let manifest = take(&store, &dir, files);
    (dir, manifest)
}

#[test]
fn files_beside_the_store_are_restored_too() {
    let home = tempfile::tempdir().unwrap();
    let (dir, manifest) = small_backup(home.path());
    assert_eq!(manifest.files.len(), 2, "what is not there is not needed: {manifest:?}");
    let data = home.path().join("restored");
    fs::create_dir(&data).unwrap();
    restore(&dir, &data).unwrap();
    for ours in [&dir, &home.path().join("data")] {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(ours).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o700, "others cannot look into {}", ours.display());
    }
    assert_eq!(fs::read_to_string(data.join(component())).unwrap(), "some code");
    assert_eq!(fs::read_to_string(data.join("audit.log")).unwrap(), "a line\n");
    let store = open(&data);
    assert_eq!(content(&store).keys().collect::<Vec<_>>(), [b"a", b"b"]);
    assert!(abide_store::doctor(&dir).is_err(), "a backup is no data folder");
    assert!(matches!(DiskStore::open(&dir, Options::tiny()), Err(Error::NotOurs { .. })));
}

fn files_of(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_of(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Each byte of each file counts, and the file that is damaged is named.
#[test]
fn a_damaged_backup_names_what_is_damaged_and_nothing_is_restored() {
    let home = tempfile::tempdir().unwrap();
    let (dir, _) = small_backup(home.path());
    let data = home.path().join("restored");
    let files = files_of(&dir);
    assert_eq!(files.len(), 5, "{files:?}");
    for path in files {
        let whole = fs::read(&path).unwrap();
        let name = path.strip_prefix(&dir).unwrap().display().to_string();
        let step = (whole.len() / 40).max(1);
        let mut cases: Vec<(String, Option<Vec<u8>>)> = vec![("is gone".into(), None)];
        for at in (0..whole.len()).step_by(step) {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            cases.push((format!("is flipped at {at}"), Some(flipped)));
            cases.push((format!("is cut at {at}"), Some(whole[..at].to_vec())));
        }
        for (what, bytes) in cases {
            match bytes {
                Some(bytes) => fs::write(&path, bytes).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            let error = restore(&dir, &data).expect_err(&format!("{name} {what}")).to_string();
            assert!(error.contains(&name), "{name} {what}: {error}");
            assert!(!data.exists(), "{name} {what}: something was restored");
        }
        fs::write(&path, whole).unwrap();
    }
    restore(&dir, &data).unwrap();
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let (dir, _) = small_backup(home.path());
    let other = home.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("holiday.jpg"), "").unwrap();
    assert!(matches!(restore(&dir, &other), Err(Error::NotEmpty { .. })));
    assert!(matches!(restore(&dir, &home.path().join("data")), Err(Error::NotEmpty { .. })));
    assert!(matches!(Receiver::create(&other), Err(Error::NotEmpty { .. })));
    assert!(matches!(restore(&other, &home.path().join("new")), Err(Error::NotABackup { .. })));
    assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
}

#[test]
fn a_stream_that_breaks_off_or_fails_leaves_no_backup() {
    let home = tempfile::tempdir().unwrap();
    let store = open(&home.path().join("data"));
    let fence = store.acquire(1).unwrap();
    write(&store, fence, vec![put("a", "1"), put("b", vec![7; 5_000])]).unwrap();
    let mut stream = Vec::new();
    store.backup().unwrap().send(&mut stream, label(), || Ok(Vec::new())).unwrap();
    for cut in (0..stream.len()).step_by(97) {
        let dir = home.path().join(format!("cut-{cut}"));
        let mut receiver = Receiver::create(&dir).unwrap();
        receiver.push(&stream[..cut]).unwrap();
        assert!(matches!(receiver.finish(), Err(Error::NotABackup { .. })), "{cut}");
        assert!(matches!(restore(&dir, &home.path().join("restored")), Err(Error::NotABackup { .. })));
    }
    let missing = Attachment { name: component(), path: home.path().join("x"), sha256: Some([0; 32]) };
    let mut stream = Vec::new();
    store.backup().unwrap().send(&mut stream, label(), || Ok(vec![missing])).unwrap_err();
    let mut receiver = Receiver::create(&home.path().join("failed")).unwrap();
    match receiver.push(&stream) {
        Err(error @ Error::BackupGivenUp { .. }) => {
            let said = error.to_string();
            assert!(said.contains("cannot open") && said.matches("given up").count() == 1, "{said}");
        }
        other => panic!("{other:?}"),
    }
}

/// Compiled components are machine code that a server loads as it is: with one in a backup, whoever forged it would have
/// the machine.
#[test]
fn code_that_a_server_would_trust_is_in_no_backup() {
    let home = tempfile::tempdir().unwrap();
    let (dir, manifest) = small_backup(home.path());
    let (code, data) = ("machine code", home.path().join("restored"));
    let sha256 = hex(&Sha256::digest(code));
    let compiled = format!("artifacts/{sha256}-0123456789abcdef.cwasm");
    let other_component = format!("components/{}.wasm", "0a".repeat(32));
    for path in [compiled, other_component, "index/conf".into()] {
        let file = dir.join("files").join(&path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, code).unwrap();
        let mut forged = manifest.clone();
        let bytes = code.len() as u64;
        forged.files.push(backup::FileSum { path: path.clone(), bytes, sha256: sha256.clone() });
        let body = serde_json::to_string_pretty(&forged).unwrap() + "\n";
        let sum = hex(&Sha256::digest(&body));
        fs::write(dir.join("BACKUP"), format!("abide backup, format 1, sha256 {sum}\n{body}")).unwrap();
        let error = restore(&dir, &data).expect_err(&path).to_string();
        assert!(error.contains(&path), "{path}: {error}");
        assert!(!data.exists(), "{path}: something was restored");
        let mut stream = Vec::new();
        Frame::File(&format!("files/{path}")).write(&mut stream).unwrap();
        Frame::End(&fs::read(dir.join("BACKUP")).unwrap()).write(&mut stream).unwrap();
        let received = home.path().join(sha256.clone() + &path.replace('/', "-"));
        Receiver::create(&received).unwrap().push(&stream).expect_err(&path);
    }
}

#[test]
fn a_folder_that_is_filled_meanwhile_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let (dir, _) = small_backup(home.path());
    let data = home.path().join("restored");
    let restored = backup::restore(&dir, &data, Options::tiny(), |_| {
        fs::create_dir_all(data.join("log")).unwrap();
        fs::write(data.join("log/log-0000000000000001"), "of somebody else").unwrap();
    });
    assert!(matches!(restored, Err(Error::NotEmpty { .. })), "{restored:?}");
    assert_eq!(fs::read_to_string(data.join("log/log-0000000000000001")).unwrap(), "of somebody else");
    assert!(!data.join("FORMAT").exists() && !data.join("blobs").exists());
}

#[test]
fn a_restore_that_breaks_off_says_what_to_delete() {
    let home = tempfile::tempdir().unwrap();
    let (dir, manifest) = small_backup(home.path());
    let (data, file) = (home.path().join("restored"), dir.join("files").join(component()));
    let mut read = 0;
    let restored = backup::restore(&dir, &data, Options::tiny(), |bytes| {
        read += bytes;
        // All of it is examined, and the first blob is written.
        if read > manifest.bytes() {
            fs::remove_file(&file).ok();
        }
    });
    let error = restored.expect_err("a file of the backup is gone").to_string();
    assert!(error.contains("delete it") && error.contains("restored"), "{error}");
    assert!(!data.join("FORMAT").exists());
}

#[test]
fn a_damaged_blob_is_not_backed_up() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let store = open(&data);
    let fence = store.acquire(1).unwrap();
    write(&store, fence, vec![put("a", vec![1; 5_000])]).unwrap();
    wait_until("it is applied", || store.stats().overlay_keys == 0);
    let blob = fs::read_dir(data.join("blobs")).unwrap().next().unwrap().unwrap().path();
    fs::write(&blob, vec![2; 5_000]).unwrap();
    match store.backup().unwrap().send(&mut io::sink(), label(), || Ok(Vec::new())) {
        Err(Error::BlobCorrupt { file, .. }) => assert_eq!(file, blob),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_backup_gives_way_to_a_full_disk_and_to_a_stop() {
    let home = tempfile::tempdir().unwrap();
    let disk = SimDisk::new();
    let options = Options { disk_reserve_bytes: 1_000, ..on(&disk) };
    let store = DiskStore::open(&home.path().join("data"), options).unwrap();
    let fence = store.acquire(1).unwrap();
    write(&store, fence, vec![put("a", "1")]).unwrap();
    let mut refused = store.status();
    disk.set_free_bytes(10);
    wait_until("the store refuses", || {
        matches!(&*refused.borrow_and_update(), abide_store::Status::Refusing { .. })
    });
    match store.backup().unwrap().send(&mut io::sink(), label(), || Ok(Vec::new())) {
        Err(Error::BackupGivenUp { why }) => assert!(why.contains("10 bytes free"), "{why}"),
        other => panic!("{other:?}"),
    }
    let backup = store.backup().unwrap();
    store.close().unwrap();
    assert!(backup.send(&mut io::sink(), label(), || Ok(Vec::new())).is_err());
}

/// A reader that the disk becomes nearly full under, and that reads on only when the store has helped itself.
struct Slow<'a> {
    disk: &'a SimDisk,
    has_space: &'a dyn Fn() -> bool,
    is_full: bool,
    /// What was sent after that.
    bytes: usize,
}

impl Write for Slow<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_full {
            self.bytes += bytes.len();
        } else if bytes.len() == DATA_BYTES {
            self.is_full = true;
            self.disk.set_free_bytes(10);
            wait_until("the store takes back what is held", self.has_space);
            self.disk.set_free_bytes(u64::MAX / 2);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// However slowly it is read: a client that takes its time must not fill the disk with what the backup holds.
#[test]
fn a_full_disk_takes_back_what_a_backup_holds_while_its_reader_waits() {
    let home = tempfile::tempdir().unwrap();
    let (disk, data) = (SimDisk::new(), home.path().join("data"));
    let options = Options { disk_reserve_bytes: 1_000, ..on(&disk) };
    let store = DiskStore::open(&data, options).unwrap();
    let fence = store.acquire(1).unwrap();
    let large = vec![7; 4 * DATA_BYTES];
    write(&store, fence, vec![put("large", &large)]).unwrap();
    wait_until("it is applied", || store.stats().overlay_keys == 0);
    let backup = store.backup().unwrap();
    for _ in 0..1_000 {
        commit(&store, fence, vec![put("a", [1; 5_000]), put("b", [2; 900])]).unwrap();
    }
    wait_until("it is applied", || store.stats().overlay_keys == 0);
    wait_until("most of the log is in a snapshot", || store.stats().snapshots > 1);
    let files = |folder: &str| disk.list(&data.join(folder)).unwrap().len();
    let (blobs, log) = (files("blobs"), files("log"));
    assert!(blobs > 1_000 && log > 10, "{blobs} blobs and {log} parts of the log are held");
    let has_space = || files("blobs") == 2 && files("log") < log - 3;
    let mut slow = Slow { disk: &disk, has_space: &has_space, is_full: false, bytes: 0 };
    match backup.send(&mut slow, label(), || Ok(Vec::new())) {
        Err(Error::BackupGivenUp { why }) => assert!(why.contains("10 bytes free"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert!(slow.bytes < DATA_BYTES, "{} bytes were sent after it was given up", slow.bytes);
    assert!(matches!(store.backup(), Err(Error::BackupRunning)), "until it is dropped");
    drop(backup);
    let free = store.status();
    wait_until("it takes work again", || matches!(&*free.borrow(), abide_store::Status::Ready));
    store.backup().unwrap().send(&mut io::sink(), label(), || Ok(Vec::new())).unwrap();
}
