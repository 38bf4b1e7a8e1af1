//! An index that is opened anew is the same index, and nobody who reads notices.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::batch::{Fence, Sequence};
use crate::disk::sim::Random;
use crate::index;
use crate::log::record::{Entry, Record, Stored};
use crate::options::Options;

type Model = BTreeMap<Vec<u8>, Option<u32>>;

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

fn open(home: &TempDir) -> Index {
    Index::open(&home.path().join("index"), &Options::tiny()).unwrap()
}

/// Makes changes, the last ones of which stay in the model.
fn apply(index: &Index, model: &mut Model, sequence: Sequence, numbers: impl Iterator<Item = u32>) {
    let changes: Model = numbers
        .map(|number| {
            let is_removed = number.is_multiple_of(5);
            (
                (number.wrapping_mul(2_654_435_761) % 20_000).to_be_bytes().to_vec(),
                (!is_removed).then_some(number),
            )
        })
        .collect();
    model.extend(changes.clone());
    let stored = |number: u32| Stored::Inline(Bytes::from(format!("{number:0>60}")));
    let changes = changes.into_iter().map(|(key, number)| (key, number.map(stored))).collect();
    let entry = Entry::Batch { fence: Fence { partition: 0, epoch: 1 }, changes };
    index.apply(std::iter::once(&Record { sequence, entry })).unwrap();
    index.set_applied(sequence).unwrap();
}

fn check(index: &Index, model: &Model, applied: Sequence) {
    index.verify(&AtomicU64::new(0)).unwrap();
    assert_eq!(index.applied().unwrap(), applied);
    let found = index
        .range(&[], None, |pairs| {
            pairs.map(|pair| pair.map(|(key, _)| key)).collect::<std::io::Result<Vec<_>>>()
        })
        .unwrap();
    let expected: Vec<_> =
        model.iter().filter(|(_, number)| number.is_some()).map(|(key, _)| key.clone()).collect();
    assert_eq!(found.len(), expected.len());
    assert!(found == expected, "other keys");
}

fn folders(home: &TempDir) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(home.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn it_is_the_same_index_with_all_that_was_changed_before_and_after() {
    let home = TempDir::new().unwrap();
    let index = open(&home);
    let mut model = Model::new();
    for round in 1..=8u32 {
        apply(&index, &mut model, u64::from(round) * 2, round * 5_000..(round + 1) * 5_000);
        if round % 2 == 0 {
            index.flush().unwrap();
        }
        apply(&index, &mut model, u64::from(round) * 2 + 1, round * 1_000..round * 1_000 + 100);
        assert_ne!(index.bytes_since_open(), 0);
        index.renew().unwrap();
        assert_eq!(index.bytes_since_open(), 0);
        assert_eq!(folders(&home), [if round % 2 == 0 { "index" } else { "index.other" }]);
        assert_eq!(index.dir().file_name().unwrap().to_str(), folders(&home).first().map(|name| &name[..]));
        check(&index, &model, u64::from(round) * 2 + 1);
        if round == 5 {
            index.close().unwrap();
            assert_eq!(folders(&home), ["index"], "it rests where older versions look for it");
            drop(index);
            return check(&open(&home), &model, 11);
        }
    }
}

/// Leaves that grow, shrink, split and go leave holes in sled's files, which it fills, and cuts off at their ends.
#[test]
fn what_sled_tidies_up_when_it_is_given_up_is_not_missed_by_the_next() {
    for seed in 1..=3 {
        let home = TempDir::new().unwrap();
        let index = open(&home);
        let mut random = Random::new(seed);
        let mut model = BTreeMap::<Vec<u8>, Vec<u8>>::new();
        for sequence in 1..=40 {
            let many = if random.one_in(3) { 2_000 } else { 1 + random.below(20) };
            let changes: BTreeMap<_, _> = (0..many)
                .map(|_| {
                    let key = random.below(3_000).to_be_bytes().to_vec();
                    let magnitude = random.below(9);
                    let bytes = 1 + random.below(1 << magnitude);
                    let value: Vec<u8> = (0..bytes).map(|_| random.draw().to_le_bytes()[0]).collect();
                    (key, (!random.one_in(3)).then_some(value))
                })
                .collect();
            for (key, value) in changes.clone() {
                match value {
                    Some(value) => model.insert(key, value),
                    None => model.remove(&key),
                };
            }
            let stored = |value: Vec<u8>| Stored::Inline(Bytes::from(value));
            let changes = changes.into_iter().map(|(key, value)| (key, value.map(stored))).collect();
            let entry = Entry::Batch { fence: Fence { partition: 0, epoch: 1 }, changes };
            index.apply(std::iter::once(&Record { sequence, entry })).unwrap();
            if random.one_in(2) {
                index.renew().unwrap();
                let found = index
                    .range(&[], None, |pairs| pairs.collect::<std::io::Result<BTreeMap<_, _>>>())
                    .unwrap_or_else(|error| panic!("seed {seed}, change {sequence}: {error}"));
                let expected: BTreeMap<_, _> =
                    model.iter().map(|(key, value)| (key.clone(), stored(value.clone()))).collect();
                assert!(found == expected, "seed {seed}, change {sequence}");
            }
        }
    }
}

#[test]
fn readers_do_not_wait_for_it_and_it_waits_for_those_of_the_old_one() {
    let home = TempDir::new().unwrap();
    let index = open(&home);
    let mut model = Model::new();
    apply(&index, &mut model, 1, 0..5_000);
    let (begun, is_begun) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let read = &index;
        let slow = scope.spawn(move || {
            read.range(&[], None, |pairs| {
                let first = pairs.next().unwrap()?.0;
                begun.send(()).unwrap();
                may_go_on.recv_timeout(LONG).unwrap();
                Ok((first, pairs.count()))
            })
        });
        is_begun.recv_timeout(LONG).unwrap();
        let renewal = scope.spawn(|| index.renew().unwrap());
        while index.dir() == home.path().join("index") {
            std::thread::sleep(READERS_PAUSE);
        }
        // The new one answers, and the old one is not given up before its reader has ended.
        let key = model.iter().find(|(_, number)| number.is_some()).map(|(key, _)| key.clone()).unwrap();
        assert!(index.get(&key).unwrap().is_some());
        assert!(!renewal.is_finished());
        assert_eq!(folders(&home), ["index", "index.other"]);
        go_on.send(()).unwrap();
        let (first, others) = slow.join().unwrap().unwrap();
        assert_eq!((first, others + 1), (key, model.values().flatten().count()));
        assert!(renewal.join().unwrap() < LONG);
    });
    assert_eq!(folders(&home), ["index.other"]);
    check(&index, &model, 1);
}

type Leave = fn(&Path);

/// Leaves what a crash may, of an index with a few pairs; returns these.
fn crashed(home: &TempDir, leave: impl FnOnce(&Path)) -> Model {
    let index = open(home);
    let mut model = Model::new();
    apply(&index, &mut model, 1, 0..3_000);
    index.close().unwrap();
    leave(&home.path().join("index"));
    model
}

#[test]
fn whatever_a_crash_leaves_is_one_index() {
    fn linked(index: &Path) {
        assert!(names::link(index, index, &names::other(index)).unwrap());
    }
    let leaves: [(&str, Leave); 4] = [
        ("both folders", linked),
        ("the second one, opened", |index| {
            linked(index);
            drop(Index::open(&names::other(index), &Options::tiny()).unwrap());
        }),
        ("the second one alone", |index| {
            linked(index);
            names::give_up(index, index).unwrap();
        }),
        ("a part of the names", |index| {
            linked(index);
            fs::rename(names::other(index), index.with_extension("partial")).unwrap();
            fs::remove_dir_all(index.join("partial/slabs")).ok();
        }),
    ];
    for (name, leave) in leaves {
        let home = TempDir::new().unwrap();
        let model = crashed(&home, leave);
        index::settle(&home.path().join("index")).unwrap();
        assert_eq!(folders(&home), ["index"], "{name}");
        check(&open(&home), &model, 1);
    }
}

#[test]
fn where_no_file_can_have_two_names_none_is_left() {
    // A file system of its own, where there is one.
    let Ok(elsewhere) = TempDir::new_in("/dev/shm") else { return };
    let home = TempDir::new().unwrap();
    let index = open(&home);
    let there = elsewhere.path().join("index");
    assert!(!names::link(&there, &index.dir(), &names::other(&there)).unwrap());
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}
