//! The store of abide: an ordered map of bytes with atomic, fenced batches, durable in groups.

pub mod batch;
mod blobs;
pub mod codec;
pub mod disk;
mod disk_store;
pub mod doctor;
pub mod error;
mod folder;
mod index;
mod log;
pub mod keys;
pub mod memory;
pub mod options;
mod overlay;
mod snapshot;
pub mod stats;
pub mod store;

pub use batch::{Batch, Fence, META_PARTITION, Op, Sequence, View};
pub use disk_store::DiskStore;
pub use doctor::doctor;
pub use error::Error;
pub use memory::MemoryStore;
pub use options::Options;
pub use stats::{Stats, Status};
pub use store::Store;
