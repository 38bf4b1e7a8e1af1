//! Virtual objects with contexts of services and workflows.

#![allow(unused_variables, dead_code)]

use abide_sdk::prelude::*;

struct Counter;

#[object]
impl Counter {
    async fn add(ctx: &Context, delta: i64) -> HandlerResult<i64> {
        Ok(delta)
    }

    async fn get(ctx: &SharedWorkflowContext) -> HandlerResult<()> {
        Ok(())
    }
}

struct Empty;

#[object]
impl Empty {}

fn main() {}
