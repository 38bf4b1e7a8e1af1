//! Calls with the wrong input, and with one that can only be read.

#![allow(unused_variables, dead_code)]

use abide_sdk::prelude::*;

struct Greeter;

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "abide_sdk::serde")]
#[schemars(crate = "abide_sdk::schemars")]
struct ReadOnly {
    name: String,
}

#[service]
impl Greeter {
    async fn greet(ctx: &Context, name: String) -> HandlerResult<()> {
        Ok(())
    }

    async fn import(ctx: &Context, input: ReadOnly) -> HandlerResult<()> {
        Ok(())
    }
}

async fn handler(ctx: &Context, input: ReadOnly) -> HandlerResult<()> {
    ctx.service::<Greeter>().greet(7).await?;
    ctx.service::<Greeter>().import(input).await?;
    Ok(())
}

fn main() {}
