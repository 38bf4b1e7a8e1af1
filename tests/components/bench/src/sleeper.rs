//! Handlers that wait: what a sleeping invocation costs, and how it resumes.

use abide_sdk::prelude::*;

pub struct Sleeper;

#[service]
impl Sleeper {
    /// One step before and one after the timer.
    async fn sleep(ctx: &Context, millis: u64) -> HandlerResult<String> {
        let before = ctx.run("before", async || Ok("b".to_owned())).await?;
        ctx.sleep(Duration::from_millis(millis)).await?;
        ctx.run("after", async || Ok("a".to_owned())).await?;
        Ok(before)
    }

    /// Nothing but the timer.
    async fn nap(ctx: &Context, millis: u64) -> HandlerResult<String> {
        ctx.sleep(Duration::from_millis(millis)).await?;
        Ok("b".to_owned())
    }
}
