//! Random operations against a map: both stores, both views, with reopening and crashing.

mod common;

use std::collections::BTreeMap;

use abide_store::disk::sim::Random;
use abide_store::{DiskStore, Fence, MemoryStore, Op, Options, Store, View};
use bytes::Bytes;

type Map = BTreeMap<Vec<u8>, Bytes>;

/// Short keys over few letters: prefixes of each other, the empty key among them.
fn random_key(random: &mut Random) -> Vec<u8> {
    (0..random.below(5)).map(|_| b"ab\x00\xff"[random.below(4) as usize]).collect()
}

/// Every second one is on the disk before its batch.
fn random_value(store: &dyn Store, random: &mut Random, bytes: u64) -> Bytes {
    let value = Bytes::from(vec![random.draw() as u8; bytes as usize]);
    if random.one_in(2) { store.set_apart(value).unwrap() } else { value }
}

fn random_op(store: &dyn Store, random: &mut Random) -> Op {
    let key = random_key(random);
    match random.below(11) {
        0..=2 => Op::Delete { key },
        3 => {
            let bytes = 1025 + random.below(2000);
            Op::Put { key, value: random_value(store, random, bytes) }
        }
        4 => {
            let (head, middle) = (random.below(10) as usize, random.below(2000));
            let middle = random_value(store, random, middle);
            let pieces = [Bytes::from(vec![1; head]), middle, Bytes::from(vec![2; 10 - head])];
            Op::PutPieces { key, pieces: pieces.into() }
        }
        _ => Op::Put { key, value: vec![random.draw() as u8; random.below(40) as usize].into() },
    }
}

fn random_ops(store: &dyn Store, random: &mut Random) -> Vec<Op> {
    let mut ops: Vec<Op> = (0..1 + random.below(6)).map(|_| random_op(store, random)).collect();
    // Several rows may have the same large value.
    let shared = ops.iter().find_map(|op| match op {
        Op::PutPieces { pieces, .. } => Some(pieces.clone()),
        Op::Put { .. } | Op::Delete { .. } => None,
    });
    ops.extend(shared.map(|pieces| Op::PutPieces { key: random_key(random), pieces }));
    ops
}

fn apply(map: &mut Map, ops: &[Op]) {
    for op in ops {
        match op.value() {
            Some(value) => map.insert(op.key().to_vec(), value.into_whole()),
            None => map.remove(op.key()),
        };
    }
}

fn check(store: &dyn Store, view: View, map: &Map, random: &mut Random) {
    let everything: Vec<_> = map.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    if random.one_in(8) {
        assert_eq!(store.scan(view, b"", b"\xff\xff\xff\xff\xff\xff", usize::MAX).unwrap(), everything);
    }
    let edge = |random: &mut Random| -> Vec<u8> {
        (0..random.below(4)).map(|_| b"ab\x00\xff"[random.below(4) as usize]).collect()
    };
    let (start, end, limit) = (edge(random), edge(random), random.below(8) as usize);
    let expected: Vec<_> =
        everything.iter().filter(|(key, _)| *key >= start && *key < end).take(limit).cloned().collect();
    assert_eq!(store.scan(view, &start, &end, limit).unwrap(), expected, "{start:?}..{end:?} limit {limit}");
    let keys: Vec<_> = expected.into_iter().map(|(key, _)| key).collect();
    assert_eq!(store.scan_keys(view, &start, &end, limit).unwrap(), keys, "{start:?}..{end:?} limit {limit}");
    let expected: Vec<_> =
        everything.iter().rev().filter(|(key, _)| *key >= start && *key < end).take(limit).cloned().collect();
    assert_eq!(
        store.scan_back(view, &start, &end, limit).unwrap(),
        expected,
        "{start:?}..{end:?} limit {limit}, from the end"
    );
    let key = edge(random);
    assert_eq!(store.get(view, &key).unwrap(), map.get(&key).cloned());
}

#[test]
fn the_store_on_disk_is_a_map() {
    for seed in 0..2 {
        let mut random = Random::new(seed);
        let dir = tempfile::tempdir().unwrap();
        let mut map = Map::new();
        for _ in 0..3 {
            let store = DiskStore::open(dir.path(), Options::tiny()).unwrap();
            let fence = store.acquire(9).unwrap();
            check(&store, View::Durable, &map, &mut random);
            for _ in 0..100 {
                let ops = random_ops(&store, &mut random);
                apply(&mut map, &ops);
                let last = common::commit(&store, fence, ops).unwrap();
                check(&store, View::Latest, &map, &mut random);
                if random.one_in(10) {
                    common::wait_until("everything is durable", || *store.durable().borrow() == last);
                    check(&store, View::Durable, &map, &mut random);
                }
            }
            if random.one_in(2) {
                store.close().unwrap();
            }
        }
        let store = DiskStore::open(dir.path(), Options::tiny()).unwrap();
        let everything: Vec<_> = map.into_iter().collect();
        assert_eq!(
            store.scan(View::Durable, b"", b"\xff\xff\xff\xff\xff\xff", usize::MAX).unwrap(),
            everything
        );
    }
}

#[test]
fn the_store_in_memory_is_a_map_and_keeps_what_was_durable() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let mut store = MemoryStore::new();
        let (mut durable, mut latest) = (Map::new(), Map::new());
        for _ in 0..5 {
            let fence: Fence = store.acquire(9).unwrap();
            store.hold_durability();
            let mut held: Vec<(u64, Vec<Op>)> = Vec::new();
            for _ in 0..60 {
                let ops = random_ops(&store, &mut random);
                apply(&mut latest, &ops);
                held.push((common::commit(&store, fence, ops.clone()).unwrap(), ops));
                if random.one_in(4) {
                    let count = random.below(held.len() as u64) as usize;
                    for (sequence, ops) in held.drain(..count) {
                        store.release(sequence);
                        apply(&mut durable, &ops);
                    }
                }
                check(&store, View::Latest, &latest, &mut random);
                check(&store, View::Durable, &durable, &mut random);
            }
            let crashed = store.crash();
            assert!(common::commit(&store, fence, vec![]).is_err());
            store = crashed;
            latest = durable.clone();
            check(&store, View::Latest, &latest, &mut random);
        }
    }
}
