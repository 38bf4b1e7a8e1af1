//! Who reads files of values, and which files stay for them although their keys have other values now.
//!
//! A scan finds keys and references as of one moment and reads the files afterwards, while the index goes on: nobody waits
//! for it, and it reads each file once. A file that loses its key meanwhile stays until all who may know of it are done, and
//! goes with what is applied next, or with the next turn of the upkeep.

use std::collections::{BTreeSet, VecDeque};

use parking_lot::Mutex;

use crate::blobs::BlobName;

/// Those who read at the moment.
#[derive(Default)]
pub struct Readers {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Readers that have ever begun: the number of the next one.
    begun: u64,
    reading: BTreeSet<u64>,
    /// Blobs without a key, in the order in which they lost it. Readers below the number may know of them.
    doomed: VecDeque<(u64, BlobName)>,
}

/// One who reads, until it is dropped.
pub struct Reading<'a> {
    readers: &'a Readers,
    number: u64,
}

impl Readers {
    /// Begins to read: what has a key now stays.
    pub fn begin(&self) -> Reading<'_> {
        let mut inner = self.inner.lock();
        let number = inner.begun;
        inner.begun += 1;
        inner.reading.insert(number);
        Reading { readers: self, number }
    }

    /// Keeps a blob that has lost its key for those who read now; false when there is nobody and it can go at once.
    pub fn keeps(&self, name: BlobName) -> bool {
        let mut inner = self.inner.lock();
        if inner.reading.is_empty() {
            return false;
        }
        let begun = inner.begun;
        inner.doomed.push_back((begun, name));
        true
    }

    /// Returns the blobs that were kept and that nobody can ask for any more. They are the caller's to remove.
    pub fn take_unread(&self) -> Vec<BlobName> {
        let mut inner = self.inner.lock();
        let oldest = inner.reading.first().copied().unwrap_or(inner.begun);
        let count = inner.doomed.iter().take_while(|(begun, _)| *begun <= oldest).count();
        inner.doomed.drain(..count).map(|(_, name)| name).collect()
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.readers.inner.lock().reading.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_stays_for_those_who_began_before_it_lost_its_key() {
        let readers = Readers::default();
        let blob = |position| BlobName { sequence: 1, position };
        assert!(!readers.keeps(blob(0)), "nobody reads");
        let first = readers.begin();
        assert!(readers.keeps(blob(1)));
        let second = readers.begin();
        assert!(readers.keeps(blob(2)));
        assert!(readers.take_unread().is_empty());
        drop(first);
        assert_eq!(readers.take_unread(), [blob(1)]);
        let third = readers.begin();
        drop(second);
        assert_eq!(readers.take_unread(), [blob(2)], "the third one began later");
        assert!(readers.keeps(blob(3)));
        drop(third);
        assert_eq!(readers.take_unread(), [blob(3)]);
    }
}
