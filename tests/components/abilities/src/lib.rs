//! Guests for tests of objects, workflows, calls, awakeables, signals, promises and cancellation.

mod combined;
mod register;
mod script;
mod typed;
mod workflow;

use abide_sdk::prelude::*;
use abide_sdk::serde_json::Value;

use script::Step;

/// Does what its input says.
pub struct Act;

#[service(rename_all = "camelCase", retry(initial = "50ms", factor = 1.0, max_attempts = "unlimited"))]
impl Act {
    async fn script(ctx: &Context, steps: Vec<Step>) -> HandlerResult<Vec<Value>> {
        script::run(ctx, steps).await
    }

    /// Only other handlers may call it.
    #[handler(name = "private_", private)]
    async fn not_for_everybody(ctx: &Context, steps: Vec<Step>) -> HandlerResult<Vec<Value>> {
        script::run(ctx, steps).await
    }

    /// Two attempts, then it waits for a person.
    #[handler(retry(initial = "20ms", max_attempts = 2, on_max_attempts = "pause"))]
    async fn brittle(ctx: &Context, steps: Vec<Step>) -> HandlerResult<Vec<Value>> {
        script::run(ctx, steps).await
    }

    /// Waits long before it tries again.
    #[handler(retry(initial = "1h"))]
    async fn patient(ctx: &Context, steps: Vec<Step>) -> HandlerResult<Vec<Value>> {
        script::run(ctx, steps).await
    }

    async fn nothing(_ctx: &Context) -> HandlerResult<()> {
        Ok(())
    }
}

/// Calls others: a service of its own, so that a listing tells it from those it calls.
pub struct Caller;

#[service(rename_all = "camelCase", retry(initial = "50ms", factor = 1.0, max_attempts = "unlimited"))]
impl Caller {
    async fn script(ctx: &Context, steps: Vec<Step>) -> HandlerResult<Vec<Value>> {
        script::run(ctx, steps).await
    }

    /// Returns the result of the last step only.
    async fn last(ctx: &Context, steps: Vec<Step>) -> HandlerResult<Value> {
        Ok(script::run(ctx, steps).await?.pop().unwrap_or_default())
    }
}

/// A virtual object that does what its input says.
pub struct Thing;

#[object(rename_all = "camelCase", retry(initial = "50ms", factor = 1.0, max_attempts = "unlimited"))]
impl Thing {
    async fn script(ctx: &ObjectContext, steps: Vec<Step>) -> HandlerResult<Vec<Value>> {
        script::run(ctx, steps).await
    }

    /// Beside the exclusive handlers.
    async fn look(ctx: &SharedObjectContext, steps: Vec<Step>) -> HandlerResult<Vec<Value>> {
        script::run(ctx, steps).await
    }

    /// As `look`, but gives up after one attempt.
    #[handler(retry(max_attempts = 1, on_max_attempts = "kill"))]
    async fn look_once(ctx: &SharedObjectContext, steps: Vec<Step>) -> HandlerResult<Vec<Value>> {
        script::run(ctx, steps).await
    }

    async fn key(ctx: &SharedObjectContext) -> HandlerResult<String> {
        Ok(ctx.key().to_owned())
    }
}

/// A workflow that does what its input says.
pub struct Flow;

#[workflow(rename_all = "camelCase", retry(initial = "50ms", factor = 1.0, max_attempts = "unlimited"))]
impl Flow {
    async fn run(ctx: &WorkflowContext, steps: Vec<Step>) -> HandlerResult<Vec<Value>> {
        script::run(ctx, steps).await
    }

    async fn script(ctx: &SharedWorkflowContext, steps: Vec<Step>) -> HandlerResult<Vec<Value>> {
        script::run(ctx, steps).await
    }
}

/// What is left of its invocations goes soon.
pub struct Brief;

#[service(rename_all = "camelCase", idempotency_retention = "2s", journal_retention = "1s")]
impl Brief {
    async fn script(ctx: &Context, steps: Vec<Step>) -> HandlerResult<Vec<Value>> {
        script::run(ctx, steps).await
    }

    /// Nothing is left of it.
    #[handler(idempotency_retention = "0s", journal_retention = "0s")]
    async fn gone(ctx: &Context, steps: Vec<Step>) -> HandlerResult<Vec<Value>> {
        script::run(ctx, steps).await
    }
}

/// A workflow that is forgotten soon.
pub struct BriefFlow;

#[workflow(rename_all = "camelCase", workflow_retention = "1s", journal_retention = "1h")]
impl BriefFlow {
    async fn run(ctx: &WorkflowContext, steps: Vec<Step>) -> HandlerResult<Vec<Value>> {
        script::run(ctx, steps).await
    }

    async fn script(ctx: &SharedWorkflowContext, steps: Vec<Step>) -> HandlerResult<Vec<Value>> {
        script::run(ctx, steps).await
    }
}
