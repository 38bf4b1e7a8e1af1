//! Failpoints of the server: those of the store, which knows where a plan comes from.

pub use abide_store::faults::{Edge, Site, around, between, clock_offset_ms, reach};
