//! A counter per key: the cost of state, on one key or on many.

use abide_sdk::prelude::*;
use abide_sdk::serde_json::Value;

pub struct Counter;

#[object]
impl Counter {
    async fn add(ctx: &ObjectContext, n: u64) -> HandlerResult<u64> {
        let count = ctx.get::<u64>("count").await?.unwrap_or(0) + n;
        ctx.set("count", &count);
        Ok(count)
    }

    /// Keeps the key until the signal "go" comes: all others wait.
    async fn hold(ctx: &ObjectContext, _input: Value) -> HandlerResult<()> {
        Ok(ctx.signal("go").await?)
    }

    async fn get(ctx: &SharedObjectContext) -> HandlerResult<u64> {
        Ok(ctx.get("count").await?.unwrap_or(0))
    }
}
