//! Retention in the wrong place, or not a time.

#![allow(unused_variables, dead_code)]

use abide_sdk::prelude::*;

struct Greeter;

#[service(workflow_retention = "1d")]
impl Greeter {
    #[handler(journal_retention = "forever")]
    async fn greet(ctx: &Context) -> HandlerResult<()> {
        Ok(())
    }
}

struct Signup;

#[workflow(workflow_retention = "1 week")]
impl Signup {
    #[handler(workflow_retention = "1d")]
    async fn run(ctx: &WorkflowContext) -> HandlerResult<()> {
        Ok(())
    }
}

fn main() {}
