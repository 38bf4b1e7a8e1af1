//! Handlers whose every invocation asks for two more.

use abide_sdk::prelude::*;

pub struct Multiplying;

#[service(retry(initial = "100ms", factor = 1.0, max_attempts = "unlimited"))]
impl Multiplying {
    /// Waits for two of its kind.
    async fn calls(ctx: &Context) -> HandlerResult<()> {
        let next = ctx.service::<Multiplying>();
        try_join_all([next.calls(), next.calls()]).await?;
        Ok(())
    }

    /// Sends two of its kind on their way.
    async fn sends(ctx: &Context) -> HandlerResult<()> {
        let next = ctx.service::<Multiplying>();
        next.sends().send();
        next.sends().send();
        Ok(())
    }
}
