//! The core of Abide: every decision the runtime takes, without I/O, clock, randomness or async.
//!
//! A [`command::Command`] is something that happened, [`rows::Rows`] are the few records it needs,
//! [`effect::Effect`]s are what the shell has to do about it. [`step::step`] connects the three and
//! gives the same answer for the same input, always. Start reading there.

#![forbid(unsafe_code)]

pub mod command;
pub mod effect;
pub mod entry;
pub mod ids;
pub mod invocation;
pub mod limits;
pub mod manifest;
pub mod object;
pub mod outbox;
mod reads;
pub mod replay;
mod retention;
pub mod retry;
pub mod rows;
pub mod step;
mod steps;
pub mod target;
pub mod time;
