//! A counter per key: the cost of state, on one key or on many.

use abide_sdk::prelude::*;

pub struct Counter;

#[object]
impl Counter {
    async fn add(ctx: &ObjectContext, n: u64) -> HandlerResult<u64> {
        let count = ctx.get::<u64>("count").await?.unwrap_or(0) + n;
        ctx.set("count", &count);
        Ok(count)
    }

    async fn get(ctx: &SharedObjectContext) -> HandlerResult<u64> {
        Ok(ctx.get("count").await?.unwrap_or(0))
    }
}
