//! Workflows whose handlers take the wrong one of their two contexts, or another one.

#![allow(unused_variables, dead_code)]

use abide_sdk::prelude::*;

struct Signup;

#[workflow]
impl Signup {
    async fn run(ctx: &SharedWorkflowContext) -> HandlerResult<()> {
        Ok(())
    }

    async fn click(ctx: &WorkflowContext) -> HandlerResult<()> {
        Ok(())
    }

    async fn other(ctx: &ObjectContext) -> HandlerResult<()> {
        Ok(())
    }
}

fn main() {}
