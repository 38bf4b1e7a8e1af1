//! Flushing, opening anew and closing: what concerns all of the index, and what its memory is given back by.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{Handles, Index, Pool, caught, names, open_handles};
use crate::error::Error;
use crate::faults::{self, Site};

/// After so many flushes in a row one has nothing to write any more, although sled writes what is fragmented anew.
const FLUSHES_MAX: usize = 8;
/// Between two looks at who still reads.
const READERS_PAUSE: Duration = Duration::from_millis(1);

impl Pool {
    pub fn new(dir: &Path, handles: Box<Handles>) -> Arc<Pool> {
        Arc::new(Pool { dir: dir.to_path_buf(), idle: Mutex::new(vec![handles]) })
    }
}

impl Index {
    /// Returns the folder that its files are in at present.
    pub fn dir(&self) -> PathBuf {
        self.pool.read().as_ref().map_or_else(|| self.dir.clone(), |pool| pool.dir.clone())
    }

    /// Puts everything applied so far on disk.
    pub fn flush(&self) -> Result<(), Error> {
        self.flush_leaves().map(drop)
    }

    /// Returns how many leaves were written.
    fn flush_leaves(&self) -> Result<u64, Error> {
        let flush = || self.with(|handles| handles.pairs.flush());
        let flushed = faults::between(Site::IndexFlush, flush)?;
        self.tell_flushed(&self.dir());
        Ok(flushed.objects_flushed)
    }

    fn tell_flushed(&self, dir: &Path) {
        if let Some(on_flushed) = &self.on_flushed {
            on_flushed(dir);
        }
    }

    /// Returns the bytes applied since the index was opened: about what it keeps in memory beside the cache.
    pub fn bytes_since_open(&self) -> u64 {
        self.bytes_since_open.load(Ordering::Relaxed)
    }

    /// Opens it once more and gives up the one that was open, which gives back the memory of everything written. Changes wait;
    /// readers do not, unless the file system has no hard links. Returns how long those waited.
    pub fn renew(&self) -> Result<Duration, Error> {
        // Most of it while changes go on.
        self.flush()?;
        let _changing = self.changing.lock();
        let before = self.dir();
        let next = names::next(&self.dir, &before);
        if !self.is_all_flushed()? || !names::link(&self.dir, &before, &next)? {
            return self.reopen_in_place();
        }
        let handles = faults::between(Site::IndexReopen, || open_handles(&next, self.cache_bytes))?;
        let since = Instant::now();
        let old = self.pool.write().replace(Pool::new(&next, handles));
        let waited = since.elapsed();
        self.bytes_since_open.store(0, Ordering::Relaxed);
        self.part_with(old);
        faults::between(Site::IndexGiveUp, || names::give_up(&self.dir, &before))?;
        Ok(waited)
    }

    /// Flushes until there is nothing left; says whether it came to that.
    fn is_all_flushed(&self) -> Result<bool, Error> {
        for _ in 0..FLUSHES_MAX {
            if self.flush_leaves()? == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Closes and opens again, as [`Index::renew`], but readers wait meanwhile.
    pub fn reopen(&self) -> Result<Duration, Error> {
        // What can be flushed while others go on is flushed before.
        self.flush()?;
        let _changing = self.changing.lock();
        self.reopen_in_place()
    }

    fn reopen_in_place(&self) -> Result<Duration, Error> {
        let before = Instant::now();
        let dir = self.dir();
        let mut slot = self.pool.write();
        let handles = faults::between(Site::IndexReopen, || {
            self.shut(slot.take())?;
            self.tell_flushed(&dir);
            open_handles(&dir, self.cache_bytes)
        })?;
        *slot = Some(Pool::new(&dir, handles));
        self.bytes_since_open.store(0, Ordering::Relaxed);
        Ok(before.elapsed())
    }

    /// Flushes and lets go of the folder.
    pub fn close(&self) -> Result<(), Error> {
        let dir = self.dir();
        let Some(pool) = self.pool.write().take() else { return Ok(()) };
        self.shut(Some(pool))?;
        if self.is_broken.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.tell_flushed(&dir);
        names::settle(&self.dir)
    }

    /// Drops a sled whose files another one has by now, and which has nothing to flush.
    ///
    /// It may still move a few leaves when it ends, to places that it has freed by then. That harms no one: nobody writes at that
    /// time, what the other one reads stays where it was, and files are cut off behind that. A second move would cut it off, so
    /// there is no flush before the one that sled does itself.
    fn part_with(&self, old: Option<Arc<Pool>>) {
        let Some(old) = old else { return };
        if self.is_broken.load(Ordering::SeqCst) {
            std::mem::forget(old);
            return;
        }
        wait_for_readers(&old);
        drop(old);
    }

    /// Flushes before the last handle is dropped: sled would do it too, but aborts the process when it fails.
    fn shut(&self, pool: Option<Arc<Pool>>) -> Result<(), Error> {
        let Some(pool) = pool else { return Ok(()) };
        if self.is_broken.load(Ordering::SeqCst) {
            std::mem::forget(pool);
            return Ok(());
        }
        wait_for_readers(&pool);
        let flushed = match pool.idle.lock().first() {
            Some(handles) => caught(|| handles.pairs.flush().map(drop)),
            None => Ok(()),
        };
        if let Err(error) = flushed {
            std::mem::forget(pool);
            return Err(error);
        }
        drop(pool);
        Ok(())
    }
}

/// Waits until nobody else has the pool. It is in no place where somebody could take it.
fn wait_for_readers(pool: &Arc<Pool>) {
    while Arc::strong_count(pool) > 1 {
        std::thread::sleep(READERS_PAUSE);
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, "the index did not close cleanly; the log has everything");
        }
    }
}
