//! Typed clients: what the macros write for each service, and how a context hands it out.

use crate::call::{Call, Target};
use crate::codec::Encode;
use crate::context::Context;

impl Context {
    /// Returns the client of a service, with one function per handler, private ones included.
    ///
    /// `#[service] impl Payments` also makes a type `PaymentsClient`; each function of it takes the
    /// handler's input, if any, and returns a [`Call`].
    ///
    /// ```
    /// use abide_sdk::prelude::*;
    ///
    /// pub struct Payments;
    ///
    /// #[service]
    /// impl Payments {
    ///     async fn charge(ctx: &Context, cents: u32) -> HandlerResult<String> {
    ///         Ok(format!("receipt for {cents}"))
    ///     }
    /// }
    ///
    /// # async fn handler(ctx: &Context) -> HandlerResult<()> {
    /// let receipt = ctx.service::<Payments>().charge(500).await?;
    /// # Ok(()) }
    /// ```
    pub fn service<S: Service>(&self) -> S::Client {
        S::client()
    }

    /// Returns the client of one virtual object: the one with this key.
    ///
    /// ```
    /// use abide_sdk::prelude::*;
    ///
    /// pub struct Counter;
    ///
    /// #[object]
    /// impl Counter {
    ///     async fn add(ctx: &ObjectContext, delta: i64) -> HandlerResult<i64> {
    ///         let count = ctx.get("count").await?.unwrap_or(0) + delta;
    ///         ctx.set("count", &count);
    ///         Ok(count)
    ///     }
    /// }
    ///
    /// # async fn handler(ctx: &Context) -> HandlerResult<()> {
    /// let count = ctx.object::<Counter>("ann").add(1).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// Two objects that call and wait for each other wait forever. So does an exclusive handler
    /// that waits for another exclusive handler of its own key: send instead.
    pub fn object<O: Object>(&self, key: impl Into<String>) -> O::Client {
        O::client(key.into())
    }

    /// Returns the client of one workflow: the one with this key.
    ///
    /// ```
    /// use abide_sdk::prelude::*;
    ///
    /// pub struct Signup;
    ///
    /// #[workflow]
    /// impl Signup {
    ///     async fn run(ctx: &WorkflowContext, email: String) -> HandlerResult<()> {
    ///         Ok(ctx.promise::<()>("clicked").await?)
    ///     }
    ///
    ///     async fn click(ctx: &SharedWorkflowContext) -> HandlerResult<()> {
    ///         Ok(ctx.promise::<()>("clicked").resolve(&()).await?)
    ///     }
    /// }
    ///
    /// # async fn handler(ctx: &Context) -> HandlerResult<()> {
    /// ctx.workflow::<Signup>("ann").run("ann@example.org".to_owned()).send();
    /// ctx.workflow::<Signup>("ann").click().await?;
    /// # Ok(()) }
    /// ```
    pub fn workflow<W: Workflow>(&self, key: impl Into<String>) -> W::Client {
        W::client(key.into())
    }
}

/// A type with `#[service]`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service",
    note = "`ctx.service` takes types with `#[service]`; for others there are `ctx.object` and `ctx.workflow`"
)]
pub trait Service {
    /// What calls its handlers.
    type Client;
    /// Makes a client.
    fn client() -> Self::Client;
}

/// A type with `#[object]`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a virtual object",
    note = "`ctx.object` takes types with `#[object]`; for others there are `ctx.service` and `ctx.workflow`"
)]
pub trait Object {
    /// What calls its handlers.
    type Client;
    /// Makes a client for one key.
    fn client(key: String) -> Self::Client;
}

/// A type with `#[workflow]`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a workflow",
    note = "`ctx.workflow` takes types with `#[workflow]`; for others there are `ctx.service` and `ctx.object`"
)]
pub trait Workflow {
    /// What calls its handlers.
    type Client;
    /// Makes a client for one key.
    fn client(key: String) -> Self::Client;
}

/// What a generated client has inside.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct Callee {
    service: &'static str,
    key: Option<String>,
}

impl Callee {
    /// Names a service.
    pub fn service(service: &'static str) -> Self {
        Self { service, key: None }
    }

    /// Names a virtual object or workflow.
    pub fn keyed(service: &'static str, key: String) -> Self {
        Self { service, key: Some(key) }
    }

    /// Prepares a call of one handler.
    pub fn call<T>(&self, handler: &str, input: &impl Encode) -> Call<T> {
        Call::new(Target::new(self.service.to_owned(), self.key.clone(), handler.to_owned()), input)
    }
}

/// The input of a handler, as its client takes it: by value or by reference.
#[diagnostic::on_unimplemented(
    message = "the handler takes `{T}`, not `{Self}`",
    label = "expected `{T}` or `&{T}`"
)]
pub trait Given<T> {
    /// Returns the input.
    #[doc(hidden)]
    fn given(&self) -> &T;
}

impl<T> Given<T> for T {
    fn given(&self) -> &T {
        self
    }
}

impl<T> Given<T> for &T {
    fn given(&self) -> &T {
        self
    }
}
