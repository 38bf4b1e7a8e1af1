//! The bytes of the log, torn at every place and flipped at every byte.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::record::{Entry, Frame, Record, Stored};
use super::scan::{Scan, Tail, records_behind_sequence, scan, secure};
use super::secret::Secret;
use super::*;
use crate::batch::Fence;
use crate::blobs::{BlobName, BlobRef, Framed};
use crate::disk::sim::SimDisk;

const SEGMENT_BYTES: u64 = 4096;
const DIR: &str = "/log";

fn folder() -> LogFolder {
    LogFolder { dir: PathBuf::from(DIR), secret: Secret::NONE }
}

fn put(sequence: Sequence, key: &str, value: &str) -> Record {
    let changes =
        vec![(key.as_bytes().to_vec(), Some(Stored::Inline(Bytes::copy_from_slice(value.as_bytes()))))];
    Record { sequence, entry: Entry::Batch { fence: Fence { partition: 1, epoch: 2 }, changes } }
}

fn read(disk: &SimDisk) -> Result<(Scan, Vec<Record>), Error> {
    let mut records = Vec::new();
    let scan = scan(disk, &folder(), |_, payload| {
        records.push(record::decode(payload).unwrap());
        Ok(())
    })?;
    Ok((scan, records))
}

fn open(disk: &SimDisk) -> Log {
    let (scan, _) = read(disk).unwrap();
    Log::open(Arc::new(disk.clone()), &folder(), SEGMENT_BYTES, SEGMENT_BYTES, &scan).unwrap()
}

/// Three groups: records 1 and 2, record 3, records 4 and 5.
fn three_groups(disk: &SimDisk) -> Vec<Record> {
    let records: Vec<_> = (1..=5).map(|n| put(n, &format!("key {n}"), "some value")).collect();
    let mut log = open(disk);
    for group in [0..2, 2..3, 3..5] {
        assert_eq!(log.append(&records[group.clone()]).unwrap().records, group.len());
    }
    records
}

#[test]
fn records_behind_any_sequence_are_read_once_more() {
    let disk = SimDisk::new();
    let records: Vec<_> = (1..=400).map(|n| put(n, &format!("key {n}"), "some value")).collect();
    let mut log = open(&disk);
    let mut rest = &records[..];
    while !rest.is_empty() {
        let written = log.append(&rest[..rest.len().min(7)]).unwrap().records;
        rest = &rest[written..];
    }
    let (scan, read) = read(&disk).unwrap();
    assert!(scan.segments.len() > 3 && read == records);
    for after in [0, 1, 6, 7, 100, 399, 400, 500] {
        let mut behind = Vec::new();
        records_behind_sequence(&disk, &folder(), &scan, after, |sequence, _| {
            behind.push(sequence);
            Ok(())
        })
        .unwrap();
        assert!(behind.into_iter().eq(after + 1..=400), "behind {after}");
    }
    let mut other = scan.clone();
    other.segments.last_mut().unwrap().last_sequence += 1;
    let error = records_behind_sequence(&disk, &folder(), &other, 300, |_, _| Ok(())).unwrap_err();
    assert!(error.to_string().contains("a moment ago it had the records up to 401"), "{error}");
}

#[test]
fn records_have_their_golden_bytes() {
    let blob = BlobRef { name: BlobName { sequence: 7, position: 2 }, bytes: 40_000, sha256: [9; 32] };
    let changes = vec![
        (b"a".to_vec(), Some(Stored::Inline(Bytes::from_static(b"one")))),
        (b"b".to_vec(), None),
        (b"c".to_vec(), Some(Stored::Blob(blob))),
    ];
    let framed = Framed { head: Bytes::from_static(b"head"), blob, tail: Bytes::from_static(b"il") };
    let set_apart = vec![(b"d".to_vec(), Some(Stored::Framed(framed)))];
    let fence = Fence { partition: 258, epoch: 3 };
    let golden = [
        (
            Record { sequence: 7, entry: Entry::Batch { fence, changes } },
            "64000000ebf84ee140000000414252310700000000000000010201030000000000000003000000010100000061030000006f\
             6e65020100000062030100000063070000000000000002000000409c000000000000090909090909090909090909090909090909090909090909090909090909090900000000",
        ),
        (
            Record { sequence: 8, entry: Entry::Batch { fence, changes: set_apart } },
            "5f00000088b6e0334000000041425231080000000000000001020103000000000000000100000004010000006407000000000000\
             0002000000409c0000000000000909090909090909090909090909090909090909090909090909090909090909040000006865616402000000696c00",
        ),
        (
            Record { sequence: 8, entry: Entry::Epoch(fence) },
            "1300000022eb1a6a4000000041425231080000000000000002020103000000000000000000000000",
        ),
        (
            Record { sequence: 8, entry: Entry::Mark },
            "09000000ae321349400000004142523108000000000000000300000000000000",
        ),
    ];
    for (record, expected) in golden {
        let mut bytes = Vec::new();
        record::encode(&record, Secret::NONE.stamp(5), 64, &mut bytes);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected.replace(' ', ""), "{record:?}");
        let Frame::Record { payload, group: 64, .. } = record::frame_at(&bytes, Secret::NONE.stamp(5), 0)
        else {
            panic!("{hex}")
        };
        assert_eq!(record::decode(payload).unwrap(), record);
        assert!(
            matches!(record::frame_at(&bytes, Secret::NONE.stamp(6), 0), Frame::Broken(_)),
            "another segment's record is not valid"
        );
    }
}

/// What a client writes into values is in a recycled segment behind the records that are written over it.
#[test]
fn records_that_a_client_made_are_none() {
    let known = LogFolder { dir: PathBuf::from(DIR), secret: Secret::NONE };
    let ours = LogFolder { secret: Secret::fresh(1).unwrap(), ..known.clone() };
    for (folder, is_fooled) in [(ours, false), (known, true)] {
        let disk = SimDisk::new();
        let mut content = Vec::new();
        record::encode(&put(1, "key", "value"), folder.secret.stamp(1), 0, &mut content);
        for bytes in [0, 64, 128] {
            content.resize(content.len() + bytes, 0);
            let group = u32::try_from(content.len()).unwrap();
            record::encode(&put(2, "of another", "changed"), Secret::NONE.stamp(1), group, &mut content);
            record::encode_end(Secret::NONE.stamp(1), group + 8, &mut content);
        }
        content.resize(SEGMENT_BYTES as usize, 0);
        disk.install(&segment_path(Path::new(DIR), 1), content);
        let mut found = Vec::new();
        let scanned = scan(&disk, &folder, |sequence, _| {
            found.push(sequence);
            Ok(())
        });
        assert_eq!(found == [1], !is_fooled, "{found:?}");
        if !is_fooled {
            assert!(matches!(scanned.unwrap().tail, Tail::Open { torn_bytes: 0, .. }));
        }
    }
}

#[test]
fn a_log_is_read_as_it_was_written() {
    let disk = SimDisk::new();
    let records = three_groups(&disk);
    let (scan, found) = read(&disk).unwrap();
    assert_eq!(found, records);
    assert_eq!(scan.last_sequence, 5);
    assert!(matches!(scan.tail, Tail::Open { torn_bytes: 0, .. }));
}

#[test]
fn a_sequence_that_nothing_can_follow_is_damage() {
    let disk = SimDisk::new();
    let mut segment = Vec::new();
    for sequence in [u64::MAX, u64::MAX - 1, record::COUNT_MAX + 1] {
        segment.clear();
        record::encode(&put(sequence, "key", "value"), Secret::NONE.stamp(1), 0, &mut segment);
        record::encode(
            &put(sequence.wrapping_add(1), "key", "value"),
            Secret::NONE.stamp(1),
            0,
            &mut segment,
        );
        disk.install(&segment_path(Path::new(DIR), 1), segment.clone());
        assert!(matches!(read(&disk), Err(Error::LogCorrupt { .. })), "{sequence}");
    }
    let fence = Fence { partition: 1, epoch: u64::MAX };
    let mut payload = Vec::new();
    record::encode_payload(&Record { sequence: 1, entry: Entry::Epoch(fence) }, &mut payload);
    assert_eq!(record::decode(&payload), None, "no partition was acquired so often");
}

#[test]
fn segments_rotate_and_are_recycled() {
    let disk = SimDisk::new();
    let mut log = open(&disk);
    let records: Vec<_> = (1..=200).map(|n| put(n, &format!("key {n}"), &"v".repeat(100))).collect();
    let mut rest = &records[..];
    while !rest.is_empty() {
        rest = &rest[log.append(rest).unwrap().records..];
    }
    assert_eq!(read(&disk).unwrap().1, records);
    let sealed = log.segments().sealed();
    assert!(sealed.len() > 3);
    log.segments().recycle(sealed[2].last_sequence).unwrap();
    let (scan, found) = read(&disk).unwrap();
    assert_eq!(found[0].sequence, sealed[2].last_sequence + 1);
    assert_eq!(scan.last_sequence, 200);
    // The recycled segments hold old records; none of them shows up again.
    let more: Vec<_> = (201..=400).map(|n| put(n, &format!("key {n}"), &"w".repeat(90))).collect();
    let mut rest = &more[..];
    while !rest.is_empty() {
        rest = &rest[log.append(rest).unwrap().records..];
    }
    assert_eq!(read(&disk).unwrap().1.last(), more.last());
}

#[test]
fn a_tail_torn_at_any_byte_is_forgotten_and_written_over() {
    let full = SimDisk::new();
    let records = three_groups(&full);
    let (scan, _) = read(&full).unwrap();
    let Tail::Open { offset: end, .. } = scan.tail else { panic!("{scan:?}") };
    let path = segment_path(Path::new(DIR), 1);
    let group_start = end - 2 * (end / 5);
    for cut in group_start..end {
        let disk = SimDisk::new();
        three_groups(&disk);
        // The last group stops at `cut`; what follows is what the file held before.
        zero(&disk, &path, cut, end);
        let (scan, found) = read(&disk).unwrap();
        let whole = if cut < group_start + end / 5 { 3 } else { 4 };
        assert!(
            found.len() >= whole && found == records[..found.len()],
            "cut at {cut}: {} records",
            found.len()
        );
        assert!(matches!(scan.tail, Tail::Open { .. }));
        let mut log = open(&disk);
        let next = put(found.len() as u64 + 1, "next", "x");
        log.append(std::slice::from_ref(&next)).unwrap();
        let (_, again) = read(&disk).unwrap();
        assert_eq!(again.last(), Some(&next), "cut at {cut}");
        assert_eq!(again.len(), found.len() + 1);
    }
}

#[test]
fn the_rest_of_a_torn_group_never_comes_back() {
    let disk = SimDisk::new();
    let records = three_groups(&disk);
    let path = segment_path(Path::new(DIR), 1);
    let Tail::Open { offset: end, .. } = read(&disk).unwrap().0.tail else { panic!() };
    let record_bytes = end / 5;
    // Record 4 is lost, record 5 of the same group reached the disk.
    zero(&disk, &path, 3 * record_bytes, 4 * record_bytes);
    let (scan, found) = read(&disk).unwrap();
    assert_eq!(found, records[..3]);
    assert!(matches!(&scan.tail, Tail::Open { stale, .. } if *stale == [4 * record_bytes]), "{scan:?}");
    let mut log = open(&disk);
    // As long as the lost one: record 5 would follow it without a gap.
    let other = put(4, "KEY 4", "SOME VALUE");
    log.append(std::slice::from_ref(&other)).unwrap();
    assert_eq!(read(&disk).unwrap().1, [&records[..3], &[other]].concat());
}

#[test]
fn a_flipped_bit_is_named_unless_it_is_in_the_last_group() {
    let end = {
        let disk = SimDisk::new();
        three_groups(&disk);
        let Tail::Open { offset, .. } = read(&disk).unwrap().0.tail else { panic!() };
        offset
    };
    let last_group = 3 * (end / 5);
    for at in 0..end {
        let disk = SimDisk::new();
        let records = three_groups(&disk);
        disk.flip(&segment_path(Path::new(DIR), 1), at as usize, 1 << (at % 8));
        match read(&disk) {
            Err(Error::LogCorrupt { file, offset, .. }) => {
                assert!(at < last_group, "{at} is in the last group");
                assert_eq!(file, segment_path(Path::new(DIR), 1));
                assert_eq!(offset, at / (end / 5) * (end / 5));
            }
            Err(error) => panic!("{at}: {error}"),
            // The padding of a record means nothing.
            Ok((_, found)) => assert!(found == records || at >= last_group, "{at} was skipped"),
        }
    }
}

#[test]
fn a_mark_protects_the_last_group_too() {
    let disk = SimDisk::new();
    let records = three_groups(&disk);
    open(&disk).append(&[Record { sequence: 5, entry: Entry::Mark }]).unwrap();
    assert!(read(&disk).unwrap().0.is_closed);
    let Tail::Open { offset: end, .. } = read(&disk).unwrap().0.tail else { panic!() };
    disk.flip(&segment_path(Path::new(DIR), 1), end as usize - 60, 4);
    assert!(matches!(read(&disk), Err(Error::LogCorrupt { .. })), "{} records", records.len());
}

#[test]
fn damage_before_a_later_segment_is_named() {
    let disk = SimDisk::new();
    let mut log = open(&disk);
    let records: Vec<_> = (1..=60).map(|n| put(n, &format!("key {n}"), &"v".repeat(100))).collect();
    let mut rest = &records[..];
    while !rest.is_empty() {
        rest = &rest[log.append(rest).unwrap().records..];
    }
    let first = segment_path(Path::new(DIR), 1);
    // The END record of the first segment.
    let content = crate::disk::read_all(&disk, &first).unwrap();
    let end = (0..content.len() - 16)
        .step_by(8)
        .find(|at| matches!(record::frame_at(&content, Secret::NONE.stamp(1), *at), Frame::End { .. }));
    disk.flip(&first, end.unwrap(), 1);
    match read(&disk) {
        Err(Error::LogCorrupt { file, offset, .. }) => {
            assert_eq!((file, offset), (first, end.unwrap() as u64))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_missing_segment_is_named() {
    let disk = SimDisk::new();
    let mut log = open(&disk);
    let records: Vec<_> = (1..=120).map(|n| put(n, &format!("key {n}"), &"v".repeat(100))).collect();
    let mut rest = &records[..];
    while !rest.is_empty() {
        rest = &rest[log.append(rest).unwrap().records..];
    }
    disk.remove(&segment_path(Path::new(DIR), 2)).unwrap();
    match read(&disk) {
        Err(Error::LogCorrupt { file, .. }) => assert_eq!(file, segment_path(Path::new(DIR), 2)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_failed_sync_is_an_error() {
    let disk = SimDisk::new();
    let mut log = open(&disk);
    disk.fail(crate::disk::sim::Operation::Sync, "log-", 0, io::ErrorKind::Other);
    assert!(matches!(log.append(&[put(1, "a", "b")]), Err(Error::Io { action: "sync", .. })));
}

fn zero(disk: &SimDisk, path: &Path, from: u64, to: u64) {
    let file = disk.open_write(path).unwrap();
    file.write_at(&vec![0; (to - from) as usize], from).unwrap();
    file.sync_data().unwrap();
}

/// Whoever wrote was killed before the disk had it, or the sync failed; somebody read it, and built on it.
#[test]
fn what_was_read_is_there_after_a_power_cut() {
    for sealed in [false, true] {
        let disk = SimDisk::new();
        let mut records = three_groups(&disk);
        let mut log = open(&disk);
        let more: Vec<_> = (6..=8).map(|n| put(n, &format!("key {n}"), "some value")).collect();
        disk.fail(crate::disk::sim::Operation::Sync, "log-", 0, io::ErrorKind::Other);
        if sealed {
            log.rotate().unwrap_err();
        } else {
            log.append(&more).unwrap_err();
            records.extend(more);
        }
        drop(log);
        let (scanned, found) = read(&disk).unwrap();
        assert_eq!((found.len(), scanned.tail == Tail::Sealed), (records.len(), sealed));
        secure(&disk, Path::new(DIR), &scanned).unwrap();
        for seed in 0..40 {
            let (again, found) = read(&disk.after_power_cut(seed)).unwrap();
            assert_eq!((again.tail, found), (scanned.tail.clone(), records.clone()), "seed {seed}");
        }
    }
}
