//! The log of a store: damaged, and with records that nobody would write but whose checksum is right.

use super::{LONG_ENOUGH, Target};
use abide_store::inspect::Secret;
use abide_store::{Batch, DiskStore, Error, Op, Options, Store, View, inspect};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

type Content = BTreeMap<Vec<u8>, Bytes>;

const NUMBER: u64 = 1;
const SEGMENT: &str = "log/log-0000000000000001";
const SEGMENT_BYTES: usize = 65_536;
const FORMAT: &str = "FORMAT";

/// A store with a log and nothing else, so that everything comes from that.
struct Written {
    /// The log without the zeros at its end.
    log: Vec<u8>,
    format: Vec<u8>,
    /// What was there after each batch.
    states: Vec<Content>,
}

impl Written {
    fn new(name: &str) -> Self {
        let dir = folder(name);
        let states = write(&dir).expect("a store can be written");
        let log = fs::read(dir.join(SEGMENT)).expect("the log is there");
        let format = fs::read(dir.join(FORMAT)).expect("the folder has a format");
        fs::remove_dir_all(&dir).expect("the folder can be removed");
        let end =
            inspect::records(&log, NUMBER, Secret::NONE).last().map_or(0, |last| last.offset + last.bytes);
        Self { log: log[..end].to_vec(), format, states }
    }

    /// Opens a folder with another log, and returns what it holds. A panic in any thread is an error.
    fn with_log(
        &self,
        name: &str,
        log: &[u8],
        then: impl Fn(&DiskStore) -> Result<(), Error>,
    ) -> Result<Opened, String> {
        let (dir, before) = (folder(name), panics());
        let _ = fs::remove_dir_all(&dir);
        let opened = catch_unwind(AssertUnwindSafe(|| {
            self.put(&dir, log).map_err(|error| error.to_string())?;
            open(&dir, then)
        }));
        let _ = fs::remove_dir_all(&dir);
        match opened {
            Ok(opened) if panics() == before => opened,
            _ => Err("opening the log panicked".into()),
        }
    }

    fn put(&self, dir: &Path, log: &[u8]) -> std::io::Result<()> {
        fs::create_dir_all(dir.join("log"))?;
        fs::write(dir.join(FORMAT), &self.format)?;
        let mut segment = log[..log.len().min(SEGMENT_BYTES)].to_vec();
        segment.resize(SEGMENT_BYTES, 0);
        fs::write(dir.join(SEGMENT), segment)
    }
}

/// What a store holds, or why it does not open.
type Opened = Result<Content, Error>;

fn open(dir: &Path, then: impl Fn(&DiskStore) -> Result<(), Error>) -> Result<Opened, String> {
    let opened = DiskStore::open(dir, Options::tiny()).and_then(|store| {
        let found = store.scan(View::Durable, b"", &[0xff; 16], usize::MAX)?;
        Ok((store, found.into_iter().collect()))
    });
    match opened {
        Ok((store, found)) => match then(&store) {
            Ok(()) => Ok(Ok(found)),
            Err(error) => Err(format!("the store opened and cannot go on: {error}")),
        },
        Err(error) => Ok(Err(error)),
    }
}

fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("abide-fuzz-{name}-{}", std::process::id()))
}

/// Its records carry what everybody knows: the inputs that are kept shall say the same to every process.
fn write(dir: &Path) -> Result<Vec<Content>, Error> {
    fs::create_dir_all(dir)
        .and_then(|()| fs::write(dir.join(FORMAT), inspect::format_without_secret()))
        .expect("a folder can be made");
    let store = DiskStore::open(dir, Options::tiny())?;
    let fence = store.acquire(1)?;
    let (mut content, mut states) = (Content::new(), vec![Content::new()]);
    for n in 0u8..20 {
        let (key, value) = (vec![n % 7], Bytes::from(vec![n; 30 + usize::from(n) * 40]));
        store.commit(Batch { fence, ops: vec![Op::Put { key: key.clone(), value: value.clone() }] })?;
        content.insert(key, value);
        states.push(content.clone());
    }
    store.close()?;
    Ok(states)
}

/// Returns how often any thread of this process panicked.
fn panics() -> usize {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    static COUNTING: Once = Once::new();
    COUNTING.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            PANICS.fetch_add(1, Ordering::SeqCst);
            before(info);
        }));
    });
    PANICS.load(Ordering::SeqCst)
}

/// How many logs that were changed opened, and how many were refused, so that a run that sees one of both only is noticed.
#[derive(Default)]
struct Tally {
    opened: u64,
    refused: u64,
}

impl Tally {
    /// Of so many both are there.
    const CHANGED_MIN: u64 = 30 * LONG_ENOUGH;

    fn count(&mut self, opened: &Opened) {
        match opened {
            Ok(_) => self.opened += 1,
            Err(_) => self.refused += 1,
        }
    }

    fn is_enough(&self) -> Result<String, String> {
        let Self { opened, refused } = *self;
        let said = format!("{opened} changed logs opened, {refused} were refused");
        let is_both = opened + refused < Self::CHANGED_MIN || (opened > 0 && refused > 0);
        let is_enough = opened + refused > 0 && is_both;
        if is_enough { Ok(said) } else { Err(format!("only {said}")) }
    }
}

/// The log of a store, changed as a whole.
pub struct Log {
    written: Written,
    tally: Tally,
}

impl Log {
    pub fn new() -> Self {
        Self { written: Written::new("log"), tally: Tally::default() }
    }
}

impl Target for Log {
    fn name(&self) -> &'static str {
        "log"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        vec![self.written.log.clone()]
    }

    fn words(&self) -> &'static [&'static [u8]] {
        &[b"ABR1", b"\xff\xff\xff\xff", b"\0\0\0\0\0\0\0\0", b"\x01\x00\x00\x00"]
    }

    /// As it was written it has everything; damaged it has what was there at some time, or is refused.
    fn run(&mut self, input: &[u8]) -> Result<(), String> {
        let is_whole = input == self.written.log;
        let opened = self.written.with_log("log", input, |_| Ok(()))?;
        if !is_whole {
            self.tally.count(&opened);
        }
        match opened {
            Ok(found) if is_whole && Some(&found) == self.written.states.last() => Ok(()),
            Ok(found) if !is_whole && self.written.states.contains(&found) => Ok(()),
            Ok(found) => Err(format!("the log was read as what never was there: {:?}", found.keys())),
            Err(error) if is_whole => Err(format!("the log is refused as it was written: {error}")),
            Err(_) => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<String, String> {
        self.tally.is_enough()
    }
}

/// A record that has a right checksum, whatever it says. The input is its payload.
pub struct Replay {
    written: Written,
    /// Payloads of the records of the log, and where each began.
    payloads: Vec<(usize, Vec<u8>)>,
    tally: Tally,
}

/// What comes before the record: the partition that was acquired, and some batches.
const RECORDS_BEFORE: usize = 4;

impl Replay {
    pub fn new() -> Self {
        let written = Written::new("replay");
        let payload = |place: inspect::Place| {
            let header = inspect::sealed(b"", NUMBER, 0).len();
            (place.offset, written.log[place.offset + header..place.offset + place.bytes].to_vec())
        };
        let payloads =
            inspect::records(&written.log, NUMBER, Secret::NONE).into_iter().map(payload).collect();
        Self { written, payloads, tally: Tally::default() }
    }
}

impl Target for Replay {
    fn name(&self) -> &'static str {
        "replay"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        // The one that belongs there, and those that open and close a log, as if they came next.
        let (_, next) = &self.payloads[RECORDS_BEFORE];
        let numbered = |(_, payload): &(usize, Vec<u8>)| [&next[..8], &payload[8..]].concat();
        let ends = [self.payloads.first(), self.payloads.last()].into_iter().flatten();
        std::iter::once(next.clone()).chain(ends.map(numbered)).collect()
    }

    fn words(&self) -> &'static [&'static [u8]] {
        &[
            b"\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xff\xff\xff\x7f",
            b"\x01\x00\x00\x00",
            b"\x03\x01\x00\x00\x00a",
            b"\x02\x01\x00\x00\x00a",
            b"\x00\x00\x00\x00",
        ]
    }

    /// It is refused, or the store goes on with it: takes a partition, commits, and opens again.
    fn run(&mut self, input: &[u8]) -> Result<(), String> {
        let (at, written) = &self.payloads[RECORDS_BEFORE];
        let log = [&self.written.log[..*at], &inspect::sealed(input, NUMBER, *at)].concat();
        let go_on = |store: &DiskStore| {
            let fence = store.acquire(1)?;
            store.commit(Batch {
                fence,
                ops: vec![Op::Put { key: b"after".to_vec(), value: Bytes::from_static(b"1") }],
            })?;
            store.close()
        };
        let opened = self.written.with_log("replay", &log, go_on)?;
        if input == written {
            return opened.map(drop).map_err(|error| format!("the record that belongs there: {error}"));
        }
        self.tally.count(&opened);
        Ok(())
    }

    fn finish(&mut self) -> Result<String, String> {
        self.tally.is_enough()
    }
}
