//! Contexts of other kinds.

#![allow(unused_variables, dead_code)]

use abide_sdk::prelude::*;

struct Greeter;

#[service]
impl Greeter {
    async fn object(ctx: &ObjectContext) -> HandlerResult<()> {
        Ok(())
    }

    async fn owned(ctx: Context) -> HandlerResult<()> {
        Ok(())
    }

    async fn mutable(ctx: &mut Context) -> HandlerResult<()> {
        Ok(())
    }
}

fn main() {}
