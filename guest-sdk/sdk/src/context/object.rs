//! The contexts of virtual objects.

use std::ops::Deref;

use super::{Context, FromContext};

/// What an exclusive handler of a virtual object can do: everything that a [`Context`] can, and
/// read and change the object's state.
///
/// Handlers that take it run one at a time per key, so between a read and a write of the state
/// nobody else writes, however long the handler waits in between. Those who only look take
/// [`SharedObjectContext`] and need not wait for their turn.
///
/// ```
/// use abide_sdk::prelude::*;
///
/// pub struct Counter;
///
/// #[object]
/// impl Counter {
///     async fn add(ctx: &ObjectContext, delta: i64) -> HandlerResult<i64> {
///         let count = ctx.get::<i64>("count").await?.unwrap_or(0) + delta;
///         ctx.set("count", &count);
///         Ok(count)
///     }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct ObjectContext {
    shared: SharedObjectContext,
}

impl Deref for ObjectContext {
    type Target = SharedObjectContext;

    fn deref(&self) -> &SharedObjectContext {
        &self.shared
    }
}

impl FromContext for ObjectContext {
    fn from_context(context: Context) -> Self {
        Self { shared: SharedObjectContext { context } }
    }
}

/// What a shared handler of a virtual object can do: everything that a [`Context`] can, and read
/// the object's state.
///
/// Shared handlers of a key run beside each other and beside the exclusive one. They see the state
/// as it was last recorded; two values read one after the other may be of different times.
#[derive(Debug, Clone)]
pub struct SharedObjectContext {
    context: Context,
}

impl SharedObjectContext {
    /// Returns the key of the object.
    pub fn key(&self) -> &str {
        self.context.key()
    }
}

impl Deref for SharedObjectContext {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.context
    }
}

impl FromContext for SharedObjectContext {
    fn from_context(context: Context) -> Self {
        Self { context }
    }
}
