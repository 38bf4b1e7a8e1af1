//! Reading: what is committed and not applied yet comes from the overlay, everything else from the index.

use std::io;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use crate::batch::{Order, Peeked, Sequence, Value, View};
use crate::blobs::BlobRef;
use crate::disk_store::readers::Reading;
use crate::disk_store::shared::{Shared, State};
use crate::error::{Error, printable};
use crate::log::record::Stored;
use crate::overlay;

/// Keys and values, ascending.
type Pairs = Vec<(Vec<u8>, Bytes)>;

/// Reads that run into changes are repeated so often; then the index is held still for one more.
const ATTEMPTS_MAX: usize = 4;

fn upto(state: &State, view: View) -> Sequence {
    match view {
        View::Latest => state.committed,
        View::Durable => state.durable,
    }
}

/// Repeats `read` until nothing moved under it; it gets told so by `None`. No file of a value is read in there: that can take
/// long, so that it would be repeated, and in the end all others would wait for it.
fn steady<T>(shared: &Shared, mut read: impl FnMut() -> Result<Option<T>, Error>) -> Result<T, Error> {
    for _ in 0..ATTEMPTS_MAX {
        if let Some(found) = read()? {
            return Ok(found);
        }
    }
    let _gate = shared.apply_gate.lock();
    Ok(read()?.expect("nothing is applied while the gate is held"))
}

pub fn get(shared: &Shared, view: View, key: &[u8]) -> Result<Option<Bytes>, Error> {
    match overlaid(shared, view, key) {
        Some(value) => Ok(value.map(Value::into_whole)),
        None => shared.noticed(indexed(shared, key)),
    }
}

/// Returns what the overlay says of a key; when that is nothing, it is in the index or nowhere.
fn overlaid(shared: &Shared, view: View, key: &[u8]) -> Option<Option<Value>> {
    let state = shared.state();
    state.overlay.get(upto(&state, view), key)
}

fn indexed(shared: &Shared, key: &[u8]) -> Result<Option<Bytes>, Error> {
    match shared.index.get(key)? {
        None => Ok(None),
        Some(Stored::Inline(value)) => Ok(Some(value)),
        Some(Stored::Blob(_) | Stored::Framed(_)) => apart(shared, key),
    }
}

/// Looks once more, now that files stay: that of the first look may be gone already.
fn apart(shared: &Shared, key: &[u8]) -> Result<Option<Bytes>, Error> {
    let _reading = shared.readers.begin();
    let stored = shared.index.get(key)?;
    stored.map(|stored| value_of(shared, key, stored)).transpose()
}

/// As [`get`], without reading files of values.
pub fn peek(shared: &Shared, view: View, key: &[u8]) -> Result<Peeked, Error> {
    match overlaid(shared, view, key) {
        Some(None) => Ok(Peeked::Absent),
        Some(Some(Value::Whole(value))) if value.len() as u64 <= shared.options.inline_value_bytes_max => {
            Ok(Peeked::Value(value))
        }
        Some(Some(value)) => Ok(Peeked::Apart { bytes: value.bytes() }),
        None => Ok(match shared.noticed(shared.index.get(key))? {
            None => Peeked::Absent,
            Some(Stored::Inline(value)) => Peeked::Value(value),
            Some(stored) => Peeked::Apart { bytes: stored.value_bytes() },
        }),
    }
}

/// What a scan is to find.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// The keys from the first up to, but without, the second.
    pub span: (&'a [u8], &'a [u8]),
    pub order: Order,
    pub limit: usize,
    pub bytes_max: usize,
}

impl Wanted<'_> {
    fn is_nothing(&self) -> bool {
        self.span.0 >= self.span.1 || self.limit == 0
    }
}

/// A value as it was found.
enum Found {
    Over(Value),
    Under(Stored),
}

impl Found {
    fn bytes(&self) -> u64 {
        match self {
            Found::Over(value) => value.bytes(),
            Found::Under(stored) => stored.value_bytes(),
        }
    }

    fn is_apart(&self) -> bool {
        matches!(self, Found::Under(stored) if stored.blob().is_some())
    }

    fn into_value(self, shared: &Shared, key: &[u8]) -> Result<Bytes, Error> {
        match self {
            Found::Over(value) => Ok(value.into_whole()),
            Found::Under(stored) => value_of(shared, key, stored),
        }
    }
}

/// Keys with what was found of each.
type Keyed<T> = Vec<(Vec<u8>, T)>;

/// What was found, and what keeps the files that it refers to.
type Kept<'a> = (Keyed<Found>, Option<Reading<'a>>);

pub fn scan(shared: &Shared, view: View, wanted: Wanted<'_>) -> Result<Pairs, Error> {
    if wanted.is_nothing() {
        return Ok(Vec::new());
    }
    shared.noticed(scan_now(shared, view, wanted))
}

fn scan_now(shared: &Shared, view: View, wanted: Wanted<'_>) -> Result<Pairs, Error> {
    let (found, _reading) = steady(shared, || find(shared, view, wanted))?;
    let pair = |(key, found): (Vec<u8>, Found)| {
        let value = found.into_value(shared, &key)?;
        Ok((key, value))
    };
    found.into_iter().map(pair).collect()
}

/// Returns `None` when the index moved past what the overlay showed, so that half a batch could be in the result.
fn find<'a>(shared: &'a Shared, view: View, wanted: Wanted<'_>) -> Result<Option<Kept<'a>>, Error> {
    let (upto, mut found) = merged(shared, view, wanted, Found::Over, Found::Under)?;
    cut(&mut found, wanted.bytes_max as u64);
    let reading = found.iter().any(|(_, found)| found.is_apart()).then(|| shared.readers.begin());
    // Asked last: a file goes only when something newer is applied, and what is applied from here on knows of the reader.
    Ok(is_steady(shared, upto).then_some((found, reading)))
}

/// As [`scan`], without values and without files.
pub fn scan_keys(shared: &Shared, view: View, wanted: Wanted<'_>) -> Result<Vec<Vec<u8>>, Error> {
    if wanted.is_nothing() {
        return Ok(Vec::new());
    }
    shared.noticed(steady(shared, || find_keys(shared, view, wanted)))
}

/// As [`find`].
fn find_keys(shared: &Shared, view: View, wanted: Wanted<'_>) -> Result<Option<Vec<Vec<u8>>>, Error> {
    let (upto, found) = merged(shared, view, wanted, drop::<Value>, drop::<Stored>)?;
    let keys = found.into_iter().map(|(key, ())| key).collect();
    Ok(is_steady(shared, upto).then_some(keys))
}

/// Ends with the pair that makes the values reach `bytes_max`.
fn cut(found: &mut Keyed<Found>, bytes_max: u64) {
    let mut bytes = 0u64;
    let last = found.iter().position(|(_, found)| {
        bytes = bytes.saturating_add(found.bytes());
        bytes >= bytes_max
    });
    if let Some(last) = last {
        found.truncate(last + 1);
    }
}

/// Says whether the index has nothing that is newer.
fn is_steady(shared: &Shared, upto: Sequence) -> bool {
    shared.applying.load(Ordering::SeqCst) <= upto
}

/// Merges overlay and index; says of which moment the result is, if the index is steady then.
fn merged<T>(
    shared: &Shared,
    view: View,
    wanted: Wanted<'_>,
    of_overlay: fn(Value) -> T,
    of_index: fn(Stored) -> T,
) -> Result<(Sequence, Keyed<T>), Error> {
    let Wanted { span, order, limit, .. } = wanted;
    let (upto, over) = {
        let state = shared.state();
        let upto = upto(&state, view);
        (upto, state.overlay.range(upto, span, order, limit))
    };
    let over: Keyed<Option<T>> = over.into_iter().map(|(key, value)| (key, value.map(of_overlay))).collect();
    let of_index = |pair: io::Result<(Vec<u8>, Stored)>| pair.map(|(key, stored)| (key, of_index(stored)));
    let (start, end) = span;
    let found = match order {
        Order::Ascending => shared
            .index
            .range(start, Some(end), |pairs| overlay::merge(over, pairs.map(of_index), order, limit))?,
        Order::Descending => shared
            .index
            .range_back(start, end, |pairs| overlay::merge(over, pairs.map(of_index), order, limit))?,
    };
    Ok((upto, found))
}

fn value_of(shared: &Shared, key: &[u8], stored: Stored) -> Result<Bytes, Error> {
    match stored {
        Stored::Inline(value) => Ok(value),
        Stored::Blob(blob) => content_of(shared, key, &blob),
        Stored::Framed(framed) => Ok(framed.around(&content_of(shared, key, &framed.blob)?)),
    }
}

fn content_of(shared: &Shared, key: &[u8], blob: &BlobRef) -> Result<Bytes, Error> {
    shared.blobs.read(blob)?.ok_or_else(|| blob_missing(shared, key))
}

fn blob_missing(shared: &Shared, key: &[u8]) -> Error {
    let why = format!("the value of key {} is not there", printable(key));
    Error::BlobCorrupt { file: shared.folder.blobs(), why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk_store::DiskStore;
    use crate::options::Options;
    use crate::stats::Status;
    use crate::store::Store;

    #[test]
    fn an_error_of_the_disk_stops_the_store_and_says_nothing_of_the_index() {
        let home = tempfile::tempdir().unwrap();
        let store = DiskStore::open(home.path(), Options::tiny()).unwrap();
        let failed = Error::io("use", "index")(io::Error::from(rustix::io::Errno::IO));
        let found = store.shared.noticed::<()>(Err(failed));
        assert!(matches!(found, Err(Error::Io { .. })), "{found:?}");
        let status = store.status().borrow().clone();
        assert!(
            matches!(&status, Status::Failed { reason } if reason.contains("cannot use index")),
            "{status:?}"
        );
        assert!(!home.path().join("REBUILD-INDEX").exists(), "nothing says that it is damaged");
    }

    #[test]
    fn a_lack_of_file_descriptors_stops_nothing() {
        let home = tempfile::tempdir().unwrap();
        let store = DiskStore::open(home.path(), Options::tiny()).unwrap();
        let failed = Error::io("read", "a value")(io::Error::from(rustix::io::Errno::MFILE));
        assert!(store.shared.noticed::<()>(Err(failed)).is_err());
        assert_eq!(*store.status().borrow(), Status::Ready);
    }

    /// A way to read "key".
    type Read = fn(&DiskStore) -> Result<(), Error>;

    const READS: [(&str, Read); 5] = [
        ("get", |store| store.get(View::Durable, b"key").map(drop)),
        ("peek", |store| store.peek(View::Durable, b"key").map(drop)),
        ("scan", |store| store.scan(View::Durable, b"k", b"l", 9).map(drop)),
        ("scan_back", |store| store.scan_back(View::Durable, b"k", b"l", 9).map(drop)),
        ("scan_keys", |store| store.scan_keys(View::Durable, b"k", b"l", 9).map(drop)),
    ];

    #[test]
    fn a_damaged_index_stops_the_store_whoever_reads_it() {
        for (name, read) in READS {
            let home = tempfile::tempdir().unwrap();
            let store = DiskStore::open(home.path(), Options::tiny()).unwrap();
            store.shared.index.spoil_pair();
            let found = read(&store);
            assert!(matches!(found, Err(Error::Index { .. })), "{name}: {found:?}");
            let status = store.status().borrow().clone();
            assert!(matches!(status, Status::Failed { .. }), "{name}: {status:?}");
        }
    }
}
