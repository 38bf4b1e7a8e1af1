//! Reading: what is committed and not applied yet comes from the overlay, everything else from the index.

use std::io;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use crate::batch::{Order, Peeked, Sequence, Value, View};
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

/// Repeats `read` until nothing moved under it; it gets told so by `None`.
fn steady<T>(
    shared: &Shared,
    mut read: impl FnMut() -> Result<Option<T>, Error>,
) -> Result<Option<T>, Error> {
    shared.noticed(attempt(shared, &mut read))
}

fn attempt<T>(
    shared: &Shared,
    read: &mut impl FnMut() -> Result<Option<T>, Error>,
) -> Result<Option<T>, Error> {
    for _ in 0..ATTEMPTS_MAX {
        if let Some(found) = read()? {
            return Ok(Some(found));
        }
    }
    let _gate = shared.apply_gate.lock();
    read()
}

pub fn get(shared: &Shared, view: View, key: &[u8]) -> Result<Option<Bytes>, Error> {
    let found = steady(shared, || {
        let over = {
            let state = shared.state();
            state.overlay.get(upto(&state, view), key)
        };
        if let Some(value) = over {
            return Ok(Some(value.map(Value::into_whole)));
        }
        match shared.index.get(key)? {
            None => Ok(Some(None)),
            Some(stored) => Ok(value_of(shared, stored)?.map(Some)),
        }
    })?;
    found.ok_or_else(|| blob_missing(shared, key))
}

/// As [`get`], without reading files of values: a key that is not in the overlay is in the index or nowhere.
pub fn peek(shared: &Shared, view: View, key: &[u8]) -> Result<Peeked, Error> {
    let over = {
        let state = shared.state();
        state.overlay.get(upto(&state, view), key)
    };
    match over {
        Some(None) => Ok(Peeked::Absent),
        Some(Some(Value::Whole(value))) if value.len() as u64 <= shared.options.inline_value_bytes_max => {
            Ok(Peeked::Value(value))
        }
        Some(Some(value)) => {
            let bytes = value.pieces().iter().map(|piece| piece.len() as u64).sum();
            Ok(Peeked::Apart { bytes })
        }
        None => {
            let found = steady(shared, || shared.index.get(key).map(Some))?;
            Ok(match found.flatten() {
                None => Peeked::Absent,
                Some(Stored::Inline(value)) => Peeked::Value(value),
                Some(Stored::Blob(blob)) => Peeked::Apart { bytes: blob.bytes },
            })
        }
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

pub fn scan(shared: &Shared, view: View, wanted: Wanted<'_>) -> Result<Pairs, Error> {
    let (start, end) = wanted.span;
    if start >= end || wanted.limit == 0 {
        return Ok(Vec::new());
    }
    let found = steady(shared, || scan_once(shared, view, wanted))?;
    found.ok_or_else(|| blob_missing(shared, start))
}

/// Returns `None` when the index moved past what the overlay showed, so that half a batch could be in the result.
fn scan_once(shared: &Shared, view: View, wanted: Wanted<'_>) -> Result<Option<Pairs>, Error> {
    let Wanted { span, order, limit, bytes_max } = wanted;
    let (upto, over) = {
        let state = shared.state();
        let upto = upto(&state, view);
        (upto, state.overlay.range(upto, span, order, limit))
    };
    let inline = |value: Value| Stored::Inline(value.into_whole());
    let over = over.into_iter().map(|(key, value)| (key, value.map(inline))).collect();
    let (start, end) = span;
    let merged = match order {
        Order::Ascending => shared
            .index
            .range(start, Some(end), |pairs| overlay::merge::<_, io::Error>(over, pairs, order, limit))?,
        Order::Descending => shared
            .index
            .range_back(start, end, |pairs| overlay::merge::<_, io::Error>(over, pairs, order, limit))?,
    };
    let mut found = Vec::with_capacity(merged.len());
    let mut bytes = 0usize;
    for (key, stored) in merged {
        let Some(value) = value_of(shared, stored)? else { return Ok(None) };
        bytes = bytes.saturating_add(value.len());
        found.push((key, value));
        if bytes >= bytes_max {
            break;
        }
    }
    let is_steady = shared.applying.load(Ordering::SeqCst) <= upto;
    Ok(is_steady.then_some(found))
}

/// Returns `None` when the blob is gone, because its key was replaced meanwhile or because it is lost.
fn value_of(shared: &Shared, stored: Stored) -> Result<Option<Bytes>, Error> {
    match stored {
        Stored::Inline(value) => Ok(Some(value)),
        Stored::Blob(blob) => shared.blobs.read(&blob),
    }
}

fn blob_missing(shared: &Shared, key: &[u8]) -> Error {
    let why = format!("the value at or behind key {} is not there", printable(key));
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
    fn a_disk_that_fails_whoever_reads_stops_the_store() {
        let home = tempfile::tempdir().unwrap();
        let store = DiskStore::open(home.path(), Options::tiny()).unwrap();
        let failed = || Err(Error::io("use", "index")(io::Error::from(rustix::io::Errno::IO)));
        let found = steady::<()>(&store.shared, failed);
        assert!(matches!(found, Err(Error::Io { .. })), "{found:?}");
        let status = store.status().borrow().clone();
        assert!(
            matches!(&status, Status::Failed { reason } if reason.contains("cannot use index")),
            "{status:?}"
        );
        assert!(!home.path().join("REBUILD-INDEX").exists(), "nothing says that it is damaged");
    }
}
