//! On a struct instead of its impl block.

#![allow(unused_variables, dead_code)]

use abide_sdk::prelude::*;

#[service]
struct Greeter;

fn main() {}
