//! The handler's access to durable operations.

mod object;
mod workflow;

use std::rc::Rc;

use uuid::Uuid;

use crate::bindings::types::{Header, Target};
use crate::random::Random;

pub use object::{ObjectContext, SharedObjectContext};
pub use workflow::{SharedWorkflowContext, WorkflowContext};

/// What a handler of a service can do durably.
///
/// Every handler gets it as its first argument. It is cheap to clone, so that futures and helper
/// types can have their own. Everything that waits is lazy, as usual in Rust: the operation is
/// issued when its future is polled for the first time. `a.await; b.await` is one after the other,
/// `join!(a, b)` is both at once.
///
/// The contexts of virtual objects and workflows can do all of this and more.
#[derive(Debug, Clone)]
pub struct Context {
    shared: Rc<Shared>,
}

#[derive(Debug)]
struct Shared {
    id: String,
    target: Target,
    headers: Vec<Header>,
    random: Random,
}

impl Context {
    pub(crate) fn new(id: String, target: Target, headers: Vec<Header>, random_seed: u64) -> Self {
        Self { shared: Rc::new(Shared { id, target, headers, random: Random::new(random_seed) }) }
    }

    /// Draws a random UUID (version 4), the same one on every attempt. Good as idempotency key.
    ///
    /// # Panics
    /// Inside a run block; draw it before.
    pub fn rand_uuid(&self) -> Uuid {
        self.rand().uuid()
    }

    /// Returns the random source of this invocation, which draws the same on every attempt.
    pub fn rand(&self) -> Random {
        self.shared.random.clone()
    }

    /// Returns the id of this invocation.
    pub fn invocation_id(&self) -> &str {
        &self.shared.id
    }

    /// Returns the name of the service that was called.
    pub fn service_name(&self) -> &str {
        &self.shared.target.service
    }

    /// Returns the name of the handler that was called.
    pub fn handler_name(&self) -> &str {
        &self.shared.target.handler
    }

    /// Returns the headers of the request, in order: name and value.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.shared.headers.iter().map(|header| (header.name.as_str(), header.value.as_str()))
    }

    /// Returns the value of the first header of this name; case does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(each, _)| each.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Returns the key that was called, in a handler that is called by key.
    fn key(&self) -> &str {
        self.shared.target.key.as_deref().expect("objects and workflows are called with a key")
    }
}

/// A context that handlers take. Generated code makes the one that the handler asks for.
#[doc(hidden)]
pub trait FromContext {
    /// Makes it from the context that every invocation has.
    fn from_context(context: Context) -> Self;
}

impl FromContext for Context {
    fn from_context(context: Context) -> Self {
        context
    }
}
