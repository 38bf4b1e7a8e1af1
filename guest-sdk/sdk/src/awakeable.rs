//! Awakeables: waiting for somebody outside, who knows the id.

use std::fmt;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use futures_util::future::FusedFuture;

use crate::codec::{self, Decode, Encode};
use crate::context::Context;
use crate::durable::Durable;
use crate::error::TerminalError;
use crate::host::{self, Answer};
use crate::scope;

impl Context {
    /// Creates an awakeable: a future that somebody outside completes, who got its id.
    ///
    /// Give the id away in a run block, in a mail or in a request to a system that calls back, and
    /// await the awakeable. It is completed over HTTP, by a POST of the value to
    /// `/restate/awakeables/ID/resolve` or of a reason to `/restate/awakeables/ID/reject`, or by a
    /// handler with [`resolve_awakeable`](Self::resolve_awakeable). Who posts something that is not
    /// JSON is received by an awakeable of [`Text`](crate::Text) or [`Bytes`](crate::Bytes).
    ///
    /// ```
    /// use abide_sdk::prelude::*;
    ///
    /// # async fn order_by_mail(callback: &str) -> HandlerResult<()> { Ok(()) }
    /// # async fn handler(ctx: &Context) -> HandlerResult<()> {
    /// let delivered = ctx.awakeable::<String>();
    /// ctx.run("order", async || order_by_mail(delivered.id()).await).await?;
    /// let signed_by = delivered.await?;
    /// # Ok(()) }
    /// ```
    ///
    /// Unlike other durable futures it exists from the moment of creation. It waits until it is
    /// completed; [`timeout`](Self::timeout) limits that.
    ///
    /// # Errors
    /// Awaiting it fails when it is rejected, and with code 500 when what came is not a `T`.
    pub fn awakeable<T: Decode>(&self) -> Awakeable<T> {
        Awakeable::create(None)
    }

    /// As [`awakeable`](Self::awakeable), with a name for those who look at the invocation.
    pub fn awakeable_named<T: Decode>(&self, name: &str) -> Awakeable<T> {
        Awakeable::create(Some(name))
    }

    /// Completes an awakeable of any invocation with a value.
    ///
    /// One that is completed already, or whose invocation is over, stays as it is.
    ///
    /// ```
    /// use abide_sdk::prelude::*;
    ///
    /// # async fn handler(ctx: &Context, id: String) -> HandlerResult<()> {
    /// ctx.resolve_awakeable(&id, "signed by ann")?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the text is not the id of an awakeable, with code 400.
    ///
    /// # Panics
    /// When the value does not serialize to JSON.
    pub fn resolve_awakeable(&self, id: &str, value: &(impl Encode + ?Sized)) -> Result<(), TerminalError> {
        complete(id, Ok(&codec::written("the value of an awakeable", value)))
    }

    /// Completes an awakeable of any invocation with a failure: who waits for it gets a
    /// [`TerminalError`] with code 500 and this reason.
    ///
    /// # Errors
    /// When the text is not the id of an awakeable, with code 400.
    pub fn reject_awakeable(&self, id: &str, reason: impl fmt::Display) -> Result<(), TerminalError> {
        complete(id, Err(&TerminalError::new(reason).into_failure()))
    }
}

fn complete(id: &str, answer: Answer<'_>) -> Result<(), TerminalError> {
    scope::assert_outside(format_args!("awakeable {id} was completed"));
    host::with(|host| host.awakeable_complete(id, answer)).map_err(TerminalError::from_failure)
}

/// Something that somebody outside completes: the future that [`Context::awakeable`] returns.
#[must_use = "an awakeable is there to be awaited"]
pub struct Awakeable<T> {
    id: String,
    value: Durable<T>,
}

impl<T: Decode> Awakeable<T> {
    fn create(name: Option<&str>) -> Self {
        scope::assert_outside("an awakeable was created");
        let created = host::with(|host| host.awakeable_create(name));
        let what = format!("the value of awakeable {}", name.unwrap_or(&created.id));
        Self { value: Durable::issued(what, created.op, codec::sent), id: created.id }
    }
}

impl<T> Awakeable<T> {
    /// Returns the id, for whoever will complete the awakeable.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl<T> Future for Awakeable<T> {
    type Output = Result<T, TerminalError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.value).poll(cx)
    }
}

impl<T> FusedFuture for Awakeable<T> {
    fn is_terminated(&self) -> bool {
        self.value.is_terminated()
    }
}
