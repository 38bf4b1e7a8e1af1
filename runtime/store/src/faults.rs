//! Failpoints: named places at which a test build ends, fails or waits when `ABIDE_FAULTS` asks for it.
//!
//! They exist only where debug assertions are on: a release build has none of this, and its calls are empty. A cargo
//! feature would make a second set of builds, and `cargo test` could test one while the binary was built with the other.
//!
//! `ABIDE_FAULTS` is a list with commas. `kill:log.sync.before#3` ends the process, as `kill -9` does, when it comes there
//! for the third time; `tear:log.write#2` lets only some sectors of a write reach the disk before that; `fail:log.sync#1` and
//! `full:spare.write#1` are errors of the disk; `slow:log.sync#100` lets each take 100 ms longer. `power:7#500` cuts the power,
//! by the seed 7, at the 500th operation of the disk: what was not synced is lost, torn or reordered. `free:1000` says that no
//! more bytes than these are free. `clock:FILE` adds the milliseconds that the file says to the clock.
//! `small` makes segments small, so that everything that is rare happens often.

#[cfg(debug_assertions)]
mod disk;
#[cfg(debug_assertions)]
mod plan;
#[cfg(debug_assertions)]
mod power;
mod sites;

use std::io;
use std::path::Path;

pub use sites::{Edge, SITES, Site};

use crate::options::Options;

/// Where the plan comes from.
pub const VARIABLE: &str = "ABIDE_FAULTS";

/// A place where something is about to happen, or just has.
#[inline(always)]
pub fn reach(site: Site, edge: Edge) {
    #[cfg(debug_assertions)]
    plan::reach(site, edge);
    #[cfg(not(debug_assertions))]
    let _ = (site, edge);
}

/// Does something with a file, which a plan may also fail or slow down.
///
/// # Errors
/// Those of the work, and those that a plan asks for.
#[inline(always)]
pub fn around<T>(site: Site, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    between(site, || {
        #[cfg(debug_assertions)]
        plan::hinder(site)?;
        work()
    })
}

/// Does something that a plan may interrupt before, and after it worked.
///
/// # Errors
/// Those of the work.
#[inline(always)]
pub fn between<T, E>(site: Site, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    reach(site, Edge::Before);
    let done = work()?;
    reach(site, Edge::After);
    Ok(done)
}

/// Returns by how many milliseconds the clock is wrong.
#[inline(always)]
#[must_use]
pub fn clock_offset_ms() -> i64 {
    #[cfg(debug_assertions)]
    return plan::clock_offset_ms();
    #[cfg(not(debug_assertions))]
    0
}

/// Puts the disk of the plan under a store in `dir`.
#[cfg_attr(not(debug_assertions), allow(unused_variables, reason = "only a plan needs to know the folder"))]
pub(crate) fn applied(options: Options, dir: &Path) -> Options {
    #[cfg(debug_assertions)]
    return plan::applied(options, dir);
    #[cfg(not(debug_assertions))]
    options
}
