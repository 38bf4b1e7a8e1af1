//! What the end-to-end tests are made of: a server process that can be killed, guests that are built
//! once, an HTTP client, and a counter that sees side effects from the outside.

pub mod api;
pub mod binary;
pub mod browser;
pub mod cli;
pub mod counter;
pub mod curl;
pub mod folders;
pub mod guests;
pub mod http;
pub mod kill;
pub mod linear;
pub mod metrics;
pub mod mixed;
pub mod news;
pub mod npm;
pub mod otlp;
pub mod patch;
pub mod poll;
pub mod process;
pub mod rng;
pub mod scenarios;
pub mod script;
pub mod server;
pub mod upgrades;

pub use counter::{Counter, Hit, Reaction};
pub use guests::Guest;
pub use http::{Client, Reply};
pub use poll::{eventually, within};
pub use server::{Server, Setup};
