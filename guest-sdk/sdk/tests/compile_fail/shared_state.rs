//! Handlers that change a state they may only read, or have none.

#![allow(unused_variables, dead_code)]

use abide_sdk::prelude::*;

async fn look(ctx: &SharedObjectContext) {
    ctx.set("count", &1);
}

async fn status(ctx: &SharedWorkflowContext) {
    ctx.clear_all();
}

async fn service(ctx: &Context) {
    let _count = ctx.get::<u32>("count");
}

fn main() {}
