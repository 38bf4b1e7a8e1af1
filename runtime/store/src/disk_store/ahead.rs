//! Values that are set apart: on the disk before the batch that has them.
//!
//! A large value keeps the disk busy for many times as long as a record does, and all that is committed behind its record
//! would wait for it. So whoever brings one sets it apart first, at leisure, and uses the bytes that come back. They are
//! known by their place in memory: the committer, which finds them in a batch, gives the file the name of a blob.
//!
//! That is a second name. The first one, a temporary name, stays as long as anybody has the bytes, because several rows may
//! come to have them, each with a blob of its own; what a crash leaves of those is swept when the store is opened.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

use crate::batch::Op;
use crate::disk::TEMPORARY;
use crate::disk_store::shared::Shared;
use crate::error::Error;

/// The files of values that are set apart.
#[derive(Default)]
pub struct Ahead {
    inner: Mutex<Inner>,
    /// One more is written.
    written: Condvar,
}

#[derive(Default)]
struct Inner {
    /// Files that were ever begun: the number of the next one.
    begun: u64,
    /// Files that are being written.
    writing: usize,
    /// By the place of the value in memory: as long as the file is here, all bytes at that place are those of the value.
    files: HashMap<usize, SetApart>,
    /// Names of files whose values nobody has any more.
    done: Vec<String>,
}

/// A value on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetApart {
    pub name: String,
    pub bytes: u64,
    pub sha256: [u8; 32],
}

/// Puts a value on the disk and returns it, as bytes that are known to be there.
pub fn set_apart(shared: &Shared, value: Bytes) -> Result<Bytes, Error> {
    let writing = begin(shared)?;
    if value.is_empty() || shared.ahead.find(&value).is_some() {
        return Ok(value);
    }
    let name = shared.ahead.next_name();
    let sha256 = shared.blobs.write_in_parts(&name, &value)?;
    drop(writing);
    let file = SetApart { name, bytes: value.len() as u64, sha256 };
    Ok(shared.ahead.own(value, file))
}

/// The state is held, so that nobody begins once the store closes.
fn begin(shared: &Shared) -> Result<Writing<'_>, Error> {
    let state = shared.state();
    shared.check_running(&state)?;
    shared.ahead.inner.lock().writing += 1;
    Ok(Writing(&shared.ahead))
}

/// Somebody writes, until this is dropped.
struct Writing<'a>(&'a Ahead);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.inner.lock().writing -= 1;
        self.0.written.notify_all();
    }
}

impl Ahead {
    /// Waits until nobody writes any more: the folder is given back after that.
    pub fn wait_until_written(&self) {
        let mut inner = self.inner.lock();
        while inner.writing > 0 {
            self.written.wait(&mut inner);
        }
    }

    fn next_name(&self) -> String {
        let mut inner = self.inner.lock();
        inner.begun += 1;
        format!("ahead-{}{TEMPORARY}", inner.begun)
    }

    /// Keeps the file until the last clone of what is returned is gone.
    fn own(self: &Arc<Self>, value: Bytes, file: SetApart) -> Bytes {
        let name = file.name.clone();
        let mut inner = self.inner.lock();
        // Two may have set the same bytes apart at the same time.
        let other = inner.files.insert(place(&value), file);
        inner.done.extend(other.map(|file| file.name));
        drop(inner);
        Bytes::from_owner(Owned { value, name, ahead: self.clone() })
    }

    fn find(&self, value: &Bytes) -> Option<SetApart> {
        let inner = self.inner.lock();
        inner.files.get(&place(value)).filter(|file| file.bytes == value.len() as u64).cloned()
    }

    /// Returns which of the pieces of a value is on the disk, and where. Only the largest one counts: a record is taken for
    /// as large as what is around that.
    pub fn among(&self, pieces: &[Bytes]) -> Option<(usize, SetApart)> {
        let (at, largest) = pieces.iter().enumerate().max_by_key(|(_, piece)| piece.len())?;
        Some((at, self.find(largest)?))
    }

    /// Says whether the value of an operation is set apart.
    pub fn has(&self, op: &Op) -> bool {
        match op {
            Op::Put { .. } | Op::Delete { .. } => false,
            Op::PutPieces { pieces, .. } => self.among(pieces).is_some(),
        }
    }

    /// Returns the names of files whose values nobody has any more. They are the caller's to remove.
    pub fn take_done(&self) -> Vec<String> {
        std::mem::take(&mut self.inner.lock().done)
    }
}

fn place(value: &Bytes) -> usize {
    value.as_ptr() as usize
}

/// The bytes of a value that is set apart.
struct Owned {
    value: Bytes,
    name: String,
    ahead: Arc<Ahead>,
}

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        &self.value
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let mut inner = self.ahead.inner.lock();
        let place = place(&self.value);
        if inner.files.get(&place).is_some_and(|file| file.name == self.name) {
            inner.files.remove(&place);
            inner.done.push(std::mem::take(&mut self.name));
        }
    }
}

#[cfg(test)]
mod tests;
