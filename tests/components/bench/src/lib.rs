//! The services that the benchmark calls; the workloads are those of the other servers' drivers.

mod calls;
mod counter;
mod journal;
mod large;
mod sleeper;
mod soak;

use abide_sdk::prelude::*;
use abide_sdk::serde_json::Value;

/// No durable step at all: the cost of a call.
pub struct Greeter;

#[service]
impl Greeter {
    async fn greet(_ctx: &Context, name: String) -> HandlerResult<String> {
        Ok(format!("Hello {name}!"))
    }
}

/// Sequential run blocks: the cost of a step.
pub struct Steps;

#[service]
impl Steps {
    async fn three(ctx: &Context, _input: Value) -> HandlerResult<u32> {
        sum_of_steps(ctx, 3).await
    }

    async fn ten(ctx: &Context, _input: Value) -> HandlerResult<u32> {
        sum_of_steps(ctx, 10).await
    }
}

async fn sum_of_steps(ctx: &Context, steps: u32) -> HandlerResult<u32> {
    let mut sum = 0;
    for n in 0..steps {
        sum += ctx.run(format!("step-{n}"), async || Ok(n)).await?;
    }
    Ok(sum)
}
