//! A generic service.

#![allow(unused_variables, dead_code)]

use abide_sdk::prelude::*;

struct Greeter<T>(T);

#[service]
impl<T> Greeter<T> {
    async fn greet(ctx: &Context) -> HandlerResult<()> {
        Ok(())
    }
}

fn main() {}
