//! How `#[service]` registers a service, and how the manifest describes it.
//!
//! Everything here is called by generated code only; it is public, but hidden and not stable.

use std::pin::Pin;

pub use crate::bindings::guest::{HandlerManifest, HandlerMode, Payload, ServiceKind, ServiceManifest};
use crate::bindings::types::Header;
pub use crate::client::{Callee, Given, Object, Service, Workflow};
use crate::context::Context;
pub use crate::context::FromContext;
use crate::error::{HandlerError, HandlerResult};
use crate::payload;
pub use crate::payload::{Input, Output};
pub use inventory;

/// A running handler.
pub type Handling = Pin<Box<dyn Future<Output = HandlerResult<Vec<u8>>>>>;

/// One service of the component.
pub struct Registration {
    /// The name callers use.
    pub name: &'static str,
    /// Describes the service.
    pub manifest: fn() -> ServiceManifest,
    /// Starts a handler; none when there is no handler of this name.
    pub dispatch: fn(&str, Context, Vec<u8>) -> Option<Handling>,
}

inventory::collect!(Registration);

/// Finds a service of this component.
pub(crate) fn find(name: &str) -> Option<&'static Registration> {
    registrations().find(|registration| registration.name == name)
}

/// Describes all services of this component, ordered by name.
pub(crate) fn manifests() -> Vec<ServiceManifest> {
    let mut services: Vec<_> = registrations().map(|registration| (registration.manifest)()).collect();
    services.sort_by(|a, b| a.name.cmp(&b.name));
    services
}

fn registrations() -> impl Iterator<Item = &'static Registration> {
    inventory::iter::<Registration>.into_iter()
}

/// The options of a service or handler, as the macro wrote them down.
pub type Options = &'static [(&'static str, &'static str)];

/// Describes a service.
pub fn describe_service(
    name: &str,
    kind: ServiceKind,
    docs: &str,
    options: Options,
    handlers: Vec<HandlerManifest>,
) -> ServiceManifest {
    ServiceManifest {
        name: name.to_owned(),
        kind,
        handlers,
        docs: some_docs(docs),
        options: headers(options),
    }
}

/// Describes a handler.
pub fn describe_handler<I: Input, O: Output>(
    name: &str,
    mode: HandlerMode,
    docs: &str,
    options: Options,
) -> HandlerManifest {
    let (input, output): (Payload, Payload) = (I::describe(), O::describe());
    HandlerManifest {
        name: name.to_owned(),
        mode,
        input,
        output,
        docs: some_docs(docs),
        options: headers(options),
    }
}

/// Reads the input of a handler.
pub fn decode<I: Input>(body: Vec<u8>) -> HandlerResult<I> {
    Ok(payload::read_input(body)?)
}

/// Writes the output of a handler.
pub fn encode<O: Output, E: Into<HandlerError>>(result: Result<O, E>) -> HandlerResult<Vec<u8>> {
    Ok(payload::write_output(result.map_err(Into::into)?)?)
}

fn some_docs(docs: &str) -> Option<String> {
    (!docs.is_empty()).then(|| docs.to_owned())
}

fn headers(options: Options) -> Vec<Header> {
    options
        .iter()
        .map(|(name, value)| Header { name: (*name).to_owned(), value: (*value).to_owned() })
        .collect()
}
