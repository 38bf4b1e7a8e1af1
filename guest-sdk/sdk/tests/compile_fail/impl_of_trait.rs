//! An impl of a trait.

#![allow(unused_variables, dead_code)]

use abide_sdk::prelude::*;

struct Greeter;

#[service]
impl Default for Greeter {
    fn default() -> Self {
        Greeter
    }
}

fn main() {}
