//! The fault matrix: a real server under every fault, with concurrent clients whose histories are checked.
//!
//! A [`world::World`] is what all clients share: where the server is now, and what has been done to it. Jobs
//! ([`job`]) are what clients ask for and what has to come of it; [`objects`] are registers whose histories have to be
//! linearizable. A row of the matrix ([`rows`]) starts a server, lets the clients work while it does its harm by
//! [`life`], and then judges every kind of work for itself.

pub mod job;
pub mod life;
pub mod objects;
pub mod rows;
pub mod table;
pub mod work;
pub mod world;
