//! Fuzzing of everything that strangers can say: what is kept in `corpus/` is mutated, and the server has to answer.
//!
//! A [`targets::Target`] takes one input and says what was wrong about the answer. [`drive`] makes inputs with
//! [`mutate::Mutator`] for so long, and keeps those that found something ([`corpus`]).

pub mod corpus;
pub mod drive;
pub mod mutate;
pub mod sections;
pub mod targets;
