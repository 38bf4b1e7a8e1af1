//! The contexts of workflows.

use std::ops::Deref;

use super::{Context, FromContext};

/// What the handler `run` of a workflow can do: everything that a [`Context`] can, read and change
/// the workflow's state, and use its promises.
///
/// `run` is executed once per key. The workflow's other handlers take [`SharedWorkflowContext`].
///
/// ```
/// use abide_sdk::prelude::*;
///
/// pub struct Signup;
///
/// #[workflow]
/// impl Signup {
///     async fn run(ctx: &WorkflowContext, email: String) -> HandlerResult<bool> {
///         ctx.set("status", "waiting for the click");
///         let secret = ctx.rand_uuid();
///         ctx.run("send the mail", async || send_mail(&email, secret).await).await?;
///         Ok(ctx.promise::<Uuid>("clicked").await? == secret)
///     }
///
///     async fn click(ctx: &SharedWorkflowContext, secret: Uuid) -> HandlerResult<()> {
///         Ok(ctx.promise("clicked").resolve(&secret).await?)
///     }
/// }
/// # async fn send_mail(to: &str, secret: Uuid) -> HandlerResult<()> { Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct WorkflowContext {
    shared: SharedWorkflowContext,
}

impl Deref for WorkflowContext {
    type Target = SharedWorkflowContext;

    fn deref(&self) -> &SharedWorkflowContext {
        &self.shared
    }
}

impl FromContext for WorkflowContext {
    fn from_context(context: Context) -> Self {
        Self { shared: SharedWorkflowContext { context } }
    }
}

/// What the handlers of a workflow besides `run` can do: everything that a [`Context`] can, read
/// the workflow's state, and use its promises.
///
/// They are called by key while `run` goes on, and for some time after its end.
#[derive(Debug, Clone)]
pub struct SharedWorkflowContext {
    context: Context,
}

impl SharedWorkflowContext {
    /// Returns the key of the workflow.
    pub fn key(&self) -> &str {
        self.context.key()
    }
}

impl Deref for SharedWorkflowContext {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.context
    }
}

impl FromContext for SharedWorkflowContext {
    fn from_context(context: Context) -> Self {
        Self { context }
    }
}
