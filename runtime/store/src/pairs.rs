//! Walking over a span of keys of any length, a page at a time.

use crate::keys::{self, Span};
use crate::{Error, Store, View};
use bytes::Bytes;

/// Pairs read at once.
const PAGE: usize = 1_000;
/// Bytes of values after which a page ends: large ones need not be in memory all at once. Not too few, because what the
/// index has of a page is looked through whole, whatever ends it.
const PAGE_BYTES: usize = 8 << 20;

/// Returns the pairs of a span, ascending. Each page is as of one moment, the whole is not. After an
/// error it ends.
pub fn pairs(store: &dyn Store, view: View, span: Span) -> Pairs<'_> {
    Pairs { store, view, rest: Some(span), page: Vec::new().into_iter() }
}

/// See [`pairs`].
pub struct Pairs<'a> {
    store: &'a dyn Store,
    view: View,
    /// What was not read yet.
    rest: Option<Span>,
    page: std::vec::IntoIter<(Vec<u8>, Bytes)>,
}

impl Pairs<'_> {
    fn read(&mut self) -> Result<(), Error> {
        let Some((start, end)) = self.rest.take() else { return Ok(()) };
        let page = self.store.scan_within(self.view, &start, &end, PAGE, PAGE_BYTES)?;
        let bytes: usize = page.iter().map(|(_, value)| value.len()).sum();
        if let Some((last, _)) = page.last().filter(|_| page.len() == PAGE || bytes >= PAGE_BYTES) {
            self.rest = Some((keys::after(last), end));
        }
        self.page = page.into_iter();
        Ok(())
    }
}

impl Iterator for Pairs<'_> {
    type Item = Result<(Vec<u8>, Bytes), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.len() == 0
            && let Err(error) = self.read()
        {
            return Some(Err(error));
        }
        self.page.next().map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Batch, MemoryStore, Op};

    /// Returns a store with so many values of so many bytes, and their span.
    fn filled(count: u32, bytes: usize) -> (MemoryStore, Span) {
        let store = MemoryStore::new();
        let fence = store.acquire(0).unwrap();
        let value = Bytes::from(vec![7; bytes]);
        let put = |n: u32| Op::Put { key: n.to_be_bytes().to_vec(), value: value.clone() };
        store.commit(Batch { fence, ops: (0..count + 1).map(put).collect() }).unwrap();
        // The last key is the end, which does not belong to the span.
        (store, (0u32.to_be_bytes().to_vec(), count.to_be_bytes().to_vec()))
    }

    #[test]
    fn every_pair_of_a_long_span_comes_once() {
        for (count, bytes) in
            [(0, 0), (1, 0), (999, 0), (1_000, 0), (1_001, 0), (2_500, 1_000), (5, PAGE_BYTES)]
        {
            let (store, span) = filled(count, bytes);
            let keys: Vec<_> = pairs(&store, View::Latest, span).map(|pair| pair.unwrap().0).collect();
            let expected: Vec<_> = (0..count).map(|n| n.to_be_bytes().to_vec()).collect();
            assert_eq!(keys, expected, "{count} of {bytes} bytes");
        }
    }

    /// Returns the bytes of the values of each page.
    fn pages(mut walk: Pairs<'_>) -> Vec<usize> {
        let mut pages = Vec::new();
        while walk.rest.is_some() {
            walk.read().unwrap();
            let bytes: usize = walk.page.as_slice().iter().map(|(_, value)| value.len()).sum();
            pages.push(bytes);
        }
        pages
    }

    #[test]
    fn a_page_ends_after_so_many_pairs_or_so_many_bytes() {
        for (count, bytes, expected) in [
            (2_500, 1_000, vec![1_000_000, 1_000_000, 500_000]),
            (5, PAGE_BYTES / 2, vec![PAGE_BYTES, PAGE_BYTES, PAGE_BYTES / 2]),
            (2, PAGE_BYTES, vec![PAGE_BYTES, PAGE_BYTES, 0]),
        ] {
            let (store, span) = filled(count, bytes);
            assert_eq!(pages(pairs(&store, View::Latest, span)), expected, "{count} of {bytes} bytes");
        }
    }
}
