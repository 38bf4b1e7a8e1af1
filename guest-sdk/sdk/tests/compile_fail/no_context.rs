//! A handler without a context.

#![allow(unused_variables, dead_code)]

use abide_sdk::prelude::*;

struct Greeter;

#[service]
impl Greeter {
    async fn greet() -> HandlerResult<()> {
        Ok(())
    }

    async fn welcome(name: String) -> HandlerResult<()> {
        Ok(())
    }
}

fn main() {}
