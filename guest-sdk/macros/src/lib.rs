//! The attribute macros of `abide-sdk`. Use them through that crate, which documents them.
//!
//! `#[service]`, `#[object]` and `#[workflow]` work in the same steps, one file each: `component`
//! reads the impl block into a plain description, `handler` reads one method of it, `expand` writes
//! the code that registers it, `client` the type that calls it.

#![forbid(unsafe_code)]

use proc_macro::TokenStream;

mod client;
mod component;
mod data;
mod expand;
mod handler;
mod options;

use component::{Component, Kind};

/// Makes the async functions of an impl block the handlers of a service.
#[proc_macro_attribute]
pub fn service(attribute: TokenStream, item: TokenStream) -> TokenStream {
    component(Kind::Service, attribute.into(), item.into()).into()
}

/// Makes the async functions of an impl block the handlers of a virtual object.
#[proc_macro_attribute]
pub fn object(attribute: TokenStream, item: TokenStream) -> TokenStream {
    component(Kind::Object, attribute.into(), item.into()).into()
}

/// Makes the async functions of an impl block the handlers of a workflow.
#[proc_macro_attribute]
pub fn workflow(attribute: TokenStream, item: TokenStream) -> TokenStream {
    component(Kind::Workflow, attribute.into(), item.into()).into()
}

/// Makes a struct or enum usable as input, output and result: derives `Serialize`, `Deserialize`
/// and `JsonSchema` without further dependencies.
#[proc_macro_attribute]
pub fn data(attribute: TokenStream, item: TokenStream) -> TokenStream {
    data::expand(attribute.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

fn component(
    kind: Kind,
    attribute: proc_macro2::TokenStream,
    item: proc_macro2::TokenStream,
) -> proc_macro2::TokenStream {
    match Component::parse(kind, attribute, item.clone()) {
        Ok(component) => expand::component(&component),
        // The item stays, so that one mistake does not make every use of the type another one.
        Err(error) => {
            let error = error.into_compile_error();
            let item = component::without_handler_attributes(item);
            quote::quote!(#item #error)
        }
    }
}
