//! Handlers with large inputs and results, and nothing else.

use abide_sdk::prelude::*;

/// What a result is filled with comes back after so many bytes.
const PERIOD: usize = 251;

pub struct Large;

#[service]
impl Large {
    async fn take(_ctx: &Context, body: Bytes) -> HandlerResult<u64> {
        Ok(body.len() as u64)
    }

    async fn give(_ctx: &Context, bytes: usize) -> HandlerResult<Bytes> {
        Ok(Bytes((0..bytes).map(|at| (at % PERIOD) as u8).collect()))
    }

    async fn echo(_ctx: &Context, body: Bytes) -> HandlerResult<Bytes> {
        Ok(body)
    }
}
