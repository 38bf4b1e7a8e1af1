//! A run block's closure that changes something outside.

#![allow(unused_variables, dead_code)]

use abide_sdk::prelude::*;

async fn handler(ctx: &Context) -> HandlerResult<()> {
    let mut tries = 0;
    ctx.run("count", async || {
        tries += 1;
        Ok(tries)
    })
    .await?;
    Ok(())
}

fn main() {}
