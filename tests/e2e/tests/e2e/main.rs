//! End-to-end tests: a real server process, real components, real HTTP, and kill -9.

mod kills;
mod tour;
