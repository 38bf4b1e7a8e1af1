//! A workflow without `run`, also when renaming is to blame.

#![allow(unused_variables, dead_code)]

use abide_sdk::prelude::*;

struct Signup;

#[workflow]
impl Signup {
    async fn click(ctx: &SharedWorkflowContext) -> HandlerResult<()> {
        Ok(())
    }
}

struct Renamed;

#[workflow(rename_all = "PascalCase")]
impl Renamed {
    async fn run(ctx: &WorkflowContext) -> HandlerResult<()> {
        Ok(())
    }
}

fn main() {}
