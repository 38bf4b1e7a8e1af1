//! A handler that is not async.

#![allow(unused_variables, dead_code)]

use abide_sdk::prelude::*;

struct Greeter;

#[service]
impl Greeter {
    fn greet(ctx: &Context) -> HandlerResult<()> {
        Ok(())
    }
}

fn main() {}
