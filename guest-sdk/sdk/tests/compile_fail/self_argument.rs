//! A handler with self.

#![allow(unused_variables, dead_code)]

use abide_sdk::prelude::*;

struct Greeter {
    greeting: String,
}

#[service]
impl Greeter {
    async fn greet(&self, ctx: &Context) -> HandlerResult<String> {
        Ok(self.greeting.clone())
    }
}

fn main() {}
