//! The smallest service: one handler, one side effect, one durable timer.

use abide_sdk::prelude::*;

/// Greets people.
pub struct Greeter;

#[service]
impl Greeter {
    /// Greets somebody, remembers it, and takes its time.
    async fn greet(ctx: &Context, name: String) -> HandlerResult<String> {
        let greeting = ctx.run("compose", async || Ok(format!("Hello {name}!"))).await?;
        ctx.sleep(Duration::from_secs(1)).await?;
        Ok(greeting)
    }
}
