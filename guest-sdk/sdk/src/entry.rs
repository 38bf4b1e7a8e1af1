//! Where the runtime enters the component: `discover` and `invoke`.

use crate::bindings::guest::{self, Guest, Invocation, Manifest};
use crate::context::Context;
use crate::error::{HandlerError, HandlerResult, TerminalError};
use crate::{executor, logging, registry};

struct Component;

impl Guest for Component {
    fn discover() -> Manifest {
        Manifest {
            sdk: concat!("rust/", env!("CARGO_PKG_VERSION")).to_owned(),
            services: registry::manifests(),
        }
    }

    fn invoke(invocation: Invocation) -> Result<Vec<u8>, guest::HandlerError> {
        logging::install();
        handle(invocation).map_err(|error| match error {
            HandlerError::Terminal(error) => guest::HandlerError::Terminal(error.into_failure()),
            HandlerError::Retryable(error) => guest::HandlerError::Retryable(error.into_wire()),
        })
    }
}

// The names of the exports are none that a native linker accepts.
#[cfg(target_family = "wasm")]
crate::bindings::export!(Component with_types_in crate::bindings);

/// Runs one invocation to its end.
pub(crate) fn handle(invocation: Invocation) -> HandlerResult<Vec<u8>> {
    let Invocation { id, target, headers, random_seed, input } = invocation;
    let (service, handler) = (target.service.clone(), target.handler.clone());
    let context = Context::new(id, target, headers, random_seed);
    let handling = registry::find(&service).and_then(|found| (found.dispatch)(&handler, context, input));
    match handling {
        Some(handling) => executor::block_on(handling),
        None => Err(TerminalError::new(format!("this component has no handler {service}/{handler}"))
            .with_code(404)
            .into()),
    }
}
