//! Handlers of which little is kept after their end: called for hours, they must not fill the disk.

use abide_sdk::prelude::*;

/// Large enough to become a file of its own in the store.
const LARGE_BYTES: usize = 40 << 10;

pub struct Soak;

#[service(journal_retention = "2s", idempotency_retention = "2s")]
impl Soak {
    /// Nothing is kept.
    #[handler(journal_retention = "0s")]
    async fn forget(_ctx: &Context, n: u64) -> HandlerResult<u64> {
        Ok(n)
    }

    /// Input and answer are kept for a while; callers with an idempotency key get the same answer.
    async fn keep(_ctx: &Context, n: u64) -> HandlerResult<u64> {
        Ok(n)
    }

    async fn steps(ctx: &Context, n: u64) -> HandlerResult<u64> {
        let one = ctx.run("one", async || Ok(n)).await?;
        ctx.run("two", async || Ok(one)).await.map_err(Into::into)
    }

    /// A large input, a large outcome, a large answer.
    async fn large(ctx: &Context, text: Text) -> HandlerResult<Text> {
        let turned = ctx.run("turn", async || Ok(text.0.chars().rev().collect::<String>())).await?;
        Ok(Text(turned))
    }

    /// Calls itself, as many times as it says.
    async fn nest(ctx: &Context, n: u64) -> HandlerResult<u64> {
        match n {
            0 => Ok(0),
            _ => Ok(1 + ctx.service::<Soak>().nest(n - 1).await?),
        }
    }
}

/// Objects whose state stays, while what is known of the calls goes.
pub struct Shelf;

#[object(journal_retention = "2s", idempotency_retention = "2s")]
impl Shelf {
    async fn add(ctx: &ObjectContext, n: u64) -> HandlerResult<u64> {
        let count = ctx.get::<u64>("count").await?.unwrap_or(0) + n;
        ctx.set("count", &count);
        Ok(count)
    }

    /// Replaces a large value of the state by another, or clears it.
    async fn replace(ctx: &ObjectContext, n: u64) -> HandlerResult<u64> {
        match n % 4 {
            0 => ctx.clear("large"),
            _ => ctx.set("large", &format!("{n:LARGE_BYTES$}")),
        }
        Ok(n)
    }
}
