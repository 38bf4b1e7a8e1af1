//! Calls that wait for each other without end.

use abide_sdk::prelude::*;

pub struct Deep;

#[service(rename_all = "camelCase")]
impl Deep {
    /// Calls itself, and waits for the answer.
    async fn calls_itself(ctx: &Context, depth: u64) -> HandlerResult<()> {
        Ok(ctx.service::<Deep>().calls_itself(depth + 1).await?)
    }
}

/// An object of which each calls the next of the other kind, and keeps its key meanwhile.
pub struct Ping;

#[object]
impl Ping {
    async fn hit(ctx: &ObjectContext, ball: u64) -> HandlerResult<()> {
        Ok(ctx.object::<Pong>((ball + 1).to_string()).hit(ball + 1).await?)
    }
}

pub struct Pong;

#[object]
impl Pong {
    async fn hit(ctx: &ObjectContext, ball: u64) -> HandlerResult<()> {
        Ok(ctx.object::<Ping>((ball + 1).to_string()).hit(ball + 1).await?)
    }
}
