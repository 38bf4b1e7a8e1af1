//! End-to-end tests: a real server process, real components, real HTTP, and kill -9.

mod admin;
mod awakeables;
mod calls;
mod cancel;
mod command;
mod concurrency;
mod connections;
mod determinism;
mod durability;
mod idempotency;
mod ingress;
mod kill;
mod kills;
mod misbehaving;
mod npm_clients;
mod objects;
mod retention;
mod signals;
mod store_trouble;
mod tour;
mod tour_communication;
mod tour_objects;
mod tour_payments;
mod tour_readme;
mod uploads;
mod workflows;
