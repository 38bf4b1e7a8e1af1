//! Two handlers of one name.

#![allow(unused_variables, dead_code)]

use abide_sdk::prelude::*;

struct Greeter;

#[service(rename_all = "camelCase")]
impl Greeter {
    async fn say_hello(ctx: &Context) -> HandlerResult<()> {
        Ok(())
    }

    #[handler(name = "sayHello")]
    async fn greet(ctx: &Context) -> HandlerResult<()> {
        Ok(())
    }
}

fn main() {}
