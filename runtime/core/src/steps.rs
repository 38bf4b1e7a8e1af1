//! The families of commands, one file each.

pub mod acknowledged;
pub mod append;
pub mod begin;
pub mod complete;
pub mod ended;
pub mod post;
pub mod receive;
pub mod resume;
pub mod run_failed;
pub mod settle;
pub mod submit;
pub mod timer_due;
