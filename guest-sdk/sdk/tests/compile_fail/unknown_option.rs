//! Options that do not exist, or have no such value.

#![allow(unused_variables, dead_code)]

use abide_sdk::prelude::*;

struct Greeter;

#[service(title = "Greeter")]
impl Greeter {
    #[handler(timeout = "1s")]
    async fn one(ctx: &Context) -> HandlerResult<()> {
        Ok(())
    }

    #[handler(retry(tries = 3))]
    async fn two(ctx: &Context) -> HandlerResult<()> {
        Ok(())
    }

    #[handler(retry(initial = "soon"))]
    async fn three(ctx: &Context) -> HandlerResult<()> {
        Ok(())
    }

    #[handler(retry(on_max_attempts = "explode"))]
    async fn four(ctx: &Context) -> HandlerResult<()> {
        Ok(())
    }

    #[handler(name = "no/slash")]
    async fn five(ctx: &Context) -> HandlerResult<()> {
        Ok(())
    }
}

struct Other;

#[service(rename_all = "SHOUTING")]
impl Other {
    async fn one(ctx: &Context) -> HandlerResult<()> {
        Ok(())
    }
}

fn main() {}
