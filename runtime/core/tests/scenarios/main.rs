//! Scripted scenarios of the core: commands in, phases and effects out, as text.
//!
//! A scenario is a script and the printed story of what it leads to; `script.rs` explains the words.
//! `UPDATE_EXPECT=1 cargo test -p abide-core --test scenarios` rewrites the stories.

mod anywhere;
mod asks;
mod attach;
mod attempts;
mod awakeables;
mod calls;
mod cancel;
mod depth;
mod edit_state;
mod edits;
mod gates;
mod held;
mod idempotency;
mod journal;
mod keys;
mod kill;
mod lost;
mod objects;
mod outbox;
mod parse;
mod pause;
mod print;
mod promises;
mod purge;
mod purge_journal;
mod reborn;
mod repin;
mod restart;
mod rules;
mod run;
mod script;
mod services;
mod show;
mod signals;
mod sleep;
mod spread;
mod spread_anywhere;
mod spread_kill;
mod state;
mod submit;
mod suspend;
mod unclaimed;
mod workflows;
mod world;
