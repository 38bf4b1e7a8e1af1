//! A guest whose handlers wait in every way there is. It is in the data folders that are kept, so it is small, and what is
//! known of its invocations is kept for a hundred years: nobody knows when such a folder is opened.

use abide_sdk::prelude::*;

/// Waits for something else in each handler.
pub struct Waiting;

#[service(rename_all = "camelCase", idempotency_retention = "36500d", journal_retention = "36500d")]
impl Waiting {
    /// Waits for nothing.
    async fn echo(_ctx: &Context, text: String) -> HandlerResult<String> {
        Ok(text)
    }

    /// One step before and one after the timer.
    async fn for_time(ctx: &Context, millis: u64) -> HandlerResult<String> {
        let before = ctx.run("before", async || Ok("before".to_owned())).await?;
        ctx.sleep(Duration::from_millis(millis)).await?;
        let after = ctx.run("after", async || Ok("after".to_owned())).await?;
        Ok(format!("{before} and {after}"))
    }

    async fn for_awakeable(ctx: &Context) -> HandlerResult<String> {
        Ok(ctx.awakeable::<String>().await?)
    }

    async fn for_signal(ctx: &Context) -> HandlerResult<String> {
        Ok(ctx.signal::<String>("go").await?)
    }

    /// Waits for the basket "b".
    async fn for_basket(ctx: &Context, text: String) -> HandlerResult<Vec<String>> {
        Ok(ctx.object::<Basket>("b").append(text).await?)
    }
}

/// Texts in the order in which they came.
pub struct Basket;

#[object(rename_all = "camelCase", idempotency_retention = "36500d", journal_retention = "36500d")]
impl Basket {
    async fn append(ctx: &ObjectContext, text: String) -> HandlerResult<Vec<String>> {
        append(ctx, text).await
    }

    /// Keeps the key until the text comes.
    async fn hold(ctx: &ObjectContext) -> HandlerResult<Vec<String>> {
        let text = ctx.awakeable::<String>().await?;
        append(ctx, text).await
    }

    async fn look(ctx: &SharedObjectContext) -> HandlerResult<Vec<String>> {
        Ok(ctx.get::<Vec<String>>("texts").await?.unwrap_or_default())
    }
}

async fn append(ctx: &ObjectContext, text: String) -> HandlerResult<Vec<String>> {
    let mut texts = ctx.get::<Vec<String>>("texts").await?.unwrap_or_default();
    texts.push(text);
    ctx.set("texts", &texts);
    Ok(texts)
}

/// Waits for a decision.
pub struct Course;

#[workflow(
    rename_all = "camelCase",
    idempotency_retention = "36500d",
    journal_retention = "36500d",
    workflow_retention = "36500d"
)]
impl Course {
    async fn run(ctx: &WorkflowContext) -> HandlerResult<String> {
        Ok(ctx.promise::<String>("decision").await?)
    }

    async fn decide(ctx: &SharedWorkflowContext, decision: String) -> HandlerResult<()> {
        Ok(ctx.promise("decision").resolve(&decision).await?)
    }
}
