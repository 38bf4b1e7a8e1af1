//! What a running backup keeps from being thrown away: the log from where it began, and blobs that lose their key.
//!
//! The store is worth more than a backup: when the disk becomes nearly full it takes everything back, whatever the backup, or
//! whoever reads it, does at that moment.

use parking_lot::Mutex;

use crate::batch::Sequence;
use crate::blobs::BlobName;

/// At most one backup at a time.
#[derive(Default)]
pub struct Hold {
    inner: Mutex<Option<Held>>,
}

enum Held {
    Holding {
        from: Sequence,
        /// Blobs without a key, which go when the backup is over.
        doomed: Vec<BlobName>,
    },
    /// Nothing is held any more; the place is taken until the backup has noticed.
    GivenUp { why: String },
}

impl Held {
    fn into_doomed(self) -> Vec<BlobName> {
        match self {
            Held::Holding { doomed, .. } => doomed,
            Held::GivenUp { .. } => Vec::new(),
        }
    }
}

impl Hold {
    /// Begins to hold all after `from`; false when another backup runs.
    pub fn begin(&self, from: Sequence) -> bool {
        let mut inner = self.inner.lock();
        let is_free = inner.is_none();
        if is_free {
            *inner = Some(Held::Holding { from, doomed: Vec::new() });
        }
        is_free
    }

    /// Ends the hold; returns the blobs that can go now.
    pub fn end(&self) -> Vec<BlobName> {
        self.inner.lock().take().map(Held::into_doomed).unwrap_or_default()
    }

    /// Takes everything back from a backup that still runs; returns the blobs that can go now. None when there was nothing.
    pub fn give_up(&self, why: &str) -> Option<Vec<BlobName>> {
        let mut inner = self.inner.lock();
        match inner.as_mut()? {
            Held::GivenUp { .. } => None,
            held @ Held::Holding { .. } => {
                let held = std::mem::replace(held, Held::GivenUp { why: why.into() });
                Some(held.into_doomed())
            }
        }
    }

    /// Says why nothing is held any more, although a backup runs.
    pub fn given_up(&self) -> Option<String> {
        match self.inner.lock().as_ref()? {
            Held::GivenUp { why } => Some(why.clone()),
            Held::Holding { .. } => None,
        }
    }

    /// Returns up to where the log may be given up.
    pub fn limit(&self, upto: Sequence) -> Sequence {
        match self.inner.lock().as_ref() {
            Some(Held::Holding { from, .. }) => upto.min(*from),
            Some(Held::GivenUp { .. }) | None => upto,
        }
    }

    /// Keeps a blob for a while, if a backup runs; false when it can go at once.
    pub fn keeps(&self, name: BlobName) -> bool {
        match self.inner.lock().as_mut() {
            Some(Held::Holding { doomed, .. }) => {
                doomed.push(name);
                true
            }
            Some(Held::GivenUp { .. }) | None => false,
        }
    }
}
