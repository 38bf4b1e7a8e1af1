//! A process that happens once per key.

use abide_sdk::prelude::*;

/// A loan that somebody has to approve.
pub struct Loan;

#[workflow(workflow_retention = "1d")]
impl Loan {
    /// Waits for the decision; a refusal is a terminal failure.
    async fn run(ctx: &WorkflowContext, cents: u64) -> HandlerResult<String> {
        ctx.set("status", "waiting");
        let is_approved = ctx.promise::<bool>("decision").await?;
        ctx.set("status", if is_approved { "approved" } else { "refused" });
        match is_approved {
            true => Ok(format!("{cents} for {}", ctx.key())),
            false => Err(TerminalError::new("no loan").with_code(403).into()),
        }
    }

    async fn decide(ctx: &SharedWorkflowContext, is_approved: bool) -> HandlerResult<()> {
        Ok(ctx.promise("decision").resolve(&is_approved).await?)
    }

    async fn status(ctx: &SharedWorkflowContext) -> HandlerResult<Option<String>> {
        Ok(ctx.get("status").await?)
    }
}
