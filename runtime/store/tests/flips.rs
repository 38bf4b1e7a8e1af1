//! One bit that flips at rest, anywhere in the folder: it is named, or repaired, or does no harm, and is never believed.
//!
//! `ABIDE_STORE_FLIPS=20000 cargo test -p abide-store --test flips` flips more of them; `ABIDE_STORE_SEED` repeats a run.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use abide_store::disk::sim::Random;
use abide_store::{DiskStore, Error, Options, Status, Store, View};
use common::{put, wait_until, write};

type Content = BTreeMap<Vec<u8>, Vec<u8>>;

/// How long sled may loop over damage.
const STALL_MAX: Duration = Duration::from_secs(6);
const BATCHES: u64 = 450;

/// Writes values of all sizes, so that there are segments, blobs and a snapshot; one batch per sync. Returns what is there
/// then, and what was there before the last batch.
fn fill(store: &DiskStore) -> (Content, Content) {
    let fence = store.acquire(1).unwrap();
    let (mut content, mut before) = (Content::new(), Content::new());
    for n in 0..BATCHES {
        before.clone_from(&content);
        let large = if n.is_multiple_of(13) { 1500 } else { 700 };
        let batch =
            [(format!("{:03}", n % 90), vec![n as u8; large]), ("number".into(), n.to_be_bytes().to_vec())];
        write(store, fence, batch.iter().map(|(key, value)| put(key, value)).collect()).unwrap();
        content.extend(batch.map(|(key, value)| (key.into_bytes(), value)));
    }
    wait_until("everything is in the index", || store.stats().unsynced_bytes == 0);
    (content, before)
}

fn number() -> (u64, u64) {
    let number =
        |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
    (number("ABIDE_STORE_FLIPS", 60), number("ABIDE_STORE_SEED", 5))
}

/// Files that a bit is worth flipping in.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => files.push(path),
        }
    }
    files.retain(|path| path.metadata().is_ok_and(|metadata| metadata.len() > 0));
    files.retain(|path| !path.ends_with("LOCK"));
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => _ = fs::copy(entry.path(), target).unwrap(),
        }
    }
}

/// Flips a bit of one of the files. Half of the time behind its last byte that is not zero there would be nothing to harm.
fn flip(dir: &Path, random: &mut Random) -> String {
    let files = files(dir);
    let path = &files[random.below(files.len() as u64) as usize];
    let mut content = fs::read(path).unwrap();
    let used = content.iter().rposition(|byte| *byte != 0).map_or(content.len(), |last| last + 1);
    let at = random.below(used as u64) as usize;
    content[at] ^= 1 << random.below(8);
    fs::write(path, content).unwrap();
    format!("byte {at} of {}", path.strip_prefix(dir).unwrap().display())
}

/// Opens the folder and reads everything.
fn read(dir: &Path) -> Result<Content, Error> {
    let options = || Options { index_stall_max: STALL_MAX, ..Options::tiny() };
    let store = DiskStore::open(dir, options())?;
    let found = store.scan(View::Durable, b"", b"\xff", usize::MAX);
    let is_failed = matches!(*store.status().borrow(), Status::Failed { .. });
    match found {
        // Damage of the index that shows when it is read: the next open rebuilds it.
        Err(Error::Index { .. }) if is_failed => {
            drop(store);
            let store = DiskStore::open(dir, options())?;
            Ok(store.scan(View::Durable, b"", b"\xff", usize::MAX)?.into_iter().map(owned).collect())
        }
        found => Ok(found?.into_iter().map(owned).collect()),
    }
}

fn owned((key, value): (Vec<u8>, bytes::Bytes)) -> (Vec<u8>, Vec<u8>) {
    (key, value.to_vec())
}

/// Says whether an error tells what is damaged.
fn is_named(error: &Error) -> bool {
    matches!(
        error,
        Error::LogCorrupt { .. }
            | Error::BlobCorrupt { .. }
            | Error::SnapshotCorrupt { .. }
            | Error::NotOurs { .. }
            | Error::NewerFormat { .. }
            | Error::IndexLost { .. }
            // sled looped over it; the next process rebuilds it.
            | Error::IndexStalled { .. }
    )
}

/// Flips bits of copies of a folder, and returns how often it was named.
fn flips_are_never_believed(
    original: &Path,
    content: &Content,
    is_right: impl Fn(&str, &Content) -> bool,
) -> u64 {
    let (count, seed) = number();
    let mut random = Random::new(seed);
    let mut named = 0;
    for n in 0..count {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("data");
        copy(original, &dir);
        let flipped = flip(&dir, &mut random);
        match read(&dir) {
            Ok(found) if found == *content || is_right(&flipped, &found) => {}
            Ok(found) => panic!(
                "ABIDE_STORE_SEED={seed}, flip {n}: {flipped} was believed: {}",
                differs(content, &found)
            ),
            Err(error) if is_named(&error) => named += 1,
            Err(error) => panic!("ABIDE_STORE_SEED={seed}, flip {n}: {flipped} has no name: {error}"),
        }
    }
    println!("{count} bits flipped, {named} named, the others did no harm or were repaired");
    named
}

fn differs(expected: &Content, found: &Content) -> String {
    let missing = expected.iter().find(|(key, value)| found.get(*key) != Some(value));
    let extra = found.keys().find(|key| !expected.contains_key(*key));
    format!("{missing:?} is not as written, {extra:?} is too much")
}

#[test]
fn a_bit_that_flips_in_a_closed_folder_is_never_believed() {
    let dir = tempfile::tempdir().unwrap();
    let store = DiskStore::open(dir.path(), Options::tiny()).unwrap();
    let (content, _) = fill(&store);
    store.close().unwrap();
    assert!(fs::read_dir(dir.path().join("snapshots")).unwrap().count() > 0, "there is a snapshot");
    assert!(flips_are_never_believed(dir.path(), &content, |_, _| false) > 0);
}

#[test]
fn a_bit_that_flips_in_the_folder_of_a_killed_process_is_never_believed() {
    let (dir, copied) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = DiskStore::open(dir.path(), Options::tiny()).unwrap();
    let (content, before_the_last) = fill(&store);
    copy(dir.path(), copied.path());
    drop(store);
    // The last batch may pass for one that a crash tore: nothing behind it says that it was synced.
    let is_right = |flipped: &str, found: &Content| flipped.contains("log/log-") && *found == before_the_last;
    assert!(flips_are_never_believed(copied.path(), &content, is_right) > 0);
}
