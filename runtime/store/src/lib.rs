//! The store of abide: an ordered map of bytes with atomic, fenced batches, durable in groups.
//!
//! Semantics live above it: [`keys`] and [`codec`] say what the bytes mean, everything else moves bytes. The engine is
//! written against [`Store`]; [`DiskStore`] keeps a folder, [`MemoryStore`] is for tests and crashes on command.
//!
//! How [`DiskStore`] works, in one paragraph: `commit` checks the fence, gives a number, puts the operations into the
//! overlay in memory and queues them. The committer thread writes large values into files, unless they were set apart
//! before, appends everything queued to the log with one write and one sync, and announces the sequence as durable. The
//! applier thread brings what is logged into sled and drops it from the overlay. The upkeep thread flushes sled when a
//! segment is full, takes snapshots, recycles segments and watches the free space. **sled is the index, the log is the
//! truth**: what sled loses is replayed, and when it is damaged it is rebuilt from snapshot and log.
//!
//! | to find out                                            | read                      |
//! |--------------------------------------------------------|---------------------------|
//! | what can be asked of a store                           | `store.rs`, `batch.rs`    |
//! | what can go wrong                                      | `error.rs`                |
//! | every limit                                            | `options.rs`              |
//! | what the store says about itself                       | `stats.rs`, `doctor.rs`   |
//! | the bytes of the log, torn tails and damage            | `log/record.rs`, `log/scan.rs`, `log/secret.rs` |
//! | segments, spares, recycling                            | `log/mod.rs`              |
//! | where a commit waits until it is in sled               | `overlay.rs`              |
//! | when something is on disk                              | `disk_store/committer.rs` |
//! | when something is in the index                         | `disk_store/applier.rs`   |
//! | checkpoints, snapshots, memory, free space             | `disk_store/upkeep.rs`    |
//! | what happens after a crash                             | `disk_store/open.rs`, `disk_store/recover.rs` |
//! | how long one waits for sled                            | `stall.rs`                |
//! | when all of the index is read at a start              | `disk_store/whole.rs`     |
//! | how the two views are read                             | `disk_store/read.rs`; what stays for who reads: `disk_store/readers.rs` |
//! | what sled does wrong and how it is kept away from us   | `index/mod.rs`, `index/guard.rs` |
//! | values over 32 KiB, and those that were set apart      | `blobs.rs`, `disk_store/ahead.rs` |
//! | the file an index is rebuilt from                      | `snapshot.rs`, its bytes: `blocks.rs` |
//! | a copy taken while the store is used, and a folder made of it | `backup/mod.rs`    |
//! | the folder, its lock and its format                    | `folder.rs`               |
//! | files that fail and lose power, for tests              | `disk/mod.rs`, `disk/sim.rs` |
//! | crashes on purpose                                     | `examples/crash`, `tests/crash.rs` |
//! | where a test build can be made to crash                | `faults.rs`, `faults/sites.rs` |
//! | who asks what of a store, in tests                     | `memory/watched.rs`       |
//! | bytes with a right checksum, for tests that damage them | `inspect.rs`             |
//! | how fast it is on this disk                            | `examples/bench.rs`       |
//!
//! Invariants: a blob is on disk before the record that names it; a record is on disk before `durable` says so and before
//! sled sees it; an overlay entry leaves only after sled has it; a segment is recycled only when sled has flushed it and
//! a snapshot covers it; after an error of a write or a sync nothing is ever acknowledged again.

#![forbid(unsafe_code)]

pub mod backup;
pub mod batch;
mod blobs;
mod blocks;
pub mod codec;
pub mod disk;
mod disk_store;
pub mod doctor;
pub mod error;
pub mod faults;
mod folder;
mod index;
#[doc(hidden)]
pub mod inspect;
pub mod keys;
mod log;
pub mod memory;
pub mod options;
mod overlay;
mod pairs;
mod snapshot;
mod stall;
pub mod stats;
pub mod store;

pub use batch::{Batch, Fence, LOG_PARTITION, META_PARTITION, Op, Order, Peeked, Sequence, View};
pub use disk_store::DiskStore;
pub use doctor::doctor;
pub use error::Error;
pub use memory::MemoryStore;
pub use options::Options;
pub use pairs::{Pairs, pairs};
pub use stats::{Stats, Status};
pub use store::Store;
