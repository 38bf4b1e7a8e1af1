//! Whether the code that runs at this moment is the closure of a run block.
//!
//! Invariant: `run-enter` and `run-exit` alternate; context operations happen only outside.

use std::cell::RefCell;
use std::fmt::Display;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::bindings::types::OpId;
use crate::host;

thread_local! {
    static INSIDE: RefCell<Option<Rc<str>>> = const { RefCell::new(None) };
}

/// Returns whether a run block's closure is being polled.
pub(crate) fn is_inside() -> bool {
    INSIDE.with_borrow(Option::is_some)
}

/// Panics when called from the closure of a run block.
#[track_caller]
pub(crate) fn assert_outside(what: impl Display) {
    if is_inside() {
        let name = INSIDE.with_borrow(Clone::clone).unwrap_or_default();
        panic!(
            "{what} inside the run block \"{name}\". A run block's closure cannot use durable operations or the \
             context's randomness, because replay skips the closure: do it before or after the run block and let \
             the closure capture the result."
        );
    }
}

/// Opens the bracket around one poll; closes it when dropped.
struct Bracket;

impl Bracket {
    fn open(op: OpId, name: &Rc<str>) -> Self {
        assert_outside("a run block was executed");
        INSIDE.set(Some(name.clone()));
        host::with(|host| host.run_enter(op));
        Self
    }
}

impl Drop for Bracket {
    fn drop(&mut self) {
        INSIDE.set(None);
        if !std::thread::panicking() {
            host::with(|host| host.run_exit());
        }
    }
}

/// The execution of a run block's closure, every poll of it in brackets.
pub(crate) struct Bracketed<F> {
    op: OpId,
    name: Rc<str>,
    future: Pin<Box<F>>,
}

impl<F: Future> Bracketed<F> {
    pub(crate) fn new(op: OpId, name: Rc<str>, future: F) -> Self {
        Self { op, name, future: Box::pin(future) }
    }
}

impl<F: Future> Future for Bracketed<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let _bracket = Bracket::open(this.op, &this.name);
        this.future.as_mut().poll(cx)
    }
}
