//! A handler with two inputs, and one with a borrowed input.

#![allow(unused_variables, dead_code)]

use abide_sdk::prelude::*;

struct Greeter;

#[service]
impl Greeter {
    async fn greet(ctx: &Context, greeting: String, name: String) -> HandlerResult<()> {
        Ok(())
    }

    async fn borrowed(ctx: &Context, name: &str) -> HandlerResult<()> {
        Ok(())
    }
}

fn main() {}
