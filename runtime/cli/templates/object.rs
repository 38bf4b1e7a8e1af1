//! A virtual object: many things of one kind, each with a key and a state that stays.

use abide_sdk::prelude::*;

/// The key says which one it is.
pub struct Example;

#[object]
impl Example {
    /// Adds to the count and returns it. One at a time per key, so no lock is needed.
    async fn add(ctx: &ObjectContext, n: i64) -> HandlerResult<i64> {
        let count = ctx.get::<i64>("count").await?.unwrap_or_default() + n;
        ctx.set("count", &count);
        Ok(count)
    }

    /// Returns the count. It only reads, so it need not wait for its turn.
    async fn get(ctx: &SharedObjectContext) -> HandlerResult<i64> {
        Ok(ctx.get("count").await?.unwrap_or_default())
    }
}
