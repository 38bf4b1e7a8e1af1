//! A workflow: a process that happens once per key, with handlers that look on and bring it news.

use abide_sdk::prelude::*;

/// The key says which process it is.
pub struct Example;

#[workflow]
impl Example {
    /// Asks for a decision and waits for it, for months if need be.
    async fn run(ctx: &WorkflowContext, subject: String) -> HandlerResult<String> {
        ctx.set("status", "waiting");
        ctx.run("ask", async || ask_for_a_decision(&subject).await).await?;
        let is_approved = ctx.promise::<bool>("decision").await?;
        ctx.set("status", if is_approved { "approved" } else { "refused" });
        match is_approved {
            true => Ok(format!("{subject}: approved")),
            false => Err(TerminalError::new(format!("{subject}: refused")).with_code(403).into()),
        }
    }

    /// Brings the decision.
    async fn decide(ctx: &SharedWorkflowContext, is_approved: bool) -> HandlerResult<()> {
        Ok(ctx.promise("decision").resolve(&is_approved).await?)
    }

    /// Says how far it is.
    async fn status(ctx: &SharedWorkflowContext) -> HandlerResult<Option<String>> {
        Ok(ctx.get("status").await?)
    }
}

async fn ask_for_a_decision(subject: &str) -> HandlerResult<()> {
    println!("somebody should decide about {subject}");
    Ok(())
}
