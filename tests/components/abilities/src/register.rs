//! A register that many clients use at once, so that their histories can be checked.

use abide_sdk::prelude::*;

/// Changes the value if it is the expected one.
#[data]
pub struct Swap {
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// One number per key.
pub struct Register;

#[object]
impl Register {
    async fn read(ctx: &SharedObjectContext) -> HandlerResult<i64> {
        Ok(ctx.get("value").await?.unwrap_or_default())
    }

    /// Adds to the value and returns the sum.
    async fn add(ctx: &ObjectContext, by: i64) -> HandlerResult<i64> {
        let sum = ctx.get::<i64>("value").await?.unwrap_or_default() + by;
        ctx.set("value", &sum);
        Ok(sum)
    }

    /// As `add`, with a pause between reading and writing.
    async fn add_slowly(ctx: &ObjectContext, by: i64) -> HandlerResult<i64> {
        let value = ctx.get::<i64>("value").await?.unwrap_or_default();
        ctx.sleep(Duration::from_millis(2)).await?;
        ctx.set("value", &(value + by));
        Ok(value + by)
    }

    /// Returns whether the value was the expected one.
    async fn swap(ctx: &ObjectContext, swap: Swap) -> HandlerResult<bool> {
        let is_expected = ctx.get::<i64>("value").await?.unwrap_or_default() == swap.from;
        if is_expected {
            ctx.set("value", &swap.to);
        }
        Ok(is_expected)
    }
}
