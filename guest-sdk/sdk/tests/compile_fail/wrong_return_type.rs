//! Handlers that return something else.

#![allow(unused_variables, dead_code)]

use abide_sdk::prelude::*;

struct Greeter;

#[service]
impl Greeter {
    async fn nothing(ctx: &Context) {}

    async fn text(ctx: &Context) -> String {
        String::new()
    }
}

fn main() {}
