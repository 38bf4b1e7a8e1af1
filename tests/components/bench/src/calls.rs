//! Handlers that call handlers: one after the other, and a hundred at once.

use abide_sdk::prelude::*;
use abide_sdk::serde_json::Value;

const MESSAGES: u32 = 100;

/// Calls the next one, which calls the last one: the cost of calls between services.
pub struct ChainA;

#[service]
impl ChainA {
    async fn call(ctx: &Context, text: String) -> HandlerResult<String> {
        Ok(ctx.service::<ChainB>().call(text + "A").await?)
    }
}

pub struct ChainB;

#[service]
impl ChainB {
    async fn call(ctx: &Context, text: String) -> HandlerResult<String> {
        Ok(ctx.service::<ChainC>().call(text + "B").await?)
    }
}

pub struct ChainC;

#[service]
impl ChainC {
    async fn call(_ctx: &Context, text: String) -> HandlerResult<String> {
        Ok(text + "C")
    }
}

/// One call becomes a hundred messages: the cost of a message that nobody waits for.
pub struct Fanout;

#[service]
impl Fanout {
    /// Returns the id of the last one: who attaches to it knows when the messages have been taken.
    async fn hundred(ctx: &Context, _input: Value) -> HandlerResult<String> {
        let sink = ctx.service::<Sink>();
        let mut last = String::new();
        for n in 0..MESSAGES {
            last = sink.take(n).send().id().to_owned();
        }
        Ok(last)
    }
}

pub struct Sink;

#[service]
impl Sink {
    async fn take(_ctx: &Context, _n: u32) -> HandlerResult<()> {
        Ok(())
    }
}
