//! Both ports against a real engine: requests as scripts, with what comes back. The handlers are those
//! of `world.rs`, so no guest has to be built.

mod access;
mod admin;
mod content_type;
mod control;
mod counting;
mod deployments;
mod golden;
mod ingress;
mod invoke;
mod listing;
mod objects;
mod refusing;
mod script;
mod sql;
mod waiting;
mod watching;
pub mod world;
