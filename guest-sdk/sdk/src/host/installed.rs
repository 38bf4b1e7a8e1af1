//! The host that a native test installed in its thread.

use std::cell::RefCell;
use std::rc::Rc;

use super::Host;

thread_local! {
    static INSTALLED: RefCell<Option<Rc<dyn Host>>> = const { RefCell::new(None) };
}

/// Makes `host` answer this thread's operations.
#[cfg(test)]
pub(crate) fn install(host: Rc<dyn Host>) {
    INSTALLED.set(Some(host));
}

pub(crate) fn with<R>(use_host: impl FnOnce(&dyn Host) -> R) -> R {
    let host = INSTALLED.with_borrow(Clone::clone);
    let host = host.expect("durable operations work only in a component that the Abide runtime runs");
    use_host(&*host)
}
