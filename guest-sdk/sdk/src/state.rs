//! The state of virtual objects and workflows.

use crate::bindings::state::Lookup;
use crate::bindings::types::Outcome;
use crate::codec::{self, Decode, Encode};
use crate::context::{ObjectContext, SharedObjectContext, SharedWorkflowContext, WorkflowContext};
use crate::durable::{Durable, Issued};
use crate::{host, scope};

impl SharedObjectContext {
    /// Reads a value of the object's state; `None` when there is none.
    ///
    /// What was read is recorded, so a handler sees the same value on every attempt, and its own
    /// changes at once.
    ///
    /// ```
    /// use abide_sdk::prelude::*;
    ///
    /// # async fn handler(ctx: &SharedObjectContext) -> HandlerResult<()> {
    /// let count: u64 = ctx.get("count").await?.unwrap_or_default();
    /// let owner = ctx.get::<String>("owner").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// When the value is not a `T`. Values stay when code changes: give a changed type another
    /// name, or let it read the old form too. The attempt fails, nothing is lost, and a deployment
    /// that reads the value lets the invocation continue.
    pub fn get<T: Decode>(&self, name: impl Into<String>) -> Durable<Option<T>> {
        get(name.into())
    }

    /// Lists the names of all values in the object's state, in order.
    pub fn state_keys(&self) -> Durable<Vec<String>> {
        keys()
    }
}

impl ObjectContext {
    /// Sets a value of the object's state, which stays until it is cleared.
    ///
    /// Takes effect for others together with whatever the handler does next, never halfway: after
    /// a crash the value is set, or the handler sets it again.
    ///
    /// ```
    /// use abide_sdk::prelude::*;
    ///
    /// # async fn handler(ctx: &ObjectContext) -> HandlerResult<()> {
    /// ctx.set("count", &7);
    /// ctx.set("owner", "ann");
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// When the value does not serialize to JSON, for example a map whose keys are no text.
    pub fn set(&self, name: &str, value: &(impl Encode + ?Sized)) {
        set(name, value);
    }

    /// Removes a value from the object's state; does nothing when there is none.
    pub fn clear(&self, name: &str) {
        clear(name);
    }

    /// Removes all values from the object's state. An object without state takes no space.
    pub fn clear_all(&self) {
        clear_all();
    }
}

impl SharedWorkflowContext {
    /// Reads a value of the workflow's state; `None` when there is none.
    ///
    /// As [`SharedObjectContext::get`], panics included.
    pub fn get<T: Decode>(&self, name: impl Into<String>) -> Durable<Option<T>> {
        get(name.into())
    }

    /// Lists the names of all values in the workflow's state, in order.
    pub fn state_keys(&self) -> Durable<Vec<String>> {
        keys()
    }
}

impl WorkflowContext {
    /// Sets a value of the workflow's state, for the handlers that tell how it is going.
    ///
    /// As [`ObjectContext::set`], panics included. The state goes when the workflow's retention is
    /// over.
    pub fn set(&self, name: &str, value: &(impl Encode + ?Sized)) {
        set(name, value);
    }

    /// Removes a value from the workflow's state; does nothing when there is none.
    pub fn clear(&self, name: &str) {
        clear(name);
    }

    /// Removes all values from the workflow's state.
    pub fn clear_all(&self) {
        clear_all();
    }
}

fn get<T: Decode>(name: String) -> Durable<Option<T>> {
    let what = format!("the state \"{name}\"");
    let issue = move || match host::with(|host| host.state_get(&name)) {
        Lookup::Known(Some(value)) => Issued::Known(Outcome::Value(value)),
        Lookup::Known(None) => Issued::Known(Outcome::Empty),
        Lookup::Pending(op) => Issued::pending(op),
    };
    Durable::new(what, issue, codec::recorded_or_none)
}

fn keys() -> Durable<Vec<String>> {
    let issue = || Issued::pending(host::with(|host| host.state_keys()));
    Durable::new("ctx.state_keys".to_owned(), issue, codec::names)
}

fn set(name: &str, value: &(impl Encode + ?Sized)) {
    scope::assert_outside(format_args!("ctx.set(\"{name}\") was called"));
    let value = codec::written(&format!("the state \"{name}\""), value);
    host::with(|host| host.state_set(name, &value));
}

fn clear(name: &str) {
    scope::assert_outside(format_args!("ctx.clear(\"{name}\") was called"));
    host::with(|host| host.state_clear(name));
}

fn clear_all() {
    scope::assert_outside("ctx.clear_all was called");
    host::with(|host| host.state_clear_all());
}
