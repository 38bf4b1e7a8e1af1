//! Clients of another kind.

#![allow(unused_variables, dead_code)]

use abide_sdk::prelude::*;

struct Greeter;

#[service]
impl Greeter {
    async fn greet(ctx: &Context) -> HandlerResult<()> {
        Ok(())
    }
}

struct Counter;

#[object]
impl Counter {
    async fn add(ctx: &ObjectContext) -> HandlerResult<()> {
        Ok(())
    }
}

async fn handler(ctx: &Context) {
    ctx.service::<Counter>();
    ctx.object::<Greeter>("ann");
    ctx.workflow::<Counter>("ann");
}

fn main() {}
