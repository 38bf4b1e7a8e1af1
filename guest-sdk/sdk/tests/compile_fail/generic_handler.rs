//! A generic handler.

#![allow(unused_variables, dead_code)]

use abide_sdk::prelude::*;

struct Greeter;

#[service]
impl Greeter {
    async fn greet<T: ToString>(ctx: &Context, name: T) -> HandlerResult<()> {
        Ok(())
    }
}

fn main() {}
