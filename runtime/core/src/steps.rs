//! The families of commands, one file each.

pub mod acknowledged;
pub mod admit;
pub mod append;
pub mod attach;
pub mod begin;
pub mod cancel;
pub mod complete;
pub mod complete_awakeable;
pub mod ended;
pub mod entries;
pub mod key_queue;
pub mod kill;
pub mod pause;
pub mod pin;
pub mod post;
pub mod purge;
pub mod receive;
pub mod repin;
pub mod resume;
pub mod run_failed;
pub mod settle;
pub mod signal;
pub mod spread;
pub mod submit;
pub mod tell;
pub mod timer_due;
